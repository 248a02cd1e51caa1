/// The digests of archives: computed by reading each archive once, and kept while the file is unchanged.

import Glibc
import SandboxAPI
import SandboxRuntime

/// An archive as the file system knows it: the same values mean the same bytes.
package struct ArchiveIdentity: Hashable, Sendable {
    var device: UInt
    var inode: UInt
    var size: Int
    var modified: [Int]
    var changed: [Int]

    init(_ status: stat) {
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
        changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }

    /// - Returns: `nil` when there is no such file.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init(of file: borrowing OwnedDescriptor) throws(ImageFailure) {
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw ImageFailure(errno: errno, "look at the file") }
        self.init(status)
    }

    /// The name of the index file that keeps the digest.
    var key: String { "\(String(device, radix: 16))-\(String(inode, radix: 16))" }

    /// The content of that file, up to the digest.
    var text: String { "\(size) \(modified[0]).\(modified[1]) \(changed[0]).\(changed[1]) " }

    private static let clockTick = 50_000_000

    /// Whether a later change would show in these values: a change within the same tick of the kernel's clock
    /// would not.
    package var isSettled: Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return (now.tv_sec - changed[0]) * 1_000_000_000 + now.tv_nsec - changed[1] > Self.clockTick
    }
}

/// Digests by ``ArchiveIdentity``: those of this process in memory, those of all processes in the cache's
/// `index`.
final class ArchiveDigests: Sendable {
    private static let maximumRemembered = 1024

    private let directory: CacheDirectory
    private let remembered = Locked<[ArchiveIdentity: String]>([:])

    init(_ directory: CacheDirectory) { self.directory = directory }

    private var index: Int32 { directory.index.number }

    /// The digest that this process has computed or read before.
    func recall(_ identity: ArchiveIdentity) -> String? { remembered.withLock { $0[identity] } }

    /// The archive's digest, from memory or the index, or computed by reading the whole archive.
    func digest(
        of file: borrowing OwnedDescriptor, _ identity: ArchiveIdentity, _ cancellation: Cancellation
    ) throws(ImageFailure) -> String {
        if let digest = recall(identity) { return digest }
        if let digest = read(identity) {
            remember(digest, of: identity)
            return digest
        }
        let isSettled = identity.isSettled
        cancellation.meter?.begin(.reading, total: identity.size)
        let source = try HashingSource(
            FileSource(file.number, count: identity.size, cancellation: cancellation))
        try source.drain()
        let digest = source.digest()
        guard try ArchiveIdentity(of: file) == identity else {
            throw ImageFailure("the file was changed while it was read", hint: "leave it alone meanwhile")
        }
        if isSettled {
            remember(digest, of: identity)
            try write(identity, digest)
        }
        return digest
    }

    private func remember(_ digest: String, of identity: ArchiveIdentity) {
        remembered.withLock { remembered in
            if remembered.count >= Self.maximumRemembered { remembered.removeAll() }
            remembered[identity] = digest
        }
    }

    /// - Returns: `nil` when the index has no digest of this file, or one from before a change.
    private func read(_ identity: ArchiveIdentity) -> String? {
        let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC
        guard let file = OwnedDescriptor(owning: openat(index, identity.key, flags)) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = pread(file.number, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard text.hasPrefix(identity.text) else { return nil }
        let digest = String(text.dropFirst(identity.text.count))
        return ImageArchive.isDigest(digest) ? digest : nil
    }

    private func write(_ identity: ArchiveIdentity, _ digest: String) throws(ImageFailure) {
        let temporary = CacheDirectory.unique(identity.key)
        try CacheFile.write(Array((identity.text + digest).utf8), temporary, in: index)
        guard renameat(index, temporary, index, identity.key) == 0 else {
            throw ImageFailure(errno: errno, "remember its digest")
        }
    }
}
