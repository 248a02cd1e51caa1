/// A file of the host as a program's stdin.

import Glibc
public import SandboxAPI

extension SandboxError {
    /// The error of a run whose ``/SandboxAPI/InputChunks`` threw, for ``RunUnderWay/inputFailure``.
    public static func inputFailed(_ error: any Error) -> SandboxError {
        SandboxError(
            .inputFailed, stage: "stdin", message: "the program's stdin broke off: \(error)",
            hint: "the program got only the part before that")
    }
}

/// A regular file of the host as stdin, open for reading; closed with the last reference.
public final class HostFile: Sendable {
    private let descriptor: OwnedDescriptor
    private let path: ByteString
    private let error = Locked<SandboxError?>(nil)

    /// - Throws: `.invalidPath`, `.fileNotFound`, `.fileAccess`, `.notRegularFile`.
    public init(path: ByteString) throws(SandboxError) {
        descriptor = try Self.open(path)
        self.path = path
    }

    /// The file in chunks of at most 64 KiB, so that a backend sends it as it sends a stream. Each is read when the
    /// one before was taken. Throws `.fileAccess` when the file cannot be read to its end.
    public var chunks: InputChunks {
        InputChunks({ body in
            while case let bytes = self.read(64 << 10), !bytes.isEmpty {
                guard await body(bytes) else { return }
            }
            if let failure = self.failure { throw failure }
        })
    }

    /// The next bytes; empty at the end of the file, or after a ``failure``.
    package func read(_ most: Int) -> [UInt8] {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: most) { buffer, initialized in
            repeat {
                count = Glibc.read(descriptor.number, buffer.baseAddress, most)
            } while count < 0 && errno == EINTR
            if count < 0 { fail(errno) }
            initialized = max(0, count)
        }
        return bytes
    }

    /// Why the program did not get the whole file.
    package var failure: SandboxError? { error.withLock { $0 } }

    private func fail(_ number: Int32) {
        error.withLock {
            $0 = SandboxError(
                .fileAccess, stage: "stdin", errno: number,
                message:
                    "the stdin file \(Validation.quoted(path)) cannot be read to its end: \(describe(errno: number))",
                hint: "the program got only the part before that")
        }
    }

    private static func open(_ path: ByteString) throws(SandboxError) -> OwnedDescriptor {
        guard !path.isEmpty, !path.bytes.contains(0) else {
            throw SandboxError(
                .invalidPath, message: "the stdin file \(Validation.quoted(path)) is not a file name",
                hint: "give a path without NUL")
        }
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        guard let file = OwnedDescriptor(owning: Glibc.open(path.cString, flags)) else {
            let number = errno
            throw SandboxError(
                number == ENOENT || number == ENOTDIR ? .fileNotFound : .fileAccess, stage: "stdin",
                errno: number,
                message: "the stdin file \(Validation.quoted(path)): \(describe(errno: number))",
                hint: "give a regular file that this process may read")
        }
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SandboxError(
                .notRegularFile, stage: "stdin",
                message: "the stdin file \(Validation.quoted(path)) is not a regular file",
                hint: "for pipes, terminals and devices read them yourself and use .stream")
        }
        return file
    }
}
