/// The content-addressed cache of unpacked images, shared by several processes.

import Glibc
import SandboxAPI
import SandboxRuntime

/// The cache. An entry is named by the archive's SHA-256; it is complete from the moment it has that name.
///
/// ```
/// images/NAME/{rootfs,manifest.json,in-use}   `in-use`: each user of the entry holds a shared lock on it
/// building/NAME                               being unpacked, by the process that has the lock locks/NAME;
///                                             becomes images/NAME by one rename
/// trash/…                                     being removed; unused
/// index/DEVICE-INODE                          the digest of an archive unchanged since
/// ```
///
/// All methods block; unpacking and hashing of an archive can take minutes.
final class ImageCache: Sendable {
    /// An entry that is locked against removal.
    struct Entry: Sendable {
        var rootfs: String
        var digest: String
        var environment: [String: String]
        var hold: ImageHold
    }

    private enum Found {
        case missing
        case damaged
        case good(Entry)
    }

    /// An entry that this process has verified completely, and the state of its root at that time.
    private struct Verified {
        var lock: UInt
        var root: ArchiveIdentity
        var environment: [String: String]
    }

    static let standardBytes = 20 << 30
    private static let rootName = "rootfs"
    /// How often an entry may vanish or turn out damaged during one request before the request fails.
    private static let attempts = 8
    private static let maximumVerified = 1024

    let directory: CacheDirectory
    private let limits: ImageLimits
    private let maximumBytes: Int
    private let digests: ArchiveDigests
    private let verified = Locked<[String: Verified]>([:])

    /// Opens a cache, and removes what dead processes left in it.
    ///
    /// - Parameters:
    ///   - maximumBytes: above it, unused entries are removed, the least recently used first.
    init(
        path: String, limits: ImageLimits = .standard, maximumBytes: Int = ImageCache.standardBytes
    ) throws(ImageFailure) {
        directory = try CacheDirectory(path: path)
        digests = ArchiveDigests(directory)
        self.limits = limits
        self.maximumBytes = maximumBytes
        _ = try directory.cleanUp()
    }

    // MARK: Using

    /// The image of an archive that this process has used before, in microseconds; `nil`: call
    /// ``prepare(_:named:_:)``.
    func recall(_ path: String) -> Entry? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        guard let digest = digests.recall(ArchiveIdentity(status)) else { return nil }
        // On any failure the caller goes on with `prepare`, which finds and reports it.
        guard case .good(let entry)? = try? use(digest, waiting: nil, recalling: true) else { return nil }
        return entry
    }

    /// The image of an archive, which is unpacked if the cache does not have it or has it damaged.
    ///
    /// - Parameters:
    ///   - file: the archive, open for reading.
    ///   - name: the archive as the caller named it.
    func prepare(
        _ file: borrowing OwnedDescriptor, named name: String, _ cancellation: Cancellation
    ) throws(ImageFailure) -> Entry {
        let identity = try ArchiveIdentity(of: file)
        let digest = try digests.digest(of: file, identity, cancellation)
        for _ in 0..<Self.attempts {
            if case .good(let entry) = try use(digest, waiting: cancellation) { return entry }
            if let entry = try build(digest, from: file, identity, named: name, cancellation) { return entry }
        }
        throw ImageFailure(
            "it vanished from the cache again and again", hint: "is something else removing it?")
    }

    /// Locks an entry and verifies it: completely the first time in this process, later only its root.
    ///
    /// - Parameter recalling: whether an entry that is not verified yet counts as missing.
    private func use(
        _ digest: String, waiting: Cancellation?, recalling: Bool = false
    ) throws(ImageFailure) -> Found {
        let name = Self.name(digest)
        guard let entry = try TreeWalk.openIfThere(directory.images.number, Array(name.utf8)) else {
            return .missing
        }
        guard
            let lock = try FileLock.take(
                CacheDirectory.lockName, in: entry.number, .shared, creating: false, waiting: waiting)
        else { return waiting == nil ? .missing : .damaged }
        // During the wait another process may have replaced the entry.
        guard try directory.images(name, is: entry) else { return .missing }
        guard let environment = try verify(entry, name, digest, lock, recalling) else {
            return recalling ? .missing : .damaged
        }
        guard futimens(lock.file.number, nil) == 0 else {
            throw ImageFailure(errno: errno, "mark its entry used")
        }
        return .good(
            Entry(
                rootfs: "\(directory.path)/images/\(name)/\(Self.rootName)", digest: digest,
                environment: environment, hold: ImageHold(lock)))
    }

    /// - Returns: the image's environment; `nil` when the entry is damaged.
    private func verify(
        _ entry: borrowing OwnedDescriptor, _ name: String, _ digest: String, _ lock: FileLock,
        _ recalling: Bool
    ) throws(ImageFailure) -> [String: String]? {
        let lockInode = try TreeWalk.inode(lock.file.number)
        var status = stat()
        guard fstatat(entry.number, Self.rootName, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        let root = ArchiveIdentity(status)
        if let known = verified.withLock({ $0[name] }), known.lock == lockInode {
            return known.root == root ? known.environment : nil
        }
        guard !recalling else { return nil }
        guard let manifest = try CacheManifest.read(in: entry.number),
            manifest.format == CacheManifest.currentFormat, manifest.digest == digest,
            let tree = try TreeWalk.openIfThere(entry.number, Array(Self.rootName.utf8))
        else { return nil }
        do throws(ImageFailure) {
            guard try TreeState(of: tree.number) == manifest.tree else { return nil }
        } catch  where error.errno == ENOENT || error.errno == ENOTDIR || error.errno == EACCES {
            return nil  // the tree changes meanwhile, or a directory is not readable
        }
        verified.withLock { verified in
            if verified.count >= Self.maximumVerified { verified.removeAll() }
            verified[name] = Verified(lock: lockInode, root: root, environment: manifest.environment)
        }
        return manifest.environment
    }

    // MARK: Unpacking

    /// Unpacks an archive under the lock of its name; other processes that want the same archive wait here.
    ///
    /// - Returns: `nil` when another process has just unpacked it.
    private func build(
        _ digest: String, from file: borrowing OwnedDescriptor, _ identity: ArchiveIdentity,
        named source: String,
        _ cancellation: Cancellation
    ) throws(ImageFailure) -> Entry? {
        let name = Self.name(digest)
        let locks = directory.locks.number
        cancellation.meter?.begin(.waiting)
        guard
            let alone = try FileLock.take(name, in: locks, .exclusive, creating: true, waiting: cancellation)
        else { return nil }
        // The name goes while the lock is held; a process that waited for it sees that and creates another.
        defer {
            unlinkat(locks, name, 0)
            withExtendedLifetime(alone) {}
        }
        switch try use(digest, waiting: cancellation) {
        case .good(let entry): return entry
        case .damaged: try directory.discard(name, from: directory.images)
        case .missing: break
        }
        _ = try directory.cleanUp()
        try directory.discard(name, from: directory.building)
        cancellation.meter?.begin(.unpacking, total: identity.size)
        do throws(ImageFailure) {
            try unpack(digest, from: file, identity, named: source, cancellation)
        } catch {
            // Only the first failure is reported; the next use removes what stays.
            try? directory.discard(name, from: directory.building)
            throw error
        }
        let entry = try TreeWalk.open(directory.building.number, Array(name.utf8))
        // Locked before the entry has its public name, so that no process can remove it in between.
        let lock = try FileLock.take(
            CacheDirectory.lockName, in: entry.number, .shared, creating: false, waiting: cancellation)
        defer { withExtendedLifetime(lock) {} }
        guard renameat(directory.building.number, name, directory.images.number, name) == 0 else {
            throw ImageFailure(errno: errno, "put it into the cache")
        }
        try directory.evict(above: maximumBytes)
        guard case .good(let result) = try use(digest, waiting: cancellation) else { return nil }
        return result
    }

    private func unpack(
        _ digest: String, from file: borrowing OwnedDescriptor, _ identity: ArchiveIdentity,
        named source: String,
        _ cancellation: Cancellation
    ) throws(ImageFailure) {
        let name = Self.name(digest)
        let entry = try Self.makeDirectory(name, in: directory.building.number)
        try CacheFile.write([], CacheDirectory.lockName, in: entry.number)
        let root = try Self.makeDirectory(Self.rootName, in: entry.number)
        guard fchmod(root.number, 0o755) == 0 else {
            throw ImageFailure(errno: errno, "set the root's permissions")
        }
        let archive = ImageArchive(
            file.number, size: identity.size, limits: limits, cancellation: cancellation)
        let contents = try archive.unpack(into: root.number, scratch: entry.number)
        try RootDirectory.check(root.number)
        guard try ArchiveIdentity(of: file) == identity else {
            throw ImageFailure("the file was changed while it was read", hint: "leave it alone meanwhile")
        }
        let manifest = CacheManifest(
            digest: digest, source: source, count: contents.count, tree: try TreeState(of: root.number),
            environment: contents.environment)
        try manifest.write(in: entry.number)
    }

    // MARK: Names

    static func name(_ digest: String) -> String {
        "sha256-\(digest.dropFirst("sha256:".count))"
    }

    /// The digest that an entry's name stands for; `nil` for a name that no entry has.
    static func digest(of name: [UInt8]) -> String? {
        let text = String(decoding: name, as: UTF8.self)
        let digest = "sha256:\(text.dropFirst("sha256-".count))"
        return text.hasPrefix("sha256-") && ImageArchive.isDigest(digest) ? digest : nil
    }

    private static func makeDirectory(_ name: String, in parent: Int32) throws(ImageFailure)
        -> OwnedDescriptor
    {
        guard mkdirat(parent, name, 0o700) == 0 else {
            throw ImageFailure(errno: errno, "make a directory of the cache")
        }
        return try TreeWalk.open(parent, Array(name.utf8))
    }
}
