/// Files of a sandbox, which a program may change meanwhile: no link is followed, and nothing above the directory is
/// reached.
import CSpawn
import Foundation
import SandboxAPI
import SandboxRuntime

extension SpawnPlace {
    private var root: Int32 { lease.member.root }

    /// The directory that a path's last name is in, for the caller to close, and that name.
    private func parent(
        of path: ByteString, making: Bool = false, directory isDirectory: Bool = false
    ) throws(SandboxError) -> (Int32, [CChar]) {
        var directory = try checked(cspawn_open_beneath(root, ".", CSPAWN_O_PATH | O_DIRECTORY), path)
        let parts = path.bytes.split(separator: slash).map { ByteString($0).cString }
        for part in parts.dropLast() {
            if making { mkdirat(directory, part, 0o755) }
            let next = cspawn_open_beneath(directory, part, CSPAWN_O_PATH | O_DIRECTORY)
            let number = errno
            close(directory)
            guard next >= 0 else {
                throw FileErrors.error(errno: number, path: path, directory: isDirectory)
            }
            directory = next
        }
        return (directory, parts[parts.count - 1])
    }

    // MARK: Writing

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        let (directory, name) = try parent(of: path, making: true)
        defer { close(directory) }
        try makeRoom(for: name, in: directory, path)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        let file = try checked(openat(directory, name, flags, 0o600), path)
        defer { close(file) }
        guard writeAll(bytes, to: file), fchmod(file, executable ? 0o755 : 0o644) == 0 else {
            let number = errno
            unlinkat(directory, name, 0)
            throw FileErrors.error(errno: number, path: path)
        }
    }

    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        let (file, status) = try openRegular(path, O_WRONLY)
        defer { close(file) }
        guard status.st_size >= offset else { throw FileErrors.error(errno: ESTALE, path: path) }
        guard lseek(file, offset, SEEK_SET) == offset, writeAll(bytes, to: file) else {
            throw FileErrors.error(errno: errno, path: path)
        }
    }

    func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        let (directory, name) = try parent(of: path, making: true, directory: true)
        defer { close(directory) }
        if mkdirat(directory, name, 0o755) == 0 { return }
        guard errno == EEXIST else { throw FileErrors.error(errno: errno, path: path, directory: true) }
        let flags = CSPAWN_O_PATH | O_DIRECTORY
        close(try checked(cspawn_open_beneath(directory, name, flags), path, directory: true))
    }

    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        let (directory, name) = try parent(of: path, making: true)
        defer { close(directory) }
        try makeRoom(for: name, in: directory, path)
        try checked(symlinkat(target.cString, directory, name), path)
    }

    /// A new file never writes into the old one, which a program may hold open, or a link lead to.
    private func makeRoom(for name: [CChar], in directory: Int32, _ path: ByteString) throws(SandboxError) {
        if unlinkat(directory, name, 0) == 0 || errno == ENOENT { return }
        throw FileErrors.error(errno: errno, path: path)
    }

    func remove(_ path: ByteString) async throws(SandboxError) -> Bool {
        let (directory, name) = try parent(of: path)
        defer { close(directory) }
        guard Self.info(of: name, in: directory) != nil else {
            throw FileErrors.error(errno: errno, path: path)
        }
        return try removeTree(name, in: directory, path)
    }

    // MARK: Reading

    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        let (file, status) = try openRegular(path, O_RDONLY)
        defer { close(file) }
        // One byte more than allowed shows that the file is larger.
        let bytes = try Self.read(file, from: 0, atMost: min(maxBytes, Int.max - 1) + 1, path)
        guard bytes.count <= maxBytes else { throw FileErrors.tooLarge(path, maxBytes) }
        return OutputFile(bytes, executable: status.st_mode & S_IXUSR != 0)
    }

    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        let (file, status) = try openRegular(path, O_RDONLY)
        defer { close(file) }
        return FilePart(
            bytes: try Self.read(file, from: offset, atMost: maxBytes, path), size: Int(status.st_size),
            identity: UInt64(status.st_ino))
    }

    /// Opens a regular file. O_NONBLOCK: a FIFO does not keep the caller waiting.
    private func openRegular(_ path: ByteString, _ flags: Int32) throws(SandboxError) -> (Int32, stat) {
        let file = try checked(cspawn_open_beneath(root, path.cString, flags | O_NONBLOCK | O_NOCTTY), path)
        var status = stat()
        if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG { return (file, status) }
        close(file)
        throw FileErrors.error(errno: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : ENXIO, path: path)
    }

    private static func read(
        _ file: Int32, from offset: Int, atMost most: Int, _ path: ByteString
    ) throws(SandboxError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < most {
            let count = pread(file, &piece, min(piece.count, most - bytes.count), offset + bytes.count)
            if count < 0 { throw FileErrors.error(errno: errno, path: path) }
            if count == 0 { break }
            bytes += piece.prefix(count)
        }
        return bytes
    }

    // MARK: Directories

    func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        let (directory, name) = try parent(of: path)
        defer { close(directory) }
        guard let info = Self.info(of: name, in: directory) else {
            throw FileErrors.error(errno: errno, path: path)
        }
        return info
    }

    func list(_ path: ByteString, from position: UInt64) async throws(SandboxError) -> DirectoryPart {
        let flags = O_RDONLY | O_DIRECTORY
        let directory = try checked(cspawn_open_beneath(root, path.cString, flags), path, directory: true)
        defer { close(directory) }
        let (names, next) = try entries(of: directory, from: position, path)
        var part = DirectoryPart(entries: [], next: next)
        for name in names {
            // Without information it was removed since.
            guard let info = Self.info(of: name, in: directory) else { continue }
            let bytes = name.dropLast().map { UInt8(bitPattern: $0) }
            part.entries.append(DirectoryEntry(name: ByteString(bytes), info: info))
        }
        return part
    }

    private static func info(of name: [CChar], in directory: Int32) -> FileInfo? {
        var status = stat()
        guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        var info = FileInfo(
            kind: .special, bytes: Int(status.st_size), permissions: UInt16(status.st_mode & 0o777),
            modified: .seconds(status.st_mtim.tv_sec) + .nanoseconds(status.st_mtim.tv_nsec))
        switch status.st_mode & S_IFMT {
        case S_IFREG: info.kind = .regular
        case S_IFDIR: info.kind = .directory
        case S_IFLNK:
            var target = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlinkat(directory, name, &target, target.count)
            guard count >= 0 else { return nil }
            info.kind = .symbolicLink
            info.target = ByteString(target.prefix(count).map { UInt8(bitPattern: $0) })
        default: break
        }
        return info
    }
}

/// The names in a directory from a position on, at most 1,000, and the next position: 0 at the end.
func entries(
    of directory: Int32, from position: UInt64 = 0, _ path: ByteString
) throws(SandboxError) -> (names: [[CChar]], next: UInt64) {
    let descriptor = try checked(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path)
    guard let stream = fdopendir(descriptor) else { throw FileErrors.error(errno: errno, path: path) }
    defer { closedir(stream) }
    if position != 0 { seekdir(stream, Int(bitPattern: UInt(position))) }
    var names: [[CChar]] = []
    errno = 0
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { start in
            let text = UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self)
            return Array(UnsafeBufferPointer(start: text, count: strlen(text) + 1))
        }
        if name == [46, 0] || name == [46, 46, 0] { continue }
        names.append(name)
        if names.count == 1000 { return (names, UInt64(UInt(bitPattern: telldir(stream)))) }
        errno = 0
    }
    if errno != 0 { throw FileErrors.error(errno: errno, path: path) }
    return (names, 0)
}

/// Returns false and sets `errno` when not all could be written.
func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if count < 0, errno != EINTR { return false }
        rest = rest.dropFirst(max(0, count))
    }
    return true
}

/// The result of a system call on a file, or its error.
@discardableResult
func checked(
    _ result: Int32, _ path: ByteString, directory: Bool = false
) throws(SandboxError) -> Int32 {
    if result >= 0 { return result }
    throw FileErrors.error(errno: errno, path: path, directory: directory)
}
