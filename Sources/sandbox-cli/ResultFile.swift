/// The file of `--json-file`: checked before the program runs, written whole or not at all after it.

#if CLI
import Glibc
import Sandbox
import SandboxRuntime

/// A file for the result. A regular file is replaced by a new one; a pipe or device is written to.
final class ResultFile: Sendable {
    private let path: ByteString
    /// The directory of a regular file, or the pipe or device itself.
    private let descriptor: OwnedDescriptor
    /// The file's name in its directory; `nil` for a pipe or device.
    private let name: ByteString?
    private let written = Locked(false)

    /// Whether the file has its content.
    var isWritten: Bool { written.withLock { $0 } }

    /// Checks that the file can be written; a file that is there stays as it is.
    ///
    /// - Throws: `.fileAccess`, `.notRegularFile`.
    init(_ path: ByteString) throws(SandboxError) {
        self.path = path
        if path.isEmpty || path == "-" || path.bytes.last == ByteString.slash {
            throw SandboxError(
                .fileAccess, message: "'\(path)' of `--json-file` names no file",
                hint: "give a file; `--json` prints the object on stdout")
        }
        var target = path
        var status = stat()
        if stat(path.cString, &status) == 0 {
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                if access(path.cString, W_OK) != 0 { throw Self.failure(errno, path) }
                // The file that a link leads to is replaced, and not the link.
                guard let resolved = realpath(path.cString, nil) else { throw Self.failure(errno, path) }
                defer { free(resolved) }
                target = ByteString(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
            case S_IFDIR: throw Self.failure(EISDIR, path)
            default:
                // As in a shell, opening a FIFO waits for its reader.
                let opened = open(path.cString, O_WRONLY | O_CLOEXEC | O_NOCTTY)
                guard let descriptor = OwnedDescriptor(owning: opened) else {
                    throw Self.failure(errno, path)
                }
                self.descriptor = descriptor
                name = nil
                return
            }
        } else if errno != ENOENT {
            throw Self.failure(errno, path)
        }
        let slash = target.bytes.lastIndex(of: ByteString.slash)
        let folder: ByteString = slash.map { ByteString(target.bytes[...$0]) } ?? "."
        let opened = open(folder.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard let descriptor = OwnedDescriptor(owning: opened) else { throw Self.failure(errno, path) }
        self.descriptor = descriptor
        name = ByteString(target.bytes[(slash.map { $0 + 1 } ?? 0)...])
        let refused = AtomicFile.probe(self.descriptor.number)
        if refused != 0 { throw Self.failure(refused, path) }
    }

    func write(_ bytes: [UInt8]) throws(SandboxError) {
        let number =
            name.map { AtomicFile.replace($0, in: descriptor.number, with: bytes, mode: 0o666) }
            ?? StandardStreams.writeAll(bytes, to: descriptor.number)
        if number != 0 { throw Self.failure(number, path) }
        written.withLock { $0 = true }
    }

    private static func failure(_ number: Int32, _ path: ByteString) -> SandboxError {
        SandboxError(
            .fileAccess, errno: number,
            message: "cannot write '\(path)' of `--json-file`: \(ErrnoText.of(number))",
            hint: "give a file in a directory that is there and that you may write into")
    }
}

/// Files that appear complete under their name or not at all.
enum AtomicFile {
    /// Writes a new file and renames it, so that a link put there meanwhile is replaced, never followed.
    ///
    /// - Returns: 0 or an error number; then nothing has changed.
    static func replace(
        _ name: ByteString, in directory: Int32, with bytes: [UInt8], mode: mode_t
    ) -> Int32 {
        let (opened, temporary) = make(in: directory, mode)
        guard let file = OwnedDescriptor(owning: opened) else { return errno }
        var number = StandardStreams.writeAll(bytes, to: file.number)
        let closed = file.close()
        if number == 0 { number = closed }
        if number == 0 && renameat(directory, temporary, directory, name.cString) != 0 { number = errno }
        if number != 0 { unlinkat(directory, temporary, 0) }
        return number
    }

    /// Finds out whether files can be made in a directory, and leaves none.
    ///
    /// - Returns: 0 or an error number.
    static func probe(_ directory: Int32) -> Int32 {
        let (opened, temporary) = make(in: directory, 0o600)
        guard OwnedDescriptor(owning: opened) != nil else { return errno }
        return unlinkat(directory, temporary, 0) == 0 ? 0 : errno
    }

    private static func make(in directory: Int32, _ mode: mode_t) -> (descriptor: Int32, name: String) {
        let name = ".sandbox-\(getpid())-\(UInt64.random(in: 0 ... .max)).part"
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        return (openat(directory, name, flags, mode), name)
    }
}
#endif
