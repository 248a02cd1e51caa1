/// One unpacked image in the cache: its files, their expected state, and the lock of its users.

import FoundationEssentials
import Glibc
import SandboxAPI
import SandboxRuntime

/// The content of an entry's `manifest.json`, which is written last.
struct CacheManifest: Codable {
    /// The version of the entry's form and of the unpacker's rules. Entries of other versions stay unused
    /// until eviction removes them.
    static let currentFormat = 1

    var format = CacheManifest.currentFormat
    var digest: String
    /// The archive's name at the time of unpacking; for people.
    var source: String
    var count: Unpacker.Count
    var tree: TreeState
    var environment: [String: String]

    /// The entry's approximate size in the cache, in bytes: each name is counted as one block of 4096.
    var weight: Int { count.bytes + count.entries * 4096 }

    static let fileName = "manifest.json"
    private static let maximumBytes = 4 << 20

    /// - Returns: `nil` when the manifest is missing or invalid.
    static func read(in entry: Int32) throws(ImageFailure) -> CacheManifest? {
        let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC
        guard let file = OwnedDescriptor(owning: openat(entry, fileName, flags)) else {
            if errno == ENOENT || errno == ELOOP { return nil }
            throw ImageFailure(errno: errno, "read its manifest in the cache")
        }
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_size > 0, status.st_size <= maximumBytes else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        guard pread(file.number, &bytes, bytes.count, 0) == bytes.count else { return nil }
        return try? JSONDecoder().decode(CacheManifest.self, from: Data(bytes))
    }

    func write(in entry: Int32) throws(ImageFailure) {
        guard let data = try? JSONEncoder().encode(self) else {
            throw ImageFailure("its manifest cannot be encoded", code: .internalError)
        }
        try CacheFile.write(Array(data), Self.fileName, in: entry)
    }
}

enum CacheFile {
    /// Writes a file that must not exist yet.
    static func write(_ bytes: [UInt8], _ name: String, in directory: Int32) throws(ImageFailure) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        guard let file = OwnedDescriptor(owning: openat(directory, name, flags, 0o600)) else {
            throw ImageFailure(errno: errno, "make a file of the cache")
        }
        try Unpacker.write(bytes, 0..<bytes.count, to: file.number)
    }
}

/// Keeps an image in the cache until it is released or the last reference is gone.
package final class ImageHold: Sendable {
    private let lock: Locked<FileLock?>

    /// - Parameter lock: `nil` for images that are not in the cache.
    init(_ lock: FileLock?) { self.lock = Locked(lock) }

    /// Releases the image; further calls do nothing.
    package func release() { lock.withLock { $0 = nil } }
}
