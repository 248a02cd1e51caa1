/// Images, unpacked once: a content-addressed cache that several processes share.

import Glibc
import SandboxAPI
import SandboxRuntime

/// The cache. An entry is named by the archive's SHA-256; it is complete from the moment it has that name.
///
/// ```
/// images/NAME/{rootfs,manifest.json,in-use}   `in-use` is locked, shared, by everybody who uses the entry
/// building/NAME                               becomes images/NAME by one rename; who makes it has locks/NAME
/// trash/…                                     on its way out; nobody uses it
/// index/DEVICE-INODE                          the digest of an archive that was not changed since
/// ```
///
/// All methods block, some for as long as unpacking takes.
final class ImageCache: Sendable {
    /// An entry that cannot go away.
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

    /// An entry that this process has verified whole, with its root's state then.
    private struct Verified {
        var lock: UInt
        var root: ArchiveIdentity
        var environment: [String: String]
    }

    static let standardBytes = 20 << 30
    private static let rootName = "rootfs"
    /// How often an entry may vanish or turn out damaged under our hands before that is an error.
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
    ///   - maximumBytes: above it, entries that nobody uses are removed, the least recently used first.
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

    /// The image of an archive that this process has used before, in microseconds; `nil`: ask ``prepare(_:named:_:)``.
    func recall(_ path: String) -> Entry? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        guard let digest = digests.recall(ArchiveIdentity(status)) else { return nil }
        // Whatever is wrong is found again, and told, by prepare.
        guard case .good(let entry)? = try? use(digest, waiting: nil, recalling: true) else { return nil }
        return entry
    }

    /// The image of an archive, unpacked if it is not in the cache, or damaged there.
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

    /// Locks an entry and verifies it: the first time in this process all of it, later its root only.
    ///
    /// - Parameter recalling: whether an entry not verified yet counts as missing.
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
        // It may have been removed while we waited, and another put in its place.
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
            return nil  // it is being changed, or a directory was locked up
        }
        verified.withLock { verified in
            if verified.count >= Self.maximumVerified { verified.removeAll() }
            verified[name] = Verified(lock: lockInode, root: root, environment: manifest.environment)
        }
        return manifest.environment
    }

    // MARK: Unpacking

    /// Unpacks an archive, alone: whoever wants the same one waits here.
    ///
    /// - Returns: `nil` when somebody else has just done it.
    private func build(
        _ digest: String, from file: borrowing OwnedDescriptor, _ identity: ArchiveIdentity,
        named source: String,
        _ cancellation: Cancellation
    ) throws(ImageFailure) -> Entry? {
        let name = Self.name(digest)
        let locks = directory.locks.number
        guard
            let alone = try FileLock.take(name, in: locks, .exclusive, creating: true, waiting: cancellation)
        else { return nil }
        // The name goes while the lock is held; who waited for it sees that it is gone and makes another.
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
        do throws(ImageFailure) {
            try unpack(digest, from: file, identity, named: source, cancellation)
        } catch {
            // The first failure is the one that matters; what stays is removed with the next use.
            try? directory.discard(name, from: directory.building)
            throw error
        }
        let entry = try TreeWalk.open(directory.building.number, Array(name.utf8))
        // Taken before the name is public, so that nobody can remove it in between.
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

    private static func name(_ digest: String) -> String {
        "sha256-\(digest.dropFirst("sha256:".count))"
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
