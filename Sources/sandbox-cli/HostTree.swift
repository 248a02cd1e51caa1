/// A directory of the host with all in it, as a tar archive that is read while it is written into a sandbox.

#if CLI
import Glibc
import Sandbox
import SandboxAPI
import SandboxRuntime

/// The files, directories and symbolic links below a directory, as they were when it was looked through: a file that
/// has changed since then is refused when it is read.
///
/// No link below the directory is followed, at no part of a path: whoever may write into it cannot lead the command
/// elsewhere. One or two descriptors are open at a time, however deep the tree is.
final class HostTree: Sendable {
    private let path: ByteString
    private let root: OwnedDescriptor
    private let entries: [Entry]

    private struct Entry: Sendable {
        /// Relative to the tree's root.
        var path: ByteString
        var kind: TarEntry.Kind
        var mode: UInt32 = 0o755
        var size = 0
        /// Of a file.
        var state: FileState?
        var target: ByteString = ""

        /// The entry as the archive has it.
        var header: TarEntry {
            TarEntry(
                path: kind == .directory ? path.bytes + [ByteString.slash] : path.bytes, kind: kind,
                linkTarget: target.bytes, mode: mode, size: size)
        }
    }

    /// What tells that a file is the one that was listed, with the content that it had then.
    struct FileState: Equatable, Sendable {
        private let kind: mode_t
        private let device: UInt64
        private let inode: UInt64
        private let size: Int
        private let seconds: Int
        private let nanoseconds: Int

        init(_ status: stat) {
            kind = status.st_mode & S_IFMT
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int(status.st_size)
            seconds = Int(status.st_mtim.tv_sec)
            nanoseconds = Int(status.st_mtim.tv_nsec)
        }
    }

    /// Looks through the directory, and opens none of its files.
    ///
    /// - Parameters:
    ///   - path: followed, if it is a link: the caller names it.
    ///   - limits: the most entries, and bytes of all files together.
    /// - Throws: `.notRegularFile` for a device, a socket or a FIFO; `.tooManyFiles`, `.fileTooLarge`; `.fileAccess`.
    init(_ path: ByteString, limits: TreeLimits) throws(SandboxError) {
        guard
            let root = OwnedDescriptor(
                owning: Glibc.open(path.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        else { throw HostFile.openFailure(errno, path: path, what: "the input directory") }
        var entries: [Entry] = []
        var bytes = 0
        var pending: [ByteString] = [""]
        while let directory = pending.popLast() {
            let opened = try Self.open(directory, in: root.number, of: path, O_RDONLY | O_DIRECTORY)
            for name in try Self.names(opened.number, path + "/" + directory).sorted() {
                let entry = try Self.entry(
                    name, in: opened.number, as: directory.isEmpty ? name : directory + "/" + name, of: path)
                entries.append(entry)
                if entries.count > limits.entries { throw Self.tooMany(limits, path) }
                guard let sum = Self.sum(bytes, entry.size, atMost: limits.bytes) else {
                    throw Self.tooLarge(limits, path)
                }
                bytes = sum
                if entry.kind == .directory { pending.append(entry.path) }
            }
        }
        self.path = path
        self.root = root
        self.entries = entries
    }

    /// The bytes of all files with one more, `nil` where they are over the limit.
    ///
    /// Whoever fills the directory chooses the sizes, up to `Int.max` for a sparse file: a sum of two can be more than
    /// an `Int` holds.
    ///
    /// - Parameter bytes: within the limit.
    static func sum(_ bytes: Int, _ size: Int, atMost limit: Int) -> Int? {
        size > limit - bytes ? nil : bytes + size
    }

    private static func tooMany(_ limits: TreeLimits, _ path: ByteString) -> SandboxError {
        SandboxError(
            .tooManyFiles,
            message: "the input directory '\(path)' has more than \(limits.entries) entries",
            hint: "give a smaller one, or a file that holds it all")
    }

    private static func tooLarge(_ limits: TreeLimits, _ path: ByteString) -> SandboxError {
        SandboxError(
            .fileTooLarge,
            message:
                "the files of the input directory '\(path)' are larger than \(ByteSize.describe(limits.bytes))",
            hint: "raise `--disk`, which they have to fit on, or give a smaller directory")
    }

    private static func entry(
        _ name: ByteString, in directory: Int32, as relative: ByteString, of path: ByteString
    ) throws(SandboxError) -> Entry {
        var status = stat()
        if fstatat(directory, name.cString, &status, AT_SYMLINK_NOFOLLOW) != 0 {
            throw failure(errno, "examine", path, relative)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            return Entry(
                path: relative, kind: .file, mode: status.st_mode & 0o777, size: Int(status.st_size),
                state: FileState(status))
        case S_IFDIR: return Entry(path: relative, kind: .directory)
        case S_IFLNK:
            var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
            let length = target.withUnsafeMutableBytes {
                readlinkat(directory, name.cString, $0.baseAddress!, $0.count)
            }
            if length < 0 { throw failure(errno, "read the link", path, relative) }
            return Entry(path: relative, kind: .symbolicLink, target: ByteString(target[..<length]))
        case S_IFIFO: throw special("a FIFO", path, relative)
        case S_IFSOCK: throw special("a socket", path, relative)
        default: throw special("a device", path, relative)
        }
    }

    private static func special(
        _ kind: String, _ path: ByteString, _ relative: ByteString
    ) -> SandboxError {
        SandboxError(
            .notRegularFile, message: "'\(path)/\(relative)' is \(kind)",
            hint: "an input directory has files, directories and symbolic links: remove it, or give another")
    }

    private static func failure(
        _ number: Int32, _ verb: String, _ path: ByteString, _ relative: ByteString
    ) -> SandboxError {
        SandboxError(
            .fileAccess, errno: number,
            message: "cannot \(verb) '\(path)/\(relative)': \(ErrnoText.of(number))")
    }

    /// Opens an entry part by part, and follows no link on the way.
    private static func open(
        _ relative: ByteString, in root: Int32, of path: ByteString, _ flags: Int32
    ) throws(SandboxError) -> OwnedDescriptor {
        let parts = relative.parts
        var current = try open(".", in: root, O_RDONLY | O_DIRECTORY, of: path, relative)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            current = try open(
                part, in: current.number, isLast ? flags : O_RDONLY | O_DIRECTORY, of: path, relative)
        }
        return current
    }

    private static func open(
        _ part: ByteString, in directory: Int32, _ flags: Int32, of path: ByteString,
        _ relative: ByteString
    ) throws(SandboxError) -> OwnedDescriptor {
        // Without O_NONBLOCK the open of a FIFO that took a file's place would wait for a writer.
        let opened = openat(
            directory, part.cString, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard let descriptor = OwnedDescriptor(owning: opened) else {
            throw failure(errno, "open", path, relative)
        }
        return descriptor
    }

    private static func names(
        _ directory: Int32, _ path: ByteString
    ) throws(SandboxError) -> [ByteString] {
        // A descriptor of its own, which belongs to the stream from `fdopendir` on.
        guard let own = OwnedDescriptor(owning: fcntl(directory, F_DUPFD_CLOEXEC, 0)),
            let stream = fdopendir(own.number)
        else {
            throw SandboxError(
                .fileAccess, errno: errno, message: "cannot list '\(path)': \(ErrnoText.of(errno))")
        }
        _ = own.take()
        defer { closedir(stream) }
        var names: [ByteString] = []
        errno = 0
        while let entry = readdir(stream) {
            let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
            let text = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
            let name = ByteString(UnsafeRawBufferPointer(start: text, count: strlen(text)))
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 {
            throw SandboxError(
                .fileAccess, errno: errno, message: "cannot list '\(path)': \(ErrnoText.of(errno))")
        }
        return names
    }

    // MARK: - The archive

    /// The archive in pieces of some 256 KiB, for one consumer.
    func archive() -> Archive { Archive(tree: self) }

    struct Archive: AsyncSequence, Sendable {
        typealias Element = [UInt8]
        fileprivate let tree: HostTree

        func makeAsyncIterator() -> Pieces { Pieces(tree) }
    }

    /// Reads the files one after the other.
    final class Pieces: AsyncIteratorProtocol {
        private static let size = 256 << 10
        private let tree: HostTree
        private var next = 0
        private var isAtEnd = false
        private var file: OpenFile?

        fileprivate init(_ tree: HostTree) { self.tree = tree }

        func next() async throws -> [UInt8]? {
            var piece: [UInt8] = []
            while piece.count < Self.size, !isAtEnd {
                if let file {
                    if file.left > 0 { piece += try file.read(atMost: Self.size) }
                    if file.left == 0 {
                        try file.finish()
                        piece += TarWriter.padding(after: file.size)
                        self.file = nil
                    }
                } else if next < tree.entries.count {
                    let entry = tree.entries[next]
                    next += 1
                    piece += TarWriter.header(entry.header)
                    // An empty file is opened, too: whether it is still empty shows only then.
                    if entry.kind == .file { file = try OpenFile(entry, of: tree) }
                } else {
                    isAtEnd = true
                    piece += TarWriter.end
                }
            }
            return piece.isEmpty ? nil : piece
        }
    }

    /// A file of the tree while it is read.
    private final class OpenFile {
        let size: Int
        private(set) var left: Int
        private let name: ByteString
        private let listed: FileState?
        private let descriptor: OwnedDescriptor

        /// - Throws: `.fileChanged` where another file has the name, or the file is not as it was listed.
        init(_ entry: Entry, of tree: HostTree) throws(SandboxError) {
            name = tree.path + "/" + entry.path
            size = entry.size
            left = entry.size
            listed = entry.state
            descriptor = try HostTree.open(entry.path, in: tree.root.number, of: tree.path, O_RDONLY)
            try check()
        }

        /// Reads on in what was listed, as long as something is left of that.
        func read(atMost count: Int) throws(SandboxError) -> [UInt8] {
            let bytes = try next(atMost: min(count, left))
            // The header has the file's size already, so a file that became shorter cannot be continued.
            if bytes.isEmpty { throw Self.changed(name) }
            left -= bytes.count
            return bytes
        }

        /// To be called when nothing is left: the archive would otherwise have a file cut where it ended before, or
        /// partly old and partly new.
        ///
        /// Files of /proc have content and no size, so that only reading on shows that there is more.
        ///
        /// - Throws: `.fileChanged` unless the file ends here and is as it was listed.
        func finish() throws(SandboxError) {
            let more = try next(atMost: 1)
            if !more.isEmpty { throw Self.changed(name) }
            try check()
        }

        private func check() throws(SandboxError) {
            var status = stat()
            guard fstat(descriptor.number, &status) == 0, FileState(status) == listed else {
                throw Self.changed(name)
            }
        }

        private func next(atMost count: Int) throws(SandboxError) -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: count)
            var length = 0
            repeat {
                length = Glibc.read(descriptor.number, &buffer, buffer.count)
            } while length < 0 && errno == EINTR
            if length < 0 {
                throw SandboxError(
                    .fileAccess, errno: errno, message: "cannot read '\(name)': \(ErrnoText.of(errno))")
            }
            return Array(buffer[..<length])
        }

        private static func changed(_ name: ByteString) -> SandboxError {
            SandboxError(
                .fileChanged, message: "'\(name)' was changed while it was read",
                hint:
                    "run again when nothing writes into the directory; files of /proc have to be copied")
        }
    }
}

#endif
