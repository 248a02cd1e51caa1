/// The stream to a container's agent: asks one question at a time, next to one run at most.

#if Docker
import CIsolate
import Glibc
import NIOCore
import SandboxAPI
import SandboxRuntime

/// The embedder's side of an agent. When the stream ends, for any reason, all waiting callers fail.
final class AgentConnection: AttachedStreamHandler {
    typealias Machine = AgentStateMachine<Waiter<Result<AgentAnswer, SandboxError>>, AgentRun>

    struct State: Sendable {
        var machine: Machine
        var stream: AttachedStream?
        var decoder = AgentFrameDecoder()
        /// The beginning of what came on stderr.
        var words: [UInt8] = []
        /// When the agent last sent something.
        var heard = ContinuousClock.now
        var watch: RepeatedTask?
        var kept = KeptFiles()
        /// The disk limit in force, in bytes.
        var disk = 0
    }

    let container: String
    let patience: Duration
    let onLoss: @Sendable () -> Void
    let turns = Turns()
    let state: Locked<State>

    /// - Parameters:
    ///   - container: names the container in messages.
    ///   - patience: how long an answer may take; an agent that works answers much sooner.
    ///   - onLoss: called once, when the stream has ended.
    init(container: String, patience: Duration, onLoss: @escaping @Sendable () -> Void) {
        self.container = container
        self.patience = patience
        self.onLoss = onLoss
        state = Locked(State(machine: Machine(patience: patience)))
    }

    func opened(_ stream: AttachedStream) {
        // A container that is stopped from outside keeps its stream open but sends no answers.
        let interval = TimeAmount(Machine.lookInterval)
        let watch = stream.eventLoop.scheduleRepeatedTask(
            initialDelay: interval, delay: interval
        ) { [weak self] _ in self?.lookAtDeadline() }
        let isOver = state.withLock { state in
            state.stream = stream
            if state.machine.failure == nil { state.watch = watch }
            return state.machine.failure != nil
        }
        if isOver { watch.cancel() }
    }

    /// Memory of the sandbox's files and of those that the slot keeps, in bytes, as the agent last reported it.
    var heldBytes: Int { state.withLock { $0.machine.held } }
    var mustRetire: Bool { state.withLock { $0.machine.mustRetire || $0.machine.failure != nil } }
    var isLost: Bool { state.withLock { $0.machine.failure != nil } }
    /// Why the connection was lost.
    var lossError: SandboxError { state.withLock { $0.machine.failure } ?? Self.lost(container, "") }

    /// Ends the stream: the agent exits, and everything in the container with it.
    func close() { state.withLock { $0.stream }?.close() }

    /// Closes the input of the agent, which then exits, so that the stream ends from its side: an engine logs
    /// an error when the embedder ends it. Ends the stream at once when a run is under way.
    func leave() {
        let (stream, isRunning) = state.withLock { ($0.stream, $0.machine.isRunning) }
        if isRunning { stream?.close() } else { stream?.closeInput() }
    }

    /// Gives the container up: all waiting callers fail at once.
    func abandon() {
        lose(SandboxError(.cancelled, message: "the container was given up while it was made"))
        close()
    }

    /// Whether the agent and its slot answer within `patience`; an agent that does not is given up.
    ///
    /// An agent that sent something a moment ago is not asked.
    func isAnswering(within patience: Duration) async -> Bool {
        let isFresh = state.withLock { state in
            state.machine.failure == nil && .now - state.heard < Self.freshness
        }
        if isFresh { return true }
        // The watch alone would notice up to a second later.
        let look = state.withLock { $0.stream }?.eventLoop
            .scheduleTask(in: TimeAmount(patience + .milliseconds(10))) { [weak self] in
                self?.lookAtDeadline()
            }
        defer { look?.cancel() }
        do throws(SandboxError) {
            let disk = state.withLock { $0.disk }
            return try await control(ISOLATE_SET_DISK, disk: disk, patience: patience).status.failure.stage
                == 0
        } catch {
            return false
        }
    }

    /// The text that came on stderr, from the engine's runtime that could not start the agent.
    var words: String {
        EngineError.bounded(String(decoding: state.withLock { $0.words }, as: UTF8.self))
    }

    static let maximumWords = 1024
    static let freshness = Duration.milliseconds(20)

    // MARK: Questions

    /// Configures the agent, which then makes its slot.
    func hello(_ configuration: [UInt8]) async throws(SandboxError) -> isolate_agent_hello {
        let answer = try await askInTurn(.hello) { buffer in
            configuration.withUnsafeBytes { buffer.writeFrame(ISOLATE_FRAME_CONFIG, $0) }
        }
        guard case .hello(let hello) = answer else { throw wrongAnswer() }
        return hello
    }

    /// Sends PREPARE, CLEAR or SET_DISK.
    ///
    /// - Parameter patience: how long the answer may take; `nil`: as long as other answers.
    func control(
        _ type: isolate_record_type, disk: Int = 0, patience: Duration? = nil
    ) async throws(SandboxError) -> isolate_agent_status {
        let answer = try await askInTurn(.status, within: patience) { buffer in
            buffer.writeFrame(
                ISOLATE_FRAME_CONTROL,
                isolate_prepare_record(
                    type: type.rawValue, end: 0, disk_bytes: UInt64(disk), serial: 0))
        }
        guard case .status(let status) = answer else { throw wrongAnswer() }
        guard status.status.failure.stage == 0 else { return status }
        state.withLock { state in
            if type == ISOLATE_PREPARE { state.kept.prepared(status.status.bytes) }
            if type == ISOLATE_PREPARE || type == ISOLATE_SET_DISK { state.disk = disk }
        }
        return status
    }

    func wrongAnswer() -> SandboxError {
        malformed()
        return lossError
    }

    /// How long the bytes may take, at 10 MB/s.
    static func sending(_ bytes: Int) -> Duration { .milliseconds(bytes / (1 << 20) * 100) }

    /// Waits for this question's turn, asks, and waits for the answer.
    private func askInTurn(
        _ question: Machine.Question, within patience: Duration? = nil, _ fill: (inout ByteBuffer) -> Void
    ) async throws(SandboxError) -> AgentAnswer {
        await turns.begin()
        defer { turns.end() }
        return try await ask(question, within: patience, fill)
    }

    /// Asks, in this question's turn, and waits for the answer.
    ///
    /// - Parameters:
    ///   - bytes: how many bytes belong to the question; the answer may take longer for them.
    ///   - patience: how long the answer may take; `nil`: as long as other answers.
    ///   - rest: frames that follow the question.
    ///   - fill: writes the question.
    func ask(
        _ question: Machine.Question, sending bytes: Int = 0, within patience: Duration? = nil,
        rest: ArraySlice<ByteBuffer> = [], _ fill: (inout ByteBuffer) -> Void
    ) async throws(SandboxError) -> AgentAnswer {
        var buffer = ByteBuffer()
        fill(&buffer)
        let deadline = ContinuousClock.now + (patience ?? self.patience) + Self.sending(bytes)
        return try await state.answer { state, waiter -> Machine.Answer? in
            if let failure = state.machine.ask(question, waiter, until: deadline) { return .failure(failure) }
            // The stream only queues the bytes, so the answer cannot come before the question is registered. It
            // comes after the last byte, or with the loss of the connection.
            state.stream?.write(buffer)
            state.stream?.write(rest) { _ in }
            return nil
        }.get()
    }

    // MARK: Runs

    /// Registers a run and sends its request. Throws when one is under way.
    ///
    /// - Parameters:
    ///   - patience: how long after its start the run's end may arrive; after that the container is lost.
    ///   - make: makes the run with its number.
    ///   - fill: writes the request with that number.
    ///
    /// The caller has the turn until the request's content is sent: the agent takes content for one thing at a time.
    func begin(
        patience: Duration, _ make: (_ serial: UInt64) -> AgentRun,
        _ fill: (_ serial: UInt64, inout ByteBuffer) -> Void
    ) throws(SandboxError) -> AgentRun {
        let run = try state.withLock { state throws(SandboxError) in
            try state.machine.beginRun(until: .now + patience, make)
        }
        var buffer = ByteBuffer()
        fill(run.serial, &buffer)
        send(buffer)
        return run
    }

    func endRun(_ serial: UInt64, _ end: isolate_end) {
        guard state.withLock({ $0.machine.isUnderWay(serial) }) else { return }
        var buffer = ByteBuffer()
        buffer.writeFrame(
            ISOLATE_FRAME_CONTROL,
            isolate_prepare_record(
                type: ISOLATE_END_RUN.rawValue, end: end.rawValue, disk_bytes: 0, serial: serial))
        send(buffer)
    }

    func send(_ buffer: ByteBuffer) { state.withLock { $0.stream }?.write(buffer) }

    /// Sends large content and returns when all of it has left. A failure ends the connection, which reports it.
    func send(_ buffers: [ByteBuffer]) async {
        try? await state.withLock { $0.stream }?.writeAll(buffers)
    }

    // MARK: The end

    func ended(_ error: EngineError?) {
        let reason = error.map { ": \($0.message)" } ?? ""
        lose(Self.lost(container, reason))
    }

    static func lost(_ container: String, _ reason: String) -> SandboxError {
        SandboxError(
            .containerLost, stage: "attach",
            message: "container \(container) ended under its sandbox\(reason)",
            hint: "it was killed, or its engine went away; try again in a new sandbox")
    }

    func lookAtDeadline() {
        if state.withLock({ $0.machine.isLate(at: .now) }) { giveUp() }
    }

    func giveUp() {
        let debt = state.withLock { $0.machine.debt }
        lose(
            SandboxError(
                .containerLost, stage: "agent",
                message: "the agent of container \(container) does not answer: it owes \(debt)",
                hint: "it was paused or its host is overloaded; try again in a new sandbox"))
        close()
    }

    func lose(_ error: SandboxError) {
        let (isFirst, waiter, run) = state.withLock { state in
            state.watch?.cancel()
            state.watch = nil
            return state.machine.lose(error)
        }
        waiter?.resume(returning: .failure(error))
        run?.ended(.failure(error), exceeded: 0)
        if isFirst { onLoss() }
    }
}
#endif
