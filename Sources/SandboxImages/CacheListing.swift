/// Lists the entries of the cache, and removes the one that a digest names.

import Glibc
package import SandboxAPI
import SandboxRuntime

extension CacheDirectory {
    /// How often an entry's lock is tried before the entry counts as in use: another list, which tries the
    /// same lock, has it for some µs.
    private static let lockAttempts = 5
    private static let lockPauseMicroseconds: useconds_t = 2000

    /// All finished entries, the most recently used first.
    func list() throws(ImageFailure) -> [CachedImage] {
        var found: [CachedImage] = []
        for bytes in try TreeWalk.names(images.number) {
            guard let digest = ImageCache.digest(of: bytes),
                let entry = try TreeWalk.openIfThere(images.number, bytes)
            else { continue }
            var status = stat()
            let hasLock = fstatat(entry.number, Self.lockName, &status, AT_SYMLINK_NOFOLLOW) == 0
            if !hasLock, errno != ENOENT || fstat(entry.number, &status) != 0 {
                throw ImageFailure(errno: errno, "look at an entry of the cache")
            }
            // An entry whose manifest cannot be read is one that can be removed.
            let manifest = try? CacheManifest.read(in: entry.number)
            let isComplete =
                hasLock && manifest?.format == CacheManifest.currentFormat && manifest?.digest == digest
            let isInUse = hasLock ? try isLocked(entry) : false
            found.append(
                CachedImage(
                    digest: digest, source: manifest?.source, bytes: manifest?.weight ?? 0,
                    names: manifest?.count.entries ?? 0,
                    lastUsed: .seconds(status.st_mtim.tv_sec) + .nanoseconds(status.st_mtim.tv_nsec),
                    isInUse: isInUse, isComplete: isComplete))
        }
        return found.sorted { ($1.lastUsed, $0.digest) < ($0.lastUsed, $1.digest) }
    }

    /// Removes an entry that no process uses. Its users hold a lock on it, so none loses it.
    ///
    /// - Parameter digest: checked; `sha256:…`.
    func remove(_ digest: String) throws(ImageFailure) -> CachedImage.Removal {
        let name = ImageCache.name(digest)
        var wasDamaged = false
        for attempt in 1...Self.lockAttempts {
            guard let entry = try TreeWalk.openIfThere(images.number, Array(name.utf8)) else {
                return wasDamaged ? .removed : .missing
            }
            if try evict(name) { return .removed }
            var status = stat()
            if fstatat(entry.number, Self.lockName, &status, AT_SYMLINK_NOFOLLOW) != 0, errno == ENOENT {
                // Without its lock file no process can use it.
                wasDamaged = true
                try evictDamaged(name)
            }
            if attempt < Self.lockAttempts { usleep(Self.lockPauseMicroseconds) }
        }
        let isGone = try TreeWalk.openIfThere(images.number, Array(name.utf8)) == nil
        return isGone ? .removed : .inUse
    }

    private func isLocked(_ entry: borrowing OwnedDescriptor) throws(ImageFailure) -> Bool {
        for attempt in 1...Self.lockAttempts {
            let lock = try FileLock.take(
                Self.lockName, in: entry.number, .exclusive, creating: false, waiting: nil)
            if lock != nil { return false }
            if attempt < Self.lockAttempts { usleep(Self.lockPauseMicroseconds) }
        }
        return true
    }
}

extension ImageStore {
    /// The entries of this user's cache, the most recently used first; none where there is no cache.
    package static func list(cachePath: String? = nil) throws(SandboxError) -> [CachedImage] {
        try withCache(cachePath, "listed") { cache throws(ImageFailure) in try cache?.list() ?? [] }
    }

    /// Removes an entry of this user's cache, unless a process uses it.
    package static func remove(
        _ digest: String, cachePath: String? = nil
    ) throws(SandboxError) -> CachedImage.Removal {
        guard ImageArchive.isDigest(digest) else {
            throw SandboxError(
                .invalidArgument, message: "\(Validation.quoted(digest)) is no digest of an image",
                hint: "give sha256: and 64 hexadecimal digits")
        }
        return try withCache(cachePath, "changed") { cache throws(ImageFailure) in
            try cache?.remove(digest) ?? .missing
        }
    }

    /// - Parameters:
    ///   - done: completes "the image cache could not be …".
    ///   - body: gets `nil` where this user has no cache: looking for one makes none.
    private static func withCache<Value>(
        _ cachePath: String?, _ done: String, _ body: (CacheDirectory?) throws(ImageFailure) -> Value
    ) throws(SandboxError) -> Value {
        do throws(ImageFailure) {
            let path = try directory(cachePath)
            var status = stat()
            if stat(path, &status) != 0, errno == ENOENT || errno == ENOTDIR { return try body(nil) }
            return try body(try CacheDirectory(path: path))
        } catch {
            throw SandboxError(
                .fileAccess, stage: "image", errno: error.errno,
                message: "the image cache could not be \(done): \(error.reason)", hint: error.hint)
        }
    }
}
