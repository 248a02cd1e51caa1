/// The directory that replaces `/work`: reads and writes files, and follows no link.
import Foundation
import SandboxAPI

/// A directory of its own in `TMPDIR`, removed with all its content.
struct WorkDirectory: Sendable {
    let path: ByteString

    init() throws(SandboxError) {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var name = Array((parent + "/own-backend-XXXXXX").utf8CString)
        guard mkdtemp(&name) != nil else { throw Self.failure("make a directory below \(parent)", errno) }
        path = ByteString(name.dropLast().map { UInt8(bitPattern: $0) })
    }

    private static func failure(_ what: String, _ number: Int32) -> SandboxError {
        let codes: [Int32: SandboxError.Code] = [
            ENOENT: .fileNotFound, ELOOP: .notRegularFile, ENOTDIR: .notRegularFile, EISDIR: .notRegularFile,
            ENXIO: .notRegularFile, ENOSPC: .noSpace, ENAMETOOLONG: .invalidPath,
        ]
        return SandboxError(
            codes[number] ?? .fileAccess, errno: number,
            message: "cannot \(what): \(String(cString: strerror(number)))")
    }

    /// A descriptor of the directory that a file is in; the caller closes it.
    private func parent(of parts: [ByteString], makes: Bool) throws(SandboxError) -> Int32 {
        var directory = open(path.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory < 0 { throw Self.failure("open /work", errno) }
        for part in parts.dropLast() {
            if makes { mkdirat(directory, part.cString, 0o755) }
            let next = openat(directory, part.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let number = errno
            close(directory)
            if next < 0 { throw Self.failure("open the directory \(part)", number) }
            directory = next
        }
        return directory
    }

    func write(_ bytes: [UInt8], to parts: [ByteString], executable: Bool) throws(SandboxError) {
        let directory = try parent(of: parts, makes: true)
        defer { close(directory) }
        // The rename replaces whatever has the name, also a link, once the new file is complete.
        let name = parts[parts.count - 1]
        let temporary = Array(".own-backend-\(UInt64.random(in: 0...UInt64.max))".utf8CString)
        let file = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if file < 0 { throw Self.failure("make the file \(name)", errno) }
        defer { close(file) }
        var number: Int32 = 0
        var rest = bytes[...]
        while !rest.isEmpty, number == 0 {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0 { number = errno } else { rest = rest.dropFirst(count) }
        }
        if number == 0, fchmod(file, executable ? 0o755 : 0o644) != 0 { number = errno }
        if number == 0, renameat(directory, temporary, directory, name.cString) != 0 { number = errno }
        if number != 0 {
            unlinkat(directory, temporary, 0)
            throw Self.failure("write the file \(name)", number)
        }
    }

    func read(_ parts: [ByteString], maxBytes: Int) throws(SandboxError) -> OutputFile {
        let directory = try parent(of: parts, makes: false)
        defer { close(directory) }
        let name = parts[parts.count - 1]
        let file = openat(directory, name.cString, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if file < 0 { throw Self.failure("open the file \(name)", errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SandboxError(.notRegularFile, message: "\(name) is no regular file")
        }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= maxBytes {
            let count = Glibc.read(file, &piece, piece.count)
            if count < 0 { throw Self.failure("read the file \(name)", errno) }
            if count == 0 { return OutputFile(bytes, executable: status.st_mode & S_IXUSR != 0) }
            bytes += piece.prefix(count)
        }
        throw SandboxError(.fileTooLarge, message: "\(name) has more than \(maxBytes) bytes")
    }

    /// Removes the directory and all its content; directories that a program locked are unlocked first.
    func remove() { Self.remove(AT_FDCWD, path.cString) }

    private static func remove(_ directory: Int32, _ name: [CChar]) {
        guard unlinkat(directory, name, 0) != 0 else { return }
        fchmodat(directory, name, 0o700, 0)
        let inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if inner >= 0, let entries = fdopendir(inner) {
            var names: [[CChar]] = []
            while let entry = readdir(entries) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
                }
                if name != [46, 0], name != [46, 46, 0] { names.append(name) }
            }
            for name in names { remove(inner, name) }
            closedir(entries)
        }
        unlinkat(directory, name, AT_REMOVEDIR)
    }
}
