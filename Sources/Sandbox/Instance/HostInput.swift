/// A file of the host as a program's stdin.

import Glibc

package enum HostInput {
    /// - Returns: a descriptor that the caller owns.
    /// - Throws: `.invalidPath`, `.fileNotFound`, `.fileAccess`, `.notRegularFile`.
    package static func open(_ path: String) throws(SandboxError) -> Int32 {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw SandboxError(
                .invalidPath, message: "the stdin file \(Validation.quoted(path)) is not a file name",
                hint: "give a path without NUL")
        }
        let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard fd >= 0 else {
            let number = errno
            throw SandboxError(
                number == ENOENT || number == ENOTDIR ? .fileNotFound : .fileAccess, stage: "stdin",
                errno: number,
                message: "the stdin file \(Validation.quoted(path)): \(describe(errno: number))",
                hint: "give a regular file that this process may read")
        }
        var status = stat()
        guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(fd)
            throw SandboxError(
                .notRegularFile, stage: "stdin",
                message: "the stdin file \(Validation.quoted(path)) is not a regular file",
                hint: "for pipes, terminals and devices read them yourself and use .stream")
        }
        return fd
    }
}
