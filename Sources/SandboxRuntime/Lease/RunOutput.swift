/// A run's output, and the wait for its end: the same for a run in a slot and one in a container.

public import SandboxAPI

/// The end of a run, as its backend reports it.
public struct RunEnd: Sendable {
    public var outcome: Outcome
    /// Limits that were met although something else ended the run.
    public var limitsHit: [LimitKind]
    /// See ``/SandboxAPI/RunResult/deniedSyscalls``.
    public var deniedSyscalls: [String]
    public var usage: Usage
    /// When the run began to end, in ns of the monotonic clock of the machine it ran on; see `isolate_run_record`.
    package var endedAt: UInt64?

    public init(
        outcome: Outcome, limitsHit: [LimitKind] = [], deniedSyscalls: [String] = [], usage: Usage
    ) {
        self.outcome = outcome
        self.limitsHit = limitsHit
        self.deniedSyscalls = deniedSyscalls
        self.usage = usage
    }
}

/// Takes output within bounds until the run has ended; collects it, or delivers it in pieces.
///
/// `OutputStateMachine` decides; this class holds its lock, and suspends and resumes the waiting tasks.
public final class RunOutput: Sendable {
    /// The collected output of both streams.
    package struct Collected: Sendable {
        package var stdout: [UInt8] = []
        package var stderr: [UInt8] = []
        package var stdoutExceeded = false
        package var stderrExceeded = false
    }

    package typealias End = Result<RunEnd, SandboxError>
    /// The answer to a consumer.
    struct Piece: Sendable {
        var chunk: Execution.Chunk?
        /// The piece came from the queue, so there is room for more now.
        var wasWaiting = false
    }

    typealias Machine = OutputStateMachine<Waiter<Piece>>

    private struct State: Sendable {
        var machine: Machine
        var end: End?
        var waiter: Waiter<End>?
        var isStopped = false
    }

    /// How many bytes are held for a slow consumer before the program has to wait.
    public static let highWater = Machine.highWater

    private let onRoom: @Sendable (Execution.Chunk?) -> Void
    private let state: Locked<State>

    /// - Parameters:
    ///   - bound: the limit of each stream, in bytes.
    ///   - isStreaming: whether the output is delivered in pieces instead of collected.
    ///   - onRoom: called with each piece that a streaming consumer took, or with nil when all the rest will
    ///     be dropped: a backend that stopped reading because of ``isFull`` goes on. Called on any thread,
    ///     and once even after the end.
    public convenience init(
        bound: Int, isStreaming: Bool, onRoom: @escaping @Sendable (Execution.Chunk?) -> Void = { _ in }
    ) {
        self.init(bound: bound, isStreaming: isStreaming, tellsEnds: false, onRoom: onRoom)
    }

    /// - Parameter tellsEnds: whether a streaming consumer gets an empty piece at the end of each stream.
    package init(
        bound: Int, isStreaming: Bool, tellsEnds: Bool, onRoom: @escaping @Sendable (Execution.Chunk?) -> Void
    ) {
        self.onRoom = onRoom
        state = Locked(
            State(machine: Machine(bound: bound, isStreaming: isStreaming, tellsEnds: tellsEnds)))
    }

    /// The output of a requested run, with its bound.
    public convenience init(
        for request: PlacedRequest, onRoom: @escaping @Sendable (Execution.Chunk?) -> Void = { _ in }
    ) {
        self.init(bound: request.limits.output, isStreaming: request.isStreaming, onRoom: onRoom)
    }

    // MARK: On the producer's side

    /// Takes bytes that the program wrote. Keeps what is within the bound.
    ///
    /// - Returns: true when the stream has just exceeded its bound: the backend must kill the run. Its outcome
    ///   is then `.limitExceeded(.output)`.
    public func take(_ bytes: [UInt8], from stream: Execution.Chunk.Stream) -> Bool {
        let taken = state.withLock { $0.machine.take(bytes, from: stream) }
        if let (consumer, chunk) = taken.delivery {
            consumer.resume(returning: Piece(chunk: chunk))
            onRoom(chunk)
        }
        return taken.hasExceeded
    }

    /// Marks a stream as exceeded, for a backend that counts the bytes itself.
    package func markExceeded(_ stream: Execution.Chunk.Stream) {
        state.withLock { $0.machine.markExceeded(stream) }
    }

    /// No process of the run can write to the stream any more. For consumers that are told so.
    package func end(_ stream: Execution.Chunk.Stream) {
        guard let (consumer, chunk) = state.withLock({ $0.machine.end(stream) }) else { return }
        consumer.resume(returning: Piece(chunk: chunk))
    }

    /// The run is about to be killed on behalf of its caller, who wants its result all the same.
    package func markStopped() { state.withLock { $0.isStopped = true } }

    /// Whether ``markStopped()`` was called.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Whether a stream exceeded its bound.
    public var hasExceeded: Bool { state.withLock { $0.machine.hasExceeded } }

    /// How many pieces wait for a streaming consumer: some hundred at most, whatever the program writes.
    var waitingChunks: Int { state.withLock { $0.machine.waitingChunks } }

    /// Whether enough bytes wait for a streaming consumer: the backend reads no more until it is called by
    /// `onRoom`, so that the program has to wait. Always false when the output is collected or dropped.
    public var isFull: Bool { state.withLock { $0.machine.isFull } }

    /// Ends the output, and the run for its caller. Only the first end counts.
    ///
    /// Call it when every process of the run is dead, and all that they wrote was taken.
    /// - Parameter end: a failure only for what the program did not cause.
    public func finish(_ end: Result<RunEnd, SandboxError>) {
        let (waiter, consumer) = state.withLock { state -> (Waiter<End>?, Waiter<Piece>?) in
            guard state.end == nil else { return (nil, nil) }
            state.end = end
            defer { state.waiter = nil }
            return (state.waiter, state.machine.finish())
        }
        consumer?.resume(returning: Piece())
        waiter?.resume(returning: end)
    }

    // MARK: On the caller's side

    /// Waits for the run's end.
    package func wait() async -> End {
        await state.answer { state, waiter in
            if state.end == nil { state.waiter = waiter }
            return state.end
        }
    }

    /// The next chunk of a streaming run; `nil` when the run has ended and everything was delivered.
    package func nextChunk() async -> Execution.Chunk? {
        let piece = await withTaskCancellationHandler {
            await state.answer { state, waiter in
                switch state.machine.next(waiter, isCancelled: Task.isCancelled) {
                case .chunk(let chunk): Piece(chunk: chunk, wasWaiting: true)
                case .end: Piece()
                case .wait: nil
                }
            }
        } onCancel: {
            state.withLock { $0.machine.cancelNext() }?.resume(returning: Piece())
        }
        if piece.wasWaiting { onRoom(piece.chunk) }
        return piece.chunk
    }

    /// The consumer reads no more: the rest is read, counted and dropped.
    package func discardRest() {
        state.withLock { $0.machine.discardRest() }
        onRoom(nil)
    }

    /// The collected output. Call it once, after the end.
    package func takeCollected() -> Collected { state.withLock { $0.machine.takeCollected() } }
}
