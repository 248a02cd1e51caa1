/// The file of `--json-file` or `--junit`: checked before the program runs, written whole or not at all after it.

#if CLI
import Glibc
import Sandbox
import SandboxRuntime

/// A file for the result. A regular file is replaced by a new one, which keeps its mode and, where that is allowed,
/// its owner. A pipe or device is written to, and so is a file that one of the command's own descriptors leads to: a
/// log that stderr is redirected to gets the result behind what it has already.
///
/// An invalid command line ends the command before there is a `ResultFile`. Then, and where the file cannot be
/// written, a file of an earlier run is there with its old content: exit status 125 and stderr tell the caller that it
/// is not of this run.
final class ResultFile: Sendable {
    private let path: ByteString
    /// The option that names the file.
    private let option: String
    /// The directory of a regular file, or what is written to: a pipe, a device, a copy of a descriptor of ours.
    private let descriptor: OwnedDescriptor
    /// The file's name in its directory; `nil` where `descriptor` is written to.
    private let name: ByteString?
    /// Of the file that is replaced; `nil` for a new one.
    private let rights: AtomicFile.Rights?
    private let written = Locked(false)

    /// Whether the file has its content.
    var isWritten: Bool { written.withLock { $0 } }

    /// Checks that the file can be written; a file that is there stays as it is.
    ///
    /// - Parameter option: the option that names the file, for messages.
    /// - Throws: `.fileAccess`.
    init(_ path: ByteString, option: String = "--json-file") throws(SandboxError) {
        self.path = path
        self.option = option
        if path.isEmpty || path == "-" || path.bytes.last == ByteString.slash {
            let alternative = option == "--json-file" ? "; `--json` prints the object on stdout" : ""
            throw SandboxError(
                .fileAccess, message: "'\(path)' of `\(option)` names no file",
                hint: "give a file" + alternative)
        }
        var target = path
        var found: AtomicFile.Rights?
        var status = stat()
        if stat(path.cString, &status) == 0 {
            if let own = try Self.own(path, status, option) {
                self.descriptor = own
                name = nil
                rights = nil
                return
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                if access(path.cString, W_OK) != 0 { throw Self.failure(errno, path, option) }
                // The file that a link leads to is replaced, and not the link.
                guard let resolved = realpath(path.cString, nil) else {
                    throw Self.failure(errno, path, option)
                }
                defer { free(resolved) }
                target = ByteString(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
                found = AtomicFile.Rights(
                    mode: status.st_mode & 0o777, owner: status.st_uid, group: status.st_gid)
            case S_IFDIR: throw Self.failure(EISDIR, path, option)
            default:
                // As in a shell, opening a FIFO waits for its reader.
                let opened = open(path.cString, O_WRONLY | O_CLOEXEC | O_NOCTTY)
                guard let descriptor = OwnedDescriptor(owning: opened) else {
                    throw Self.failure(errno, path, option)
                }
                self.descriptor = descriptor
                name = nil
                rights = nil
                return
            }
        } else if errno != ENOENT {
            throw Self.failure(errno, path, option)
        } else if lstat(path.cString, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK {
            // The caller means the file that the link leads to; one in the link's place would not be that.
            throw SandboxError(
                .fileAccess, errno: ENOENT,
                message: "'\(path)' of `\(option)` is a symbolic link that leads nowhere",
                hint: "remove the link, or give the file that it is to lead to")
        }
        let slash = target.bytes.lastIndex(of: ByteString.slash)
        let folder: ByteString = slash.map { ByteString(target.bytes[...$0]) } ?? "."
        let opened = open(folder.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard let descriptor = OwnedDescriptor(owning: opened) else {
            throw Self.failure(errno, path, option)
        }
        self.descriptor = descriptor
        name = ByteString(target.bytes[(slash.map { $0 + 1 } ?? 0)...])
        rights = found
        let refused = AtomicFile.probe(self.descriptor.number)
        if refused != 0 { throw Self.failure(refused, path, option) }
    }

    func write(_ bytes: [UInt8]) throws(SandboxError) {
        let number =
            name.map {
                AtomicFile.replace(
                    $0, in: descriptor.number, with: bytes, mode: 0o666, keeping: rights)
            } ?? StandardStreams.writeAll(bytes, to: descriptor.number)
        if number != 0 { throw Self.failure(number, path, option) }
        written.withLock { $0 = true }
    }

    /// A copy of the command's own descriptor that leads to the target, `nil` where none does.
    ///
    /// Whoever gave us the descriptor reads what is written to it. A new file under the name of the one behind it would
    /// take that away, and all that the file has already.
    ///
    /// - Parameter target: the status of what the path leads to.
    /// - Throws: `.fileAccess` where the path names a descriptor that is only read from.
    private static func own(
        _ path: ByteString, _ target: stat, _ option: String
    ) throws(SandboxError) -> OwnedDescriptor? {
        let named = named(by: path)
        for number in (named.map { [$0] } ?? []) + [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
            var status = stat()
            guard fstat(number, &status) == 0, status.st_dev == target.st_dev,
                status.st_ino == target.st_ino
            else { continue }
            let flags = fcntl(number, F_GETFL)
            if flags >= 0 && flags & O_ACCMODE != O_RDONLY {
                // The copy has the position of the original, as in a shell.
                guard let copy = OwnedDescriptor(owning: fcntl(number, F_DUPFD_CLOEXEC, 0)) else {
                    throw failure(errno, path, option)
                }
                return copy
            }
            if number == named { throw failure(EBADF, path, option) }
        }
        return nil
    }

    /// The number of the descriptor that a path names: `/dev/fd/N`, `/proc/self/fd/N`, `/dev/stdout` and its like.
    private static func named(by path: ByteString) -> Int32? {
        let parts = path.parts
        guard path.isAbsolute, let last = parts.last else { return nil }
        switch ByteString(path: parts.dropLast()) {
        case "dev/fd", "proc/self/fd": return Int32(last.text)
        case "dev":
            switch last {
            case "stdin": return STDIN_FILENO
            case "stdout": return STDOUT_FILENO
            case "stderr": return STDERR_FILENO
            default: return nil
            }
        default: return nil
        }
    }

    private static func failure(
        _ number: Int32, _ path: ByteString, _ option: String
    ) -> SandboxError {
        SandboxError(
            .fileAccess, errno: number,
            message: "cannot write '\(path)' of `\(option)`: \(ErrnoText.of(number))",
            hint: "give a file in a directory that is there and that you may write into")
    }
}

/// Files that appear complete under their name or not at all.
enum AtomicFile {
    /// Who may do what with a file.
    struct Rights: Sendable {
        var mode: mode_t
        var owner: uid_t
        var group: gid_t
    }

    /// Writes a new file and renames it, so that a link put there meanwhile is replaced, never followed.
    ///
    /// - Parameters:
    ///   - mode: as for `open`, for a file without `rights`.
    ///   - rights: of the file that is replaced.
    /// - Returns: 0 or an error number; then nothing has changed.
    static func replace(
        _ name: ByteString, in directory: Int32, with bytes: [UInt8], mode: mode_t,
        keeping rights: Rights? = nil
    ) -> Int32 {
        // Until the new file has the rights of the old one, nobody else reads it.
        let (opened, temporary) = make(in: directory, rights == nil ? mode : 0o600)
        guard let file = OwnedDescriptor(owning: opened) else { return errno }
        var number = StandardStreams.writeAll(bytes, to: file.number)
        if number == 0, let rights { number = give(rights, to: file.number) }
        let closed = file.close()
        if number == 0 { number = closed }
        if number == 0 && renameat(directory, temporary, directory, name.cString) != 0 { number = errno }
        if number != 0 { unlinkat(directory, temporary, 0) }
        return number
    }

    /// - Returns: 0 or an error number.
    private static func give(_ rights: Rights, to file: Int32) -> Int32 {
        // Root gives files away, others choose among their groups. Where the kernel or the file system refuses
        // that, the file stays ours: that is better than no result. The mode comes first: once the file is another
        // user's, the kernel may not let us set it.
        if fchmod(file, rights.mode) != 0 { return errno }
        _ = fchown(file, rights.owner, rights.group)
        return 0
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
