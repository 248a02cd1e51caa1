/// Files in pieces: written from a sequence, read as one.

/// The pieces of a file, each read when the consumer requests it. For one consumer.
///
/// No descriptor is held open between two pieces. A program that is running may change the file: each piece
/// has the bytes of the moment at which it is read, but pieces of two different files are never mixed.
public struct FileChunks: AsyncSequence, Sendable {
    public typealias Failure = SandboxError
    /// The most bytes in a piece.
    package static let size = 256 << 10

    let sandbox: any SandboxLease
    let path: ByteString
    let maxBytes: Int

    public struct AsyncIterator: AsyncIteratorProtocol {
        public typealias Failure = SandboxError
        let sandbox: any SandboxLease
        let path: ByteString
        let maxBytes: Int
        var offset = 0
        var identity: UInt64?
        var isAtEnd = false

        /// The next piece, not empty; `nil` at the end.
        ///
        /// - Throws: `.fileTooLarge` when the file has more than `maxBytes`; `.fileChanged` when another file
        ///   replaced it; the errors of reading.
        public mutating func next() async throws(SandboxError) -> [UInt8]? {
            guard !isAtEnd else { return nil }
            let part = try await sandbox.read(path, from: offset, maxBytes: FileChunks.size)
            if let identity, identity != part.identity {
                throw SandboxError(
                    .fileChanged, stage: "file", message: "\(path.quoted) was replaced while it was read",
                    hint: "read it while no program runs")
            }
            guard part.size <= maxBytes, part.bytes.count <= maxBytes - offset else {
                throw SandboxError(
                    .fileTooLarge, stage: "file", message: "\(path.quoted) is larger than \(maxBytes) bytes",
                    hint: "raise maxBytes")
            }
            identity = part.identity
            offset += part.bytes.count
            isAtEnd = part.bytes.count < FileChunks.size
            return part.bytes.isEmpty ? nil : part.bytes
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(sandbox: sandbox, path: path, maxBytes: maxBytes)
    }
}

extension SandboxLease {
    /// Reads a regular file below `/work` in pieces of at most 256 KiB.
    ///
    /// - Parameters:
    ///   - path: as in ``read(_:from:maxBytes:)``.
    ///   - maxBytes: how many bytes the file may have. A larger file makes the sequence throw
    ///     `.fileTooLarge`; the content is never cut.
    public func chunks(of path: ByteString, maxBytes: Int) -> FileChunks {
        FileChunks(sandbox: self, path: path, maxBytes: maxBytes)
    }

    /// Writes a regular file below `/work` from a sequence of pieces; see ``write(_:to:executable:)``.
    ///
    /// At most one piece and 256 KiB are in memory at a time. A program that is running sees the file grow. A
    /// write that fails or is cancelled leaves no file.
    ///
    /// - Parameters:
    ///   - chunks: pieces of any size.
    ///   - path: as in ``write(_:to:executable:)``; a file that is there is replaced.
    ///   - executable: mode 0755 instead of 0644.
    /// - Throws: the errors of `chunks`; `.noSpace` beyond the disk limit; `.fileChanged` when a program
    ///   truncated the file meanwhile.
    public func write<Chunks: AsyncSequence>(
        _ chunks: Chunks, to path: ByteString, executable: Bool = false
    ) async throws where Chunks.Element: Sequence<UInt8> {
        var file = FileAssembly(path: path, executable: executable)
        do {
            for try await chunk in chunks { try await file.add(chunk, in: self) }
            try Task.checkCancellation()
            try await file.finish(in: self)
        } catch {
            await file.discard(in: self)
            if error is CancellationError {
                throw SandboxError(.cancelled, stage: "file", message: "writing \(path.quoted) was cancelled")
            }
            throw error
        }
    }
}

/// A file that is written piece by piece.
struct FileAssembly {
    let path: ByteString
    let executable: Bool
    private var bytes: [UInt8] = []
    private var written = 0
    private var exists = false

    init(path: ByteString, executable: Bool) {
        self.path = path
        self.executable = executable
    }

    mutating func add(
        _ chunk: some Sequence<UInt8>, in sandbox: any SandboxLease
    ) async throws(SandboxError) {
        bytes.append(contentsOf: chunk)
        if bytes.count >= FileChunks.size { try await flush(sandbox) }
    }

    /// Writes what is left of the content, which may be empty.
    mutating func finish(in sandbox: any SandboxLease) async throws(SandboxError) {
        if !exists || !bytes.isEmpty { try await flush(sandbox) }
    }

    /// Removes the incomplete file, even if the task was cancelled.
    func discard(in sandbox: any SandboxLease) async {
        guard exists else { return }
        // The caller gets the error that made the write fail, not one of the removal; a lost or closed
        // sandbox has no files left.
        await Task { try? await sandbox.remove(path) }.value
    }

    private mutating func flush(_ sandbox: any SandboxLease) async throws(SandboxError) {
        if exists {
            try await sandbox.write(bytes, to: path, at: written)
        } else {
            try await sandbox.write(bytes, to: path, executable: executable)
            exists = true
        }
        written += bytes.count
        bytes.removeAll(keepingCapacity: true)
    }
}
