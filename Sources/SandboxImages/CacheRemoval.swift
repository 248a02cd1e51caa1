/// Removes from the cache what dead processes left, damaged entries, and entries beyond the bound.

import Glibc
import SandboxAPI
import SandboxRuntime

/// An entry to be removed is first renamed into `trash`, where no process looks for images, and removed there
/// by the process that gets its `in-use` lock. The lock file goes last, so that two processes never remove
/// one entry.
extension CacheDirectory {
    /// The file in an entry that users of the entry lock.
    static let lockName = "in-use"
    /// The index is emptied at this number of files: it is only a cache of digests.
    private static let maximumIndex = 4096
    private static let attempts = 4

    /// Removes what dead processes left: half unpacked and half removed entries.
    ///
    /// - Returns: the removed paths.
    func cleanUp() throws(ImageFailure) -> [String] {
        var removed: [String] = []
        for bytes in try TreeWalk.names(building.number) {
            let name = String(decoding: bytes, as: UTF8.self)
            // A free lock means that the process that made it is dead.
            let alone = try FileLock.take(name, in: locks.number, .exclusive, creating: true, waiting: nil)
            guard alone != nil else { continue }
            defer { withExtendedLifetime(alone) {} }
            try discard(name, from: building)
            unlinkat(locks.number, name, 0)
            removed.append("\(path)/building/\(name)")
        }
        for name in try TreeWalk.names(trash.number) where try removeTrash(name) {
            removed.append("\(path)/trash/\(String(decoding: name, as: UTF8.self))")
        }
        return removed
    }

    /// Removes unused entries, the least recently used first, until the rest is within the bound.
    func evict(above maximumBytes: Int) throws(ImageFailure) {
        var entries: [(name: String, weight: Int, used: [Int])] = []
        for bytes in try TreeWalk.names(images.number) {
            let name = String(decoding: bytes, as: UTF8.self)
            var status = stat()
            guard let entry = try TreeWalk.openIfThere(images.number, bytes),
                fstatat(entry.number, Self.lockName, &status, AT_SYMLINK_NOFOLLOW) == 0,
                let manifest = try CacheManifest.read(in: entry.number)
            else {
                try evictDamaged(name)
                continue
            }
            entries.append((name, manifest.weight, [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]))
        }
        var total = entries.reduce(0) { $0 + $1.weight }
        for entry in entries.sorted(by: { $0.used.lexicographicallyPrecedes($1.used) })
        where total > maximumBytes {
            if try evict(entry.name) { total -= entry.weight }
        }
        let remembered = try TreeWalk.names(index.number)
        if remembered.count > Self.maximumIndex {
            for name in remembered { try TreeWalk.remove(name, in: index.number) }
        }
    }

    /// Renames an entry into `trash`, and removes it there once it is unused. The caller holds the lock of
    /// that name in `locks`.
    func discard(_ name: String, from parent: borrowing OwnedDescriptor) throws(ImageFailure) {
        guard let entry = try TreeWalk.openIfThere(parent.number, Array(name.utf8)) else {
            return try TreeWalk.remove(Array(name.utf8), in: parent.number)
        }
        var status = stat()
        if fstatat(entry.number, Self.lockName, &status, AT_SYMLINK_NOFOLLOW) != 0 {
            try CacheFile.write([], Self.lockName, in: entry.number)
        }
        let away = Self.unique(name)
        guard renameat(parent.number, name, trash.number, away) == 0 else {
            if errno == ENOENT { return }
            throw ImageFailure(errno: errno, "remove \(name) from the cache")
        }
        _ = try removeTrash(Array(away.utf8))
    }

    /// Whether `images` still has this entry under this name.
    func images(_ name: String, is entry: borrowing OwnedDescriptor) throws(ImageFailure) -> Bool {
        var status = stat()
        guard fstatat(images.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return false }
        return try TreeWalk.inode(entry.number) == UInt(status.st_ino)
    }

    /// A name that no other process uses.
    static func unique(_ name: String) -> String {
        "\(name).\(getpid()).\(String(UInt64.random(in: .min ... .max), radix: 16))"
    }

    /// Removes an entry without a lock file or a manifest, unless another process is at work on it.
    func evictDamaged(_ name: String) throws(ImageFailure) {
        // Without the lock another process is at work on this entry.
        let alone = try FileLock.take(name, in: locks.number, .exclusive, creating: true, waiting: nil)
        guard alone != nil else { return }
        defer { withExtendedLifetime(alone) {} }
        try discard(name, from: images)
        unlinkat(locks.number, name, 0)
    }

    /// - Returns: `false` when the entry is in use.
    func evict(_ name: String) throws(ImageFailure) -> Bool {
        guard let entry = try TreeWalk.openIfThere(images.number, Array(name.utf8)) else { return false }
        let lock = try FileLock.take(
            Self.lockName, in: entry.number, .exclusive, creating: false, waiting: nil)
        defer { withExtendedLifetime(lock) {} }
        guard lock != nil, try images(name, is: entry) else { return false }
        let away = Self.unique(name)
        guard renameat(images.number, name, trash.number, away) == 0 else {
            throw ImageFailure(errno: errno, "remove \(name) from the cache")
        }
        try remove(entry, Array(away.utf8))
        return true
    }

    /// - Returns: `false` when a process still uses the entry, or is removing it.
    private func removeTrash(_ name: [UInt8]) throws(ImageFailure) -> Bool {
        guard let entry = try TreeWalk.openIfThere(trash.number, name) else {
            try TreeWalk.remove(name, in: trash.number)
            return true
        }
        let lock = try FileLock.take(
            Self.lockName, in: entry.number, .exclusive, creating: false, waiting: nil)
        defer { withExtendedLifetime(lock) {} }
        var status = stat()
        if lock == nil, fstatat(entry.number, Self.lockName, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            return false
        }
        try remove(entry, name)
        return true
    }

    /// Removes an entry of `trash`, its lock file last.
    private func remove(_ entry: borrowing OwnedDescriptor, _ name: [UInt8]) throws(ImageFailure) {
        for attempt in 1...Self.attempts {
            do throws(ImageFailure) {
                for child in try TreeWalk.names(entry.number) where child != Array(Self.lockName.utf8) {
                    try TreeWalk.remove(child, in: entry.number)
                }
                return try TreeWalk.remove(name, in: trash.number)
            } catch {
                if error.errno == ENOENT { return }  // another process removed the empty directory first
                // A process that had just found the entry may have created its lock file anew.
                guard error.errno == ENOTEMPTY, attempt < Self.attempts else { throw error }
            }
        }
    }
}
