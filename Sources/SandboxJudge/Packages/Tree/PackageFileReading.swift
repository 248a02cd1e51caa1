/// Reads files of a package.

#if Judge
import Glibc
import SandboxAPI
import SandboxRuntime

extension PackageFile {
    /// The file's content. The file is opened without following a link, and refused when it is no longer a regular file.
    ///
    /// - Parameter limit: in bytes; a larger file throws `.fileTooLarge`.
    /// - Throws: `SandboxError`: `.fileNotFound`, `.notRegularFile`, `.fileTooLarge`, `.fileAccess`.
    func read(limit: Int) throws(SandboxError) -> [UInt8] {
        // Without O_NONBLOCK the open of a FIFO that replaced the file would wait for a writer.
        let opened = open(hostPath.cString, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW)
        guard let file = OwnedDescriptor(owning: opened) else {
            let number = errno
            throw failure(
                number == ENOENT ? .fileNotFound : number == ELOOP ? .notRegularFile : .fileAccess, number)
        }
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw failure(.fileAccess, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw failure(.notRegularFile, 0) }
        let tooLarge = SandboxError(
            .fileTooLarge, message: "\(packagePath.quoted) of the package is larger than \(limit) bytes")
        if Int(status.st_size) > limit { throw tooLarge }
        // One byte more tells that the file grew meanwhile.
        let bytes: [UInt8]
        do throws(ErrorNumber) {
            bytes = try FileBytes.read(file.number, upTo: limit + 1, expecting: Int(status.st_size) + 1)
        } catch {
            throw failure(.fileAccess, error.value)
        }
        if bytes.count > limit { throw tooLarge }
        return bytes
    }

    private func failure(_ code: SandboxError.Code, _ number: Int32) -> SandboxError {
        let reason = number == 0 ? "it is not a regular file any more" : describe(errno: number)
        return SandboxError(
            code, errno: number, message: "cannot read \(packagePath.quoted) of the package: \(reason)")
    }
}

extension PackageTree {
    /// The text of a file of settings; `nil` with an issue when it cannot be read, is too large or is not UTF-8.
    func text(of path: ByteString, issues: inout IssueList) -> String? {
        guard let file = file(path) else { return nil }
        let bytes: [UInt8]
        do {
            bytes = try file.read(limit: bounds.settings)
        } catch {
            issues.error(path, .unreadable, error.message)
            return nil
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            issues.error(path, line: 1, .invalidText, "the file begins with a byte-order mark")
            return nil
        }
        if let nul = bytes.firstIndex(of: 0) {
            issues.error(
                path, line: Self.line(of: nul, in: bytes), .invalidText, "there is a NUL in the text")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let valid = ByteString(bytes).validPrefix
            issues.error(path, line: Self.line(of: valid, in: bytes), .invalidText, "the text is not UTF-8")
            return nil
        }
        return text
    }

    private static func line(of offset: Int, in bytes: [UInt8]) -> Int {
        1 + bytes[..<offset].count { $0 == UInt8(ascii: "\n") }
    }
}

extension ByteString {
    /// How many bytes at the beginning are UTF-8.
    fileprivate var validPrefix: Int {
        var decoder = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var position = 0
        while case .valid(let scalar) = decoder.parseScalar(from: &rest) { position += scalar.count }
        return position
    }
}
#endif
