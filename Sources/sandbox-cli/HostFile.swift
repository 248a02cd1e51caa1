/// Reads regular files of the host, with a bound on every read.

#if CLI
    import Glibc
    import Sandbox

    /// A regular file's content.
    struct HostFile {
        var bytes: [UInt8]
        var isExecutable: Bool

        /// Reads a whole regular file; links are followed, since the caller names the file.
        ///
        /// - Parameters:
        ///   - what: the file's role, for messages: "the source file".
        ///   - limit: a larger file is refused before anything of it is read.
        static func read(_ path: String, what: String, limit: Int) throws(SandboxError) -> HostFile {
            // Without O_NONBLOCK the open of a FIFO would wait for a writer.
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
            if descriptor < 0 { throw openFailure(errno, path: path, what: what) }
            defer { close(descriptor) }

            let status = try check(descriptor, path: path, what: what)
            let tooLarge = SandboxError(
                .fileTooLarge, message: "\(what) '\(path)' is larger than \(ByteSize.describe(limit))")
            if Int(status.st_size) > limit { throw tooLarge }

            // The file may grow meanwhile, and files of /proc say 0: the bound counts what is really read.
            var bytes: [UInt8] = []
            bytes.reserveCapacity(Int(status.st_size))
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                if count < 0 {
                    throw SandboxError(
                        .fileAccess, errno: errno,
                        message: "cannot read \(what) '\(path)': \(ErrnoText.of(errno))")
                }
                if count == 0 { break }
                if bytes.count + count > limit { throw tooLarge }
                bytes += buffer[..<count]
            }
            return HostFile(bytes: bytes, isExecutable: status.st_mode & 0o111 != 0)
        }

        static func exists(_ path: String) -> Bool {
            var status = stat()
            return stat(path, &status) == 0
        }

        private static func check(_ descriptor: Int32, path: String, what: String) throws(SandboxError)
            -> stat
        {
            var status = stat()
            if fstat(descriptor, &status) != 0 {
                throw SandboxError(
                    .fileAccess, errno: errno,
                    message: "cannot examine \(what) '\(path)': \(ErrnoText.of(errno))")
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG: return status
            case S_IFDIR:
                throw SandboxError(
                    .notRegularFile, errno: EISDIR, message: "\(what) '\(path)' is a directory")
            default: throw SandboxError(.notRegularFile, message: "\(what) '\(path)' is not a regular file")
            }
        }

        static func openFailure(_ number: Int32, path: String, what: String) -> SandboxError {
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
        /// glibc keeps the text per thread.
        static func of(_ number: Int32) -> String {
            strerror(number).map { String(cString: $0) } ?? "error \(number)"
        }
    }
#endif
