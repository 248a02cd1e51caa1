/// Writes collected files below one directory of the host: follows no link, and replaces only regular files.

#if CLI
import Glibc
import Sandbox
import SandboxRuntime

/// An open `--out-dir`. Held by descriptor, so that renaming it meanwhile has no effect.
final class OutputDirectory: Sendable {
    let path: ByteString
    private let descriptor: OwnedDescriptor

    /// Opens the directory, and creates it when it is missing. Links in this path are followed, since the
    /// caller gave it.
    init(_ path: ByteString) throws(SandboxError) {
        var status = stat()
        if stat(path.cString, &status) != 0 && errno == ENOENT { try Self.makeDirectories(path) }
        let opened = open(path.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard let descriptor = OwnedDescriptor(owning: opened) else {
            throw Self.failure(errno, "cannot open the output directory '\(path)'")
        }
        self.descriptor = descriptor
        self.path = path
    }

    /// Writes one file, complete or not at all.
    ///
    /// - Returns: its path, absolute.
    func write(_ file: OutputFile, to name: OutputName) throws(SandboxError) -> ByteString {
        guard var parent = OwnedDescriptor(owning: fcntl(descriptor.number, F_DUPFD_CLOEXEC, 0)) else {
            throw Self.failure(errno, "cannot write '\(name.text)'")
        }
        for component in name.components.dropLast() {
            parent = try Self.enter(component, in: parent.number, name: name)
        }
        let last = name.components[name.components.count - 1]
        try Self.refuseUnlessFile(last, in: parent.number, name: name)
        let number = AtomicFile.replace(
            last, in: parent.number, with: file.bytes, mode: file.executable ? 0o777 : 0o666)
        if number != 0 { throw Self.failure(number, "cannot write '\(name.text)'") }
        return Self.absolute(path + "/" + name.path)
    }

    private static func enter(
        _ component: ByteString, in parent: Int32, name: OutputName
    ) throws(SandboxError) -> OwnedDescriptor {
        if mkdirat(parent, component.cString, 0o777) != 0 && errno != EEXIST {
            throw failure(errno, "cannot make the directory '\(component)' for '\(name.text)'")
        }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        guard let next = OwnedDescriptor(owning: openat(parent, component.cString, flags)) else {
            throw failure(errno, "'\(component)' of '\(name.text)' is not a directory of its own")
        }
        return next
    }

    private static func refuseUnlessFile(
        _ last: ByteString, in parent: Int32, name: OutputName
    ) throws(SandboxError) {
        var status = stat()
        if fstatat(parent, last.cString, &status, AT_SYMLINK_NOFOLLOW) != 0 {
            if errno == ENOENT { return }
            throw failure(errno, "cannot examine '\(name.text)' in the output directory")
        }
        if status.st_mode & S_IFMT != S_IFREG {
            throw SandboxError(
                .notRegularFile, message: "'\(name.text)' in the output directory is not a regular file",
                hint: "remove it, or choose another `--out-dir`")
        }
    }

    private static func makeDirectories(_ path: ByteString) throws(SandboxError) {
        var made: ByteString = path.isAbsolute ? "/" : ""
        for component in path.parts {
            made = made + component + "/"
            if mkdir(made.cString, 0o777) != 0 && errno != EEXIST {
                throw failure(errno, "cannot make the output directory '\(path)'")
            }
        }
    }

    /// The path from the root on, for one that is relative to the command's own directory.
    static func absolute(_ path: ByteString) -> ByteString {
        if path.isAbsolute { return path }
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        let relative = path.bytes.starts(with: "./".utf8) ? ByteString(path.bytes.dropFirst(2)) : path
        return ByteString(UnsafeRawBufferPointer(start: current, count: strlen(current))) + "/" + relative
    }

    private static func failure(_ number: Int32, _ message: String) -> SandboxError {
        SandboxError(.fileAccess, errno: number, message: "\(message): \(ErrnoText.of(number))")
    }
}
#endif
