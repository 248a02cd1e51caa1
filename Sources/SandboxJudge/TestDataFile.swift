/// Reads test data from files of the host.

#if Judge
import Glibc
import SandboxRuntime

extension TestData {
    /// The largest file that is read into memory: 1 GiB.
    public static let maximumBytes = 1 << 30

    /// As a program's stdin: a file is read while the program reads it.
    public var standardInput: StandardInput {
        switch self {
        case .bytes(let bytes): .bytes(bytes)
        case .file(let path): .file(path: path)
        }
    }

    /// The bytes; a file is read on a thread of its own.
    ///
    /// - Parameter maxBytes: a larger file, or more bytes, throw `.fileTooLarge`.
    /// - Throws: also `.fileNotFound`, `.notRegularFile`, `.fileAccess`, `.invalidPath`.
    public func read(maxBytes: Int = maximumBytes) async throws(SandboxError) -> [UInt8] {
        switch self {
        case .bytes(let bytes):
            guard bytes.count <= maxBytes else {
                throw SandboxError(
                    .fileTooLarge,
                    message: "test data of \(bytes.count) bytes is larger than \(maxBytes) bytes",
                    hint: "give a test with less data")
            }
            return bytes
        case .file(let path):
            let result: Result<[UInt8], SandboxError> = await BlockingThread.run {
                Result { () throws(SandboxError) in try TestDataFile.read(path, maxBytes: maxBytes) }
            } refused: { number in
                TestDataFile.failed(path, .fileAccess, number, hint: "this process has too many threads")
            }
            return try result.get()
        }
    }
}

private enum TestDataFile {
    static func read(_ path: ByteString, maxBytes: Int) throws(SandboxError) -> [UInt8] {
        guard !path.isEmpty, !path.bytes.contains(0) else {
            throw failed(path, .invalidPath, EINVAL, hint: "give a path without NUL")
        }
        // Without O_NONBLOCK the open itself would wait at a FIFO.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        guard let file = OwnedDescriptor(owning: Glibc.open(path.cString, flags)) else {
            let number = errno
            throw failed(
                path, number == ENOENT || number == ENOTDIR ? .fileNotFound : .fileAccess, number,
                hint: "give a regular file that this process may read")
        }
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw failed(path, .notRegularFile, 0, hint: "give a regular file")
        }
        guard status.st_size <= maxBytes else {
            throw failed(path, .fileTooLarge, 0, hint: "it may have \(maxBytes) bytes")
        }
        // The file can grow meanwhile; one byte more tells that.
        let most = min(maxBytes, Int.max - 1) + 1
        let bytes: [UInt8]
        do throws(ErrorNumber) {
            bytes = try FileBytes.read(file.number, upTo: most, expecting: Int(status.st_size) + 1)
        } catch {
            throw failed(path, .fileAccess, error.value, hint: "the disk below it may be at fault")
        }
        guard bytes.count <= maxBytes else {
            throw failed(path, .fileTooLarge, 0, hint: "it may have \(maxBytes) bytes")
        }
        return bytes
    }

    static func failed(
        _ path: ByteString, _ code: SandboxError.Code, _ number: Int32, hint: String
    ) -> SandboxError {
        let reason =
            switch code {
            case .notRegularFile: "is not a regular file"
            case .fileTooLarge: "is too large"
            default: "cannot be read: \(describe(errno: number))"
            }
        return SandboxError(
            code, stage: "testData", errno: number,
            message: "the test data file \(Validation.quoted(path)) \(reason)", hint: hint)
    }
}
#endif
