/// Walks, removes and measures a directory tree of any depth, and never follows a link.

import Glibc
import SandboxAPI
import SandboxRuntime

/// A directory tree below an open directory.
enum TreeWalk {
    private struct Level {
        var name: [UInt8]
        var inode: UInt
        var pending: [[UInt8]]
    }

    /// Visits `names` of `directory` and everything below them, one open directory at a time.
    ///
    /// Going back up by `..` is safe in trees that only this process changes; the walk checks that it
    /// arrived.
    ///
    /// - Parameters:
    ///   - visit: called with the open directory, its inode and a name in it; returns `true` to descend into
    ///     it.
    ///   - leave: called with the same values for a directory once everything in it was visited.
    static func walk(
        _ directory: Int32, names: [[UInt8]],
        visit: (_ directory: Int32, _ inode: UInt, _ name: [UInt8]) throws(ImageFailure) -> Bool,
        leave: (_ directory: Int32, _ inode: UInt, _ name: [UInt8]) throws(ImageFailure) -> Void
    ) throws(ImageFailure) {
        var current = try open(directory, [UInt8(ascii: ".")])
        var levels = [Level(name: [], inode: try inode(current.number), pending: names)]
        // The level is never copied: removing a name from a copied list would copy the list for each name.
        while !levels.isEmpty {
            let top = levels.count - 1
            let inode = levels[top].inode
            if let name = levels[top].pending.popLast() {
                guard try visit(current.number, inode, name) else { continue }
                current = try open(current.number, name)
                levels.append(
                    Level(
                        name: name, inode: try Self.inode(current.number),
                        pending: try Self.names(current.number)))
                continue
            }
            let left = levels.removeLast().name
            guard let above = levels.last?.inode else { return }
            current =
                levels.count == 1
                ? try open(directory, [UInt8(ascii: ".")]) : try open(current.number, Array("..".utf8))
            guard try Self.inode(current.number) == above else {
                throw ImageFailure("its directories were moved meanwhile", entry: left)
            }
            try leave(current.number, above, left)
        }
    }

    /// Removes `name` in `directory` and everything below it; a missing name is no error.
    ///
    /// - Parameters:
    ///   - clean: directories in which nothing is to be removed; directories that stay are added.
    ///   - keeping: called with a directory's inode and a name in it; returns whether this entry stays,
    ///     though not its content. A directory in which an entry stays, stays.
    static func remove(
        _ name: [UInt8], in directory: Int32, clean: CleanDirectories? = nil,
        keeping: ((UInt, [UInt8]) -> Bool)? = nil
    ) throws(ImageFailure) {
        try walk(directory, names: [name]) { (directory, inode, name) throws(ImageFailure) in
            if keeping?(inode, name) ?? false {
                guard let inode = try directoryInode(name, in: directory) else { return false }
                return !(clean?.inodes.contains(inode) ?? false)
            }
            if name.withPath({ unlinkat(directory, $0, 0) }) == 0 { return false }
            switch errno {
            case ENOENT: return false
            case EISDIR: return true
            case let number: throw ImageFailure(errno: number, "remove it", entry: name)
            }
        } leave: { (directory, inode, name) throws(ImageFailure) in
            if keeping?(inode, name) ?? false {
                if let clean, let inode = try directoryInode(name, in: directory) {
                    clean.inodes.insert(inode)
                }
                return
            }
            if name.withPath({ unlinkat(directory, $0, Int32(AT_REMOVEDIR)) }) == 0 { return }
            let number = errno
            if keeping != nil, number == ENOTEMPTY || number == EEXIST { return }
            throw ImageFailure(errno: number, "remove it", entry: name)
        }
    }

    /// Opens a directory that is not a link.
    static func open(_ directory: Int32, _ name: [UInt8]) throws(ImageFailure) -> OwnedDescriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        guard let opened = OwnedDescriptor(owning: name.withPath { openat(directory, $0, flags) }) else {
            throw ImageFailure(errno: errno, "open the directory", entry: name)
        }
        return opened
    }

    /// - Returns: `nil` when it is missing or no directory.
    static func openIfThere(_ directory: Int32, _ name: [UInt8]) throws(ImageFailure) -> OwnedDescriptor? {
        do throws(ImageFailure) {
            return try open(directory, name)
        } catch  where error.errno == ENOENT || error.errno == ENOTDIR || error.errno == ELOOP {
            return nil
        }
    }

    static func inode(_ fd: Int32) throws(ImageFailure) -> UInt {
        var status = stat()
        guard fstat(fd, &status) == 0 else { throw ImageFailure(errno: errno, "look at a directory") }
        return UInt(status.st_ino)
    }

    /// The names in a directory, without `.` and `..`.
    static func names(_ directory: Int32) throws(ImageFailure) -> [[UInt8]] {
        // A descriptor of its own, whose read position no other code moves.
        let own = OwnedDescriptor(owning: openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        guard let own, let stream = fdopendir(own.number) else {
            throw ImageFailure(errno: errno, "list a directory")
        }
        _ = own.take()  // the stream's from here on
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        errno = 0
        while let entry = readdir(stream) {
            let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
            let text = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: UInt8.self)
            let name = [UInt8](
                UnsafeBufferPointer(
                    start: text, count: strlen(UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self))))
            if name != [UInt8(ascii: ".")], name != Array("..".utf8) { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw ImageFailure(errno: errno, "list a directory") }
        return names
    }

    /// - Returns: `nil` when it is missing or no directory.
    static func directoryInode(_ name: [UInt8], in directory: Int32) throws(ImageFailure) -> UInt? {
        var status = stat()
        guard name.withPath({ fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
            if errno == ENOENT { return nil }
            throw ImageFailure(errno: errno, "look at it", entry: name)
        }
        return status.st_mode & S_IFMT == S_IFDIR ? UInt(status.st_ino) : nil
    }
}

/// The inodes of directories; shared by the walks of one layer.
final class CleanDirectories {
    var inodes: Set<UInt> = []
}

/// A tree's fingerprint: any change of a name, an inode or a file's content changes it.
struct TreeState: Codable, Hashable {
    /// Names below the root.
    var names = 0
    /// The sum over all names of a hash of the name and its inode's number, mode, owner, size and times. The
    /// kernel sets the time of a status change itself, so that every write shows.
    var sum: UInt64 = 0

    /// The state of the tree at `root`, itself included.
    init(of root: Int32) throws(ImageFailure) {
        var status = stat()
        guard fstat(root, &status) == 0 else { throw ImageFailure(errno: errno, "look at the tree") }
        add([], status)
        try TreeWalk.walk(root, names: TreeWalk.names(root)) { (directory, _, name) throws(ImageFailure) in
            var status = stat()
            guard name.withPath({ fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
                throw ImageFailure(errno: errno, "look at it", entry: name)
            }
            add(name, status)
            names += 1
            return status.st_mode & S_IFMT == S_IFDIR
        } leave: { (_, _, _) throws(ImageFailure) in
        }
    }

    /// FNV-1a, which is fast and the same in all processes; only the owner of the cache could forge an entry.
    private mutating func add(_ name: [UInt8], _ status: stat) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x0000_0100_0000_01b3 }
        for byte in name { mix(UInt64(byte)) }
        mix(UInt64(status.st_ino))
        mix(UInt64(status.st_mode))
        mix(UInt64(status.st_uid))
        mix(UInt64(bitPattern: Int64(status.st_size)))
        for time in [status.st_mtim, status.st_ctim] {
            mix(UInt64(bitPattern: Int64(time.tv_sec)))
            mix(UInt64(bitPattern: Int64(time.tv_nsec)))
        }
        sum &+= hash
    }
}
