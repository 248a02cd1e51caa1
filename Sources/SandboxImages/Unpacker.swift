/// Creates the files of an archive below one directory, and nothing outside of it.

import CArchive
import Glibc
import SandboxAPI
import SandboxRuntime

/// Unpacks one archive after another, as layers, into an empty directory that only this process changes.
///
/// The kernel resolves every name with the directory as its root (`openat2`, `RESOLVE_IN_ROOT`): links of
/// earlier entries are followed, as an image with `/bin -> usr/bin` needs, but none leads out. The last part
/// of a name is never followed: the entry replaces what is there.
///
/// Everything belongs to the user who unpacks. Recorded permissions are kept without set-user-id and
/// set-group-id, and the owner may always read and write, and search directories. Modification times of files
/// are kept; extended attributes and owners are ignored.
final class Unpacker {
    /// What an unpacker created.
    struct Count: Codable, Hashable {
        /// Entries, extended headers, whiteouts and missing parent directories included.
        var entries = 0
        /// Bytes of file data.
        var bytes = 0
        /// Device nodes and FIFOs below `/dev` that were left out: a sandbox makes its own.
        var skippedDevices = 0
    }

    private struct Made: Hashable {
        var directory: UInt
        var name: [UInt8]
    }

    /// An open directory, closed with the last reference; the root, which the caller opened, is not closed.
    private final class Directory {
        let path: [UInt8]
        let inode: UInt
        let fd: Int32
        private let owner: OwnedDescriptor?

        init(path: [UInt8], inode: UInt, _ owner: consuming OwnedDescriptor) {
            self.path = path
            self.inode = inode
            fd = owner.number
            self.owner = consume owner
        }

        init(root: Int32, inode: UInt) {
            path = []
            self.inode = inode
            fd = root
            owner = nil
        }
    }

    private(set) var count = Count()
    private let root: Int32
    private let limits: ImageLimits
    private let cancellation: Cancellation
    /// The directory of the last entry. Forgotten when something is removed, since its path may have led
    /// through that.
    private var last: Directory?
    /// The entries of the present layer, which its own whiteouts leave alone.
    private var made: Set<Made> = []
    /// Inodes of directories without anything of lower layers, however deep: the present layer created them,
    /// or its whiteouts have cleared them. No whiteout visits them again, so that all whiteouts of a layer
    /// together visit each name once.
    private let clean = CleanDirectories()
    /// How many names whiteouts have visited, for tests.
    private(set) var looks = 0
    private var isUpperLayer = false
    private var layerCount = 0
    /// How many bytes may be written before the free space is checked again.
    private var room = 0

    /// - Parameter root: an empty directory, which the caller keeps open while this is used.
    init(root: Int32, limits: ImageLimits, cancellation: Cancellation) {
        self.root = root
        self.limits = limits
        self.cancellation = cancellation
    }

    /// Unpacks a whole archive.
    ///
    /// - Parameter asLayer: whether whiteouts are applied.
    /// - Throws: `ImageFailure` with the entry's name; what was created until then stays.
    func unpack(_ archive: TarStream, asLayer: Bool) throws(ImageFailure) {
        made.removeAll()
        clean.inodes.removeAll()
        isUpperLayer = layerCount > 0
        layerCount += 1
        var metaHeaders = 0
        while let entry = try archive.next() {
            do throws(ImageFailure) {
                try cancellation.check()
                try countEntry(1 + archive.metaHeaders - metaHeaders)
                metaHeaders = archive.metaHeaders
                try place(entry, archive, asLayer)
            } catch {
                throw error.at(entry: entry.path)
            }
        }
        last = nil
    }

    private func place(_ entry: TarEntry, _ archive: TarStream, _ asLayer: Bool) throws(ImageFailure) {
        let path = try EntryPath(entry.path, limits: limits)
        if asLayer, let whiteout = try Whiteout(path) { return try apply(whiteout, path) }
        guard !path.isRoot else {
            guard entry.kind == .directory else { throw ImageFailure("the root is not a directory") }
            return try setRootMode(entry.mode)
        }
        switch entry.kind {
        case .characterDevice, .blockDevice, .fifo:
            guard path.isBelow("dev") else {
                let kind = entry.kind == .fifo ? "a FIFO" : "a device"
                throw ImageFailure(
                    "it is \(kind)", hint: "an image may have devices and FIFOs below dev only")
            }
            count.skippedDevices += 1
        case .file:
            try writeFile(entry, archive, in: try directory(path), path.name)
        case .directory:
            try makeDirectory(path.name, mode: entry.mode, in: try directory(path))
        case .symbolicLink:
            try path.checkLink(to: entry.linkTarget, limits: limits)
            try create(path.name, in: try directory(path), "make the link") { directory, name in
                entry.linkTarget.withPath { symlinkat($0, directory, name) }
            }
        case .hardLink:
            try makeHardLink(entry, path)
        }
    }

    // MARK: Kinds of entry

    private func writeFile(
        _ entry: TarEntry, _ archive: TarStream, in directory: Directory, _ name: [UInt8]
    ) throws(ImageFailure) {
        try countBytes(entry.size)
        let number = try create(name, in: directory, "make the file") { directory, name in
            openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard let file = OwnedDescriptor(owning: number) else {
            throw ImageFailure(errno: EBADF, "make the file")
        }
        try archive.readData(entry) { (chunk, range) throws(ImageFailure) in
            try Self.write(chunk, range, to: file.number)
        }
        var times = [timespec(), timespec()]
        times[0].tv_sec = entry.modified.seconds
        times[0].tv_nsec = entry.modified.nanoseconds
        times[1] = times[0]
        guard fchmod(file.number, (entry.mode & 0o777) | 0o600) == 0 else {
            throw ImageFailure(errno: errno, "set its permissions")
        }
        guard futimens(file.number, times) == 0 else { throw ImageFailure(errno: errno, "set its time") }
    }

    static func write(_ chunk: [UInt8], _ range: Range<Int>, to fd: Int32) throws(ImageFailure) {
        var start = range.lowerBound
        while start < range.upperBound {
            let written = chunk.withUnsafeBytes { bytes in
                Glibc.write(fd, bytes.baseAddress! + start, range.upperBound - start)
            }
            if written >= 0 {
                start += written
            } else if errno != EINTR {
                throw ImageFailure(errno: errno, "write it")
            }
        }
    }

    private func makeDirectory(
        _ name: [UInt8], mode: UInt32, in directory: Directory
    ) throws(ImageFailure) {
        let isThere = name.withPath { name in
            var status = stat()
            return fstatat(directory.fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0
                && status.st_mode & S_IFMT == S_IFDIR
        }
        if isThere {
            remember(name, directory)
        } else {
            try create(name, in: directory, "make the directory") { mkdirat($0, $1, 0o700) }
            if isUpperLayer, let inode = try TreeWalk.directoryInode(name, in: directory.fd) {
                clean.inodes.insert(inode)
            }
        }
        // Not a link: it was checked or created just now, and no other process changes the tree.
        let result = name.withPath {
            fchmodat(directory.fd, $0, (mode & 0o1777) | 0o700, 0)
        }
        guard result == 0 else { throw ImageFailure(errno: errno, "set its permissions") }
    }

    private func makeHardLink(_ entry: TarEntry, _ path: EntryPath) throws(ImageFailure) {
        let target = try EntryPath(entry.linkTarget, limits: limits, what: "hard link's target")
        let missing = ImageFailure(
            "the hard link's target \(ByteName.quoted(entry.linkTarget)) is not in the image",
            hint: "a hard link names a file that stands before it in the image")
        guard !target.isRoot else { throw missing }
        // Both are kept open: removing what is at the link's place may forget the last directory.
        let parent = try directory(path)
        guard let source = try existingDirectory(target) else { throw missing }
        var status = (target: stat(), link: stat())
        let from = source.fd
        guard target.name.withPath({ fstatat(from, $0, &status.target, AT_SYMLINK_NOFOLLOW) }) == 0 else {
            throw missing
        }
        guard status.target.st_mode & S_IFMT != S_IFDIR else {
            throw ImageFailure("the hard link's target \(ByteName.quoted(entry.linkTarget)) is a directory")
        }
        let found = path.name.withPath {
            fstatat(parent.fd, $0, &status.link, AT_SYMLINK_NOFOLLOW)
        }
        if found == 0, status.link.st_ino == status.target.st_ino { return remember(path.name, parent) }
        try create(path.name, in: parent, "make the hard link") { directory, name in
            target.name.withPath { linkat(from, $0, directory, name, 0) }
        }
    }

    /// The root keeps at least 0755: a program could not use a tree that was packed from a private directory.
    private func setRootMode(_ mode: UInt32) throws(ImageFailure) {
        guard fchmod(root, (mode & 0o1777) | 0o755) == 0 else {
            throw ImageFailure(errno: errno, "set the root's permissions")
        }
    }

    /// Removes what lower layers created, wherever in the layer the whiteout is, and never what this layer
    /// created.
    private func apply(_ whiteout: Whiteout, _ path: EntryPath) throws(ImageFailure) {
        guard isUpperLayer, whiteout != .ignored, let directory = try existingDirectory(path) else { return }
        if whiteout == .opaque, clean.inodes.contains(directory.inode) { return }
        let readable = try TreeWalk.open(directory.fd, [UInt8(ascii: ".")])
        let victims: [[UInt8]]
        switch whiteout {
        case .remove(let name): victims = [name]
        case .opaque: victims = try TreeWalk.names(readable.number)
        case .ignored: victims = []
        }
        last = nil
        for name in victims {
            try TreeWalk.remove(name, in: readable.number, clean: clean) { inode, name in
                self.looks += 1
                return self.made.contains(Made(directory: inode, name: name))
            }
        }
        if whiteout == .opaque { clean.inodes.insert(directory.inode) }
    }

    // MARK: Directories

    /// The open directory of an entry; missing ones are created.
    private func directory(_ path: EntryPath) throws(ImageFailure) -> Directory {
        if let directory = try existingDirectory(path) { return directory }
        var above = Directory(root: root, inode: try inode(root))
        for part in path.parentParts {
            let next = above.path.isEmpty ? Array(part) : above.path + [UInt8(ascii: "/")] + part
            if let directory = try open(next) {
                above = directory
                continue
            }
            try countEntry(1)
            guard Array(part).withPath({ mkdirat(above.fd, $0, 0o755) }) == 0 else {
                guard errno == EEXIST else { throw ImageFailure(errno: errno, "make its directory") }
                throw ImageFailure(
                    "its directory \(ByteName.quoted(next)) is a link that leads nowhere in the image")
            }
            remember(Array(part), above)
            let made = Array(part).withPath { fchmodat(above.fd, $0, 0o755, 0) }
            guard made == 0, let directory = try open(next) else {
                throw ImageFailure(errno: errno, "make its directory")
            }
            if isUpperLayer { clean.inodes.insert(directory.inode) }
            above = directory
        }
        last = above
        return above
    }

    /// The open directory of an entry; `nil` when it is missing.
    private func existingDirectory(_ path: EntryPath) throws(ImageFailure) -> Directory? {
        if let last, last.path == path.parent { return last }
        guard let directory = try open(path.parent) else { return nil }
        last = directory
        return directory
    }

    private func open(_ path: [UInt8]) throws(ImageFailure) -> Directory? {
        if path.isEmpty { return Directory(root: root, inode: try inode(root)) }
        let result = path.withPath { isolate_open_in_root(root, $0) }
        if result == -ENOENT { return nil }
        guard let owner = OwnedDescriptor(owning: result) else {
            if result == -ENOTDIR { throw ImageFailure("its directory \(ByteName.quoted(path)) is a file") }
            if result == -ELOOP {
                throw ImageFailure("its directory \(ByteName.quoted(path)) is a loop of links")
            }
            throw ImageFailure(errno: -result, "open its directory \(ByteName.quoted(path))")
        }
        return Directory(path: path, inode: try inode(owner.number), owner)
    }

    /// Only whiteouts of upper layers need the inode.
    private func inode(_ fd: Int32) throws(ImageFailure) -> UInt {
        isUpperLayer ? try TreeWalk.inode(fd) : 0
    }

    // MARK: Making and counting

    /// Creates something new at a name, in place of what is there.
    ///
    /// - Parameter body: a system call that fails with EEXIST instead of following or replacing anything.
    @discardableResult
    private func create(
        _ name: [UInt8], in directory: Directory, _ doing: String,
        _ body: (Int32, UnsafePointer<CChar>) -> Int32
    ) throws(ImageFailure) -> Int32 {
        var result = name.withPath { body(directory.fd, $0) }
        if result < 0, errno == EEXIST {
            last = nil
            let readable = try TreeWalk.open(directory.fd, [UInt8(ascii: ".")])
            try TreeWalk.remove(name, in: readable.number)
            result = name.withPath { body(directory.fd, $0) }
        }
        guard result >= 0 else { throw ImageFailure(errno: errno, doing) }
        remember(name, directory)
        return result
    }

    private func remember(_ name: [UInt8], _ directory: Directory) {
        if isUpperLayer { made.insert(Made(directory: directory.inode, name: name)) }
    }

    private func countEntry(_ number: Int) throws(ImageFailure) {
        count.entries += number
        guard count.entries <= limits.entries else {
            throw ImageFailure("the image has more than \(limits.entries) entries")
        }
    }

    /// Counts a file's bytes before they are written.
    private func countBytes(_ bytes: Int) throws(ImageFailure) {
        guard bytes <= limits.bytes - count.bytes else {
            throw ImageFailure("the image's files have more than \(limits.bytes) bytes")
        }
        count.bytes += bytes
        if bytes > room {
            var status = statvfs()
            guard fstatvfs(root, &status) == 0 else {
                throw ImageFailure(errno: errno, "look at the disk")
            }
            let free = Int(status.f_bavail) * Int(status.f_frsize) - limits.freeBytes
            guard bytes <= free else {
                throw ImageFailure(
                    "the cache's disk is full: the file's \(bytes) bytes would leave less than \(limits.freeBytes) free",
                    hint: "make room there, or put the cache elsewhere with SANDBOX_CACHE", errno: ENOSPC)
            }
            room = min(free, max(bytes, 64 << 20))
        }
        room -= bytes
    }
}
