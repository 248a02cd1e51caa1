/// The stream to a container's agent: asks one question at a time, next to one run at most.

#if Docker
import CIsolate
import Glibc
import NIOCore
import SandboxAPI
import SandboxRuntime

/// What its embedder has of an agent. Its end, whatever the reason, fails all that waits.
final class AgentConnection: AttachedStreamHandler {
    typealias Machine = AgentStateMachine<Waiter<Result<AgentAnswer, SandboxError>>, AgentRun>

    struct State: Sendable {
        var machine: Machine
        var stream: AttachedStream?
        var decoder = AgentFrameDecoder()
        /// What was written to stderr, the first of it.
        var words: [UInt8] = []
        /// When the agent sent something last.
        var heard = ContinuousClock.now
        var watch: RepeatedTask?
    }

    let container: String
    let patience: Duration
    let onLoss: @Sendable () -> Void
    let turns = Turns()
    let state: Locked<State>

    /// - Parameters:
    ///   - container: for messages.
    ///   - patience: how long an answer may take; an agent answers in far less, or never.
    ///   - onLoss: called once when the stream has ended.
    init(container: String, patience: Duration, onLoss: @escaping @Sendable () -> Void) {
        self.container = container
        self.patience = patience
        self.onLoss = onLoss
        state = Locked(State(machine: Machine(patience: patience)))
    }

    func opened(_ stream: AttachedStream) {
        // A container that is stopped from outside is not dead, and answers nothing.
        let watch = stream.eventLoop.scheduleRepeatedTask(
            initialDelay: .seconds(1), delay: .seconds(1)
        ) { [weak self] _ in self?.lookAtDeadline() }
        let isOver = state.withLock { state in
            state.stream = stream
            if state.machine.failure == nil { state.watch = watch }
            return state.machine.failure != nil
        }
        if isOver { watch.cancel() }
    }

    /// Memory of the sandbox's files, in bytes, as the agent said last.
    var heldBytes: Int { state.withLock { $0.machine.held } }
    var mustRetire: Bool { state.withLock { $0.machine.mustRetire || $0.machine.failure != nil } }
    var isLost: Bool { state.withLock { $0.machine.failure != nil } }
    /// Why it was lost.
    var lossError: SandboxError { state.withLock { $0.machine.failure } ?? Self.lost(container, "") }

    /// Ends the stream: the agent leaves, and with it everything in the container.
    func close() { state.withLock { $0.stream }?.close() }

    /// Says that nothing more is wanted: the agent leaves, and the end of the stream comes from there. An engine whose
    /// connection ends under its hands logs that as an error. A run under way is not waited for.
    func leave() {
        let (stream, isRunning) = state.withLock { ($0.stream, $0.machine.isRunning) }
        if isRunning { stream?.close() } else { stream?.closeInput() }
    }

    /// The caller gives the container up: whatever waits for it fails at once.
    func abandon() {
        lose(SandboxError(.cancelled, message: "the container was given up while it was made"))
        close()
    }

    /// Whether the agent and its slot answer within `patience`; an agent that does not is given up.
    ///
    /// One that was heard of a moment ago is not asked.
    func isAnswering(within patience: Duration, disk: Int) async -> Bool {
        let isFresh = state.withLock { state in
            state.machine.failure == nil && .now - state.heard < Self.freshness
        }
        if isFresh { return true }
        // On the loop, which first takes in what has come.
        let timer = state.withLock { $0.stream }?.eventLoop
            .scheduleTask(in: TimeAmount(patience)) { [weak self] in
                guard let self, state.withLock({ $0.machine.isAsked }) else { return }
                giveUp()
            }
        defer { timer?.cancel() }
        do throws(SandboxError) {
            return try await control(ISOLATE_SET_DISK, disk: disk).status.failure.stage == 0
        } catch {
            return false
        }
    }

    /// What came on stderr: the words of whoever was to start the agent.
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

    /// One of PREPARE, CLEAR and SET_DISK.
    ///
    /// - Parameter patience: how long the answer may take, if not as long as others.
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
        return status
    }

    func wrongAnswer() -> SandboxError {
        malformed()
        return lossError
    }

    /// At 10 MB/s.
    static func sending(_ bytes: Int) -> Duration { .milliseconds(bytes / (1 << 20) * 100) }

    /// Asks when it is this question's turn, and waits for the answer.
    ///
    /// - Parameters:
    ///   - bytes: that belong to the question; the answer may take longer for them.
    ///   - patience: how long the answer may take; nil: as long as any.
    ///   - rest: frames that follow the question.
    ///   - fill: writes the question.
    func askInTurn(
        _ question: Machine.Question, sending bytes: Int = 0, within patience: Duration? = nil,
        rest: ArraySlice<ByteBuffer> = [], _ fill: (inout ByteBuffer) -> Void
    ) async throws(SandboxError) -> AgentAnswer {
        await turns.begin()
        let deadline = ContinuousClock.now + (patience ?? self.patience) + Self.sending(bytes)
        state.withLock { $0.machine.expectAnswer(by: deadline) }
        defer {
            state.withLock { $0.machine.expectAnswer(by: nil) }
            turns.end()
        }
        var buffer = ByteBuffer()
        fill(&buffer)
        return try await state.answer { state, waiter -> Machine.Answer? in
            if let failure = state.machine.ask(question, waiter) { return .failure(failure) }
            // Handed to the stream, which only queues it; the answer cannot come before the question is known.
            state.stream?.write(buffer)
            // The answer comes after the last byte, or with the loss of the connection.
            if !rest.isEmpty { Task.detached { await self.send(rest) } }
            return nil
        }.get()
    }

    // MARK: Runs

    /// Registers a run and sends its request. Throws when one is under way.
    ///
    /// - Parameters:
    ///   - patience: after which a run that was not told to be over means that the container is lost.
    ///   - make: makes the run, which knows its number.
    ///   - fill: writes the request of that number.
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

    /// Much, without keeping it in memory twice. What cannot be sent ends the connection, and is told there.
    ///
    /// Not in a task that may be cancelled: a frame that was announced must come.
    func send(_ buffers: some Sequence<ByteBuffer>) async {
        guard let stream = state.withLock({ $0.stream }) else { return }
        for buffer in buffers {
            do { try await stream.writeAll(buffer) } catch { return }
        }
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
        lose(
            SandboxError(
                .containerLost, stage: "agent",
                message: "the agent of container \(container) does not answer",
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
