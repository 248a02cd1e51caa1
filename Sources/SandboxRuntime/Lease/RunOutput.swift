/// What a run writes, and the wait for its end: the same for a run in a slot and one in a container.

public import SandboxAPI

/// What a run came to, as its backend knows it.
public struct RunEnd: Sendable {
    public var outcome: Outcome
    /// Limits that were hit though something else ended the run.
    public var limitsHit: [LimitKind]
    /// See ``/SandboxAPI/RunResult/deniedSyscalls``.
    public var deniedSyscalls: [String]
    public var usage: Usage

    public init(
        outcome: Outcome, limitsHit: [LimitKind] = [], deniedSyscalls: [String] = [], usage: Usage
    ) {
        self.outcome = outcome
        self.limitsHit = limitsHit
        self.deniedSyscalls = deniedSyscalls
        self.usage = usage
    }
}

/// Takes output within bounds until the run has ended; collects it, or hands it out in pieces.
///
/// `OutputStateMachine` decides, this waits and wakes.
public final class RunOutput: Sendable {
    /// What was collected of both streams.
    package struct Collected: Sendable {
        package var stdout: [UInt8] = []
        package var stderr: [UInt8] = []
        package var stdoutExceeded = false
        package var stderrExceeded = false
    }

    package typealias End = Result<RunEnd, SandboxError>
    /// What a consumer gets.
    struct Piece: Sendable {
        var chunk: Execution.Chunk?
        /// It lay here: there is room for more now.
        var wasWaiting = false
    }

    typealias Machine = OutputStateMachine<Waiter<Piece>>

    private struct State: Sendable {
        var machine: Machine
        var end: End?
        var waiter: Waiter<End>?
    }

    /// Of a consumer that is slow, before the program is made to wait, in bytes.
    public static let highWater = Machine.highWater

    private let onRoom: @Sendable (Execution.Chunk?) -> Void
    private let state: Locked<State>

    /// - Parameters:
    ///   - bound: of each stream, in bytes.
    ///   - isStreaming: handed out in pieces, not collected.
    ///   - onRoom: called with what a streaming consumer took, or with nil when all the rest will be dropped.
    public init(
        bound: Int, isStreaming: Bool, onRoom: @escaping @Sendable (Execution.Chunk?) -> Void = { _ in }
    ) {
        self.onRoom = onRoom
        state = Locked(State(machine: Machine(bound: bound, isStreaming: isStreaming)))
    }

    // MARK: On the producer's side

    /// Takes what the program wrote to one of its streams.
    ///
    /// - Returns: true when the stream has just gone beyond its bound: the run is to be killed.
    public func take(_ bytes: [UInt8], from stream: Execution.Chunk.Stream) -> Bool {
        let taken = state.withLock { $0.machine.take(bytes, from: stream) }
        if let (consumer, chunk) = taken.delivery {
            consumer.resume(returning: Piece(chunk: chunk))
            onRoom(chunk)
        }
        return taken.hasExceeded
    }

    /// Whoever counts the bytes himself says so.
    package func markExceeded(_ stream: Execution.Chunk.Stream) {
        state.withLock { $0.machine.markExceeded(stream) }
    }

    /// A stream went beyond its bound.
    public var hasExceeded: Bool { state.withLock { $0.machine.hasExceeded } }

    /// How many pieces wait for a streaming consumer: some hundred at most, whatever the program does.
    var waitingChunks: Int { state.withLock { $0.machine.waitingChunks } }

    /// A streaming consumer has enough for now.
    public var isFull: Bool { state.withLock { $0.machine.isFull } }

    /// The last word; nothing is taken after it, and only the first one counts.
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

    /// Waits for the end.
    package func wait() async -> End {
        await state.answer { state, waiter in
            if state.end == nil { state.waiter = waiter }
            return state.end
        }
    }

    /// The next chunk of a streaming run; `nil` when the run ended and everything was handed out.
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

    /// Nobody will ask for chunks any more: the rest is read, counted and dropped.
    package func discardRest() {
        state.withLock { $0.machine.discardRest() }
        onRoom(nil)
    }

    /// What was collected; to be called once, after the end.
    package func takeCollected() -> Collected { state.withLock { $0.machine.takeCollected() } }
}
