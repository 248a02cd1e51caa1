/// The source of a program's standard input.

/// A program's stdin.
public enum StandardInput: Sendable {
    /// Empty: the first read sees the end of the file.
    case none
    /// These bytes, as a read-only file.
    case bytes([UInt8])
    /// A regular file of the host, read as the program reads. The program gets a pipe, never the file.
    case file(path: ByteString)
    /// Chunks as they are produced; the program reads the end of the file after the last one.
    case stream(InputChunks)

    /// The file with this name, as UTF-8.
    public static func file(path: String) -> StandardInput { .file(path: ByteString(path)) }

    /// A string as UTF-8.
    public static func string(_ text: String) -> StandardInput { .bytes(Array(text.utf8)) }

    /// The chunks of a sequence. The library requests the next one when the program's pipe has room for it.
    ///
    /// When the sequence throws, the program reads the end of the file, and the run fails with `.inputFailed`
    /// unless it has ended.
    public static func stream<Chunks: AsyncSequence & Sendable>(_ chunks: Chunks) -> StandardInput
    where Chunks.Element: Sequence<UInt8> {
        .stream(InputChunks(chunks))
    }

    /// The bytes that the caller writes to `writer` while the program runs.
    public static func writer(_ writer: InputWriter) -> StandardInput {
        .stream(
            InputChunks(
                { body in
                    await withTaskCancellationHandler {
                        while let chunk = await writer.next() {
                            guard await body(chunk) else { break }
                        }
                    } onCancel: {
                        Task { await writer.close() }
                    }
                    await writer.close()
                }, finish: { await writer.finish() }))
    }
}

/// The chunks of a stdin, from any kind of sequence.
public struct InputChunks: Sendable {
    /// Takes a chunk and returns when there is room for the next one; returns false when there is no reader
    /// any more.
    public typealias Body = (_ chunk: [UInt8]) async -> Bool

    private let produce: @Sendable (Body) async throws -> Void
    private let finish: (@Sendable () async -> Void)?

    /// The chunks of a sequence.
    public init<Chunks: AsyncSequence & Sendable>(_ chunks: Chunks) where Chunks.Element: Sequence<UInt8> {
        self.init({ body in
            for try await chunk in chunks {
                let bytes = Array(chunk)
                if bytes.isEmpty { continue }
                guard await body(bytes) else { return }
            }
        })
    }

    /// - Parameters:
    ///   - produce: calls its argument with one chunk after another, until that returns false or there are no more.
    ///   - finish: called when the run's body has ended and so no more is written.
    public init(
        _ produce: @escaping @Sendable (Body) async throws -> Void,
        finish: (@Sendable () async -> Void)? = nil
    ) {
        self.produce = produce
        self.finish = finish
    }

    /// For backends: passes one chunk after another to `body`, until that returns false or there are no more.
    ///
    /// Call it once, in a task of its own that is cancelled when the run is over.
    /// - Throws: the error of the sequence.
    public func send(to body: Body) async throws { try await produce(body) }

    /// For backends: reports that the body of a streaming run has ended, so that no more is written.
    public func bodyEnded() async { await finish?() }
}

/// Writes a program's stdin while it runs.
///
/// ```swift
/// let input = InputWriter()
/// let (result, sum) = try await sandbox.run(command, stdin: .writer(input)) { execution in
///     try await input.write("3 4\n")
///     var lines = execution.standardOutput.lines().makeAsyncIterator()
///     let sum = await lines.next()
///     await input.finish()
///     return sum
/// }
/// ```
///
/// For one run. When the body of a streaming run ends, its input is finished.
public actor InputWriter {
    private struct Pending {
        var number: Int
        var bytes: [UInt8]
        var taken: CheckedContinuation<Bool, Never>
    }

    private var pending: [Pending] = []
    private var reader: CheckedContinuation<Void, Never>?
    /// The chunk that the run took last.
    private var underWay: Pending?
    private var lastNumber = 0
    private var isFinished = false
    private var isClosed = false

    public init() {}

    /// Writes bytes, and returns when the program's pipe has taken them: a program that does not read makes writers wait.
    ///
    /// - Throws: `.inputClosed` when the program has ended, does not read any more, or after ``finish()``; `.cancelled`.
    public func write(_ bytes: some Sequence<UInt8> & Sendable) async throws(SandboxError) {
        let bytes = Array(bytes)
        guard !isFinished else { throw Self.closed("after its end was written") }
        guard !isClosed else { throw Self.closed("and nobody reads it any more") }
        if bytes.isEmpty { return }
        lastNumber += 1
        let number = lastNumber
        let isTaken = await withTaskCancellationHandler {
            await withCheckedContinuation { taken in
                pending.append(Pending(number: number, bytes: bytes, taken: taken))
                wakeReader()
            }
        } onCancel: {
            Task { await withdraw(number) }
        }
        if isTaken { return }
        if Task.isCancelled {
            throw SandboxError(.cancelled, stage: "stdin", message: "the task was cancelled while it wrote")
        }
        throw Self.closed("and nobody reads it any more")
    }

    /// Writes text as UTF-8; see the form for bytes.
    public func write(_ text: String) async throws(SandboxError) { try await write(Array(text.utf8)) }

    /// Ends the program's input after the bytes written so far. Safe to call twice.
    public func finish() {
        isFinished = true
        wakeReader()
    }

    private static func closed(_ why: String) -> SandboxError {
        SandboxError(
            .inputClosed, stage: "stdin", message: "the program's stdin is written to \(why)",
            hint: "a program may end, or close its stdin, whenever it likes")
    }

    /// Stops a writer's wait. A chunk that the run already took may still reach the program.
    private func withdraw(_ number: Int) {
        if let index = pending.firstIndex(where: { $0.number == number }) {
            pending.remove(at: index).taken.resume(returning: false)
        }
        if underWay?.number == number { answer(false) }
    }

    // MARK: The run's side

    /// The next chunk; the run has written the previous one by then. `nil` at the end.
    func next() async -> [UInt8]? {
        answer(true)
        while pending.isEmpty, !isFinished, !isClosed {
            await withCheckedContinuation { reader = $0 }
        }
        guard !isClosed, !pending.isEmpty else { return nil }
        let first = pending.removeFirst()
        underWay = first
        return first.bytes
    }

    /// The program reads no more.
    package func close() {
        isClosed = true
        answer(false)
        for each in pending { each.taken.resume(returning: false) }
        pending = []
        wakeReader()
    }

    private func answer(_ isTaken: Bool) {
        underWay?.taken.resume(returning: isTaken)
        underWay = nil
    }

    private func wakeReader() {
        reader?.resume()
        reader = nil
    }
}
