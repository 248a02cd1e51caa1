/// Reads files of the host, with a bound on every read.

#if CLI
import Glibc
import Sandbox
import SandboxRuntime

/// A regular file's content.
struct HostFile {
    var bytes: [UInt8]
    var isExecutable: Bool

    /// Reads a whole regular file; links are followed, since the caller names the file.
    ///
    /// - Parameters:
    ///   - what: the file's role, for messages: "the source file".
    ///   - limit: a larger file is refused before anything of it is read.
    static func read(_ path: ByteString, what: String, limit: Int) throws(SandboxError) -> HostFile {
        // Without O_NONBLOCK the open of a FIFO would wait for a writer.
        let opened = open(path.cString, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard let file = OwnedDescriptor(owning: opened) else {
            throw openFailure(errno, path: path, what: what)
        }
        let status = try check(file.number, path: path, what: what)
        let name = "\(what) '\(path)'"
        if Int(status.st_size) > limit { throw tooLarge(name, limit) }
        let bytes = try readAll(file.number, expected: Int(status.st_size), limit: limit, name: name)
        return HostFile(bytes: bytes, isExecutable: status.st_mode & 0o111 != 0)
    }

    /// Reads a file of whatever kind to its end, also a pipe or a device: a shell gives the output of a command as one.
    ///
    /// As in a shell, opening a FIFO waits for its writer.
    ///
    /// - Parameters:
    ///   - what: the file's role, for messages.
    ///   - limit: of a file with more, and of a device without an end, one byte more than this is read.
    static func readAny(_ path: ByteString, what: String, limit: Int) throws(SandboxError) -> [UInt8] {
        let opened = open(path.cString, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard let file = OwnedDescriptor(owning: opened) else {
            throw openFailure(errno, path: path, what: what)
        }
        let status = try examine(file.number, path: path, what: what)
        let name = "\(what) '\(path)'"
        var expected = 0
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            expected = Int(status.st_size)
            if expected > limit { throw tooLarge(name, limit) }
        case S_IFDIR: try check(status, path: path, what: what)
        default: break
        }
        return try readAll(file.number, expected: expected, limit: limit, name: name)
    }

    /// Reads the command's own stdin to its end, of whatever kind it is.
    static func readStandardInput(what: String, limit: Int) throws(SandboxError) -> [UInt8] {
        try readAll(STDIN_FILENO, expected: 0, limit: limit, name: what)
    }

    /// The file may grow meanwhile, and files of /proc have size 0: the bound counts the bytes that are read, at most
    /// one more than it allows.
    private static func readAll(
        _ descriptor: Int32, expected: Int, limit: Int, name: String
    ) throws(SandboxError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(expected)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let wanted = min(buffer.count - 1, limit - bytes.count) + 1
            let count = Glibc.read(descriptor, &buffer, wanted)
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN {
                var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&event, 1, -1)
                continue
            }
            if count < 0 {
                throw SandboxError(
                    .fileAccess, errno: errno, message: "cannot read \(name): \(ErrnoText.of(errno))")
            }
            if count == 0 { return bytes }
            if bytes.count + count > limit { throw tooLarge(name, limit) }
            bytes += buffer[..<count]
        }
    }

    private static func tooLarge(_ name: String, _ limit: Int) -> SandboxError {
        SandboxError(.fileTooLarge, message: "\(name) is larger than \(ByteSize.describe(limit))")
    }

    static func exists(_ path: ByteString) -> Bool {
        var status = stat()
        return stat(path.cString, &status) == 0
    }

    static func isDirectory(_ path: ByteString) -> Bool {
        var status = stat()
        return stat(path.cString, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Throws unless a regular file is there, without opening it.
    static func require(_ path: ByteString, what: String) throws(SandboxError) {
        var status = stat()
        if stat(path.cString, &status) != 0 { throw openFailure(errno, path: path, what: what) }
        try check(status, path: path, what: what)
    }

    private static func check(_ descriptor: Int32, path: ByteString, what: String) throws(SandboxError)
        -> stat
    {
        let status = try examine(descriptor, path: path, what: what)
        try check(status, path: path, what: what)
        return status
    }

    private static func examine(
        _ descriptor: Int32, path: ByteString, what: String
    ) throws(SandboxError) -> stat {
        var status = stat()
        if fstat(descriptor, &status) != 0 {
            throw SandboxError(
                .fileAccess, errno: errno,
                message: "cannot examine \(what) '\(path)': \(ErrnoText.of(errno))")
        }
        return status
    }

    private static func check(_ status: stat, path: ByteString, what: String) throws(SandboxError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR:
            throw SandboxError(
                .notRegularFile, errno: EISDIR, message: "\(what) '\(path)' is a directory")
        default: throw SandboxError(.notRegularFile, message: "\(what) '\(path)' is not a regular file")
        }
    }

    static func openFailure(_ number: Int32, path: ByteString, what: String) -> SandboxError {
        switch number {
        case ENOENT, ENOTDIR:
            SandboxError(.fileNotFound, errno: number, message: "\(what) '\(path)' does not exist")
        case ENXIO:  // A socket.
            SandboxError(
                .notRegularFile, errno: number, message: "\(what) '\(path)' is not a regular file")
        default:
            SandboxError(
                .fileAccess, errno: number,
                message: "cannot open \(what) '\(path)': \(ErrnoText.of(number))")
        }
    }
}

enum ErrnoText {
    /// glibc keeps the text in memory of the thread.
    static func of(_ number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}
#endif
