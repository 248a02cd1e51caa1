/// The stream to a container's agent: asks one question at a time, next to one run at most.

#if Docker
    import CIsolate
    import Glibc
    import NIOCore
    import Sandbox

    /// What its embedder has of an agent. Its end, whatever the reason, fails all that waits.
    final class AgentConnection: AttachedStreamHandler {
        typealias Answer = Result<isolate_agent_status, SandboxError>

        /// Whoever waits for an answer.
        private enum Question {
            case hello(CheckedContinuation<Result<isolate_agent_hello, SandboxError>, Never>)
            case status(CheckedContinuation<Answer, Never>)
            case file(FileReading)
        }

        /// A file on its way here.
        private struct FileReading {
            var continuation: CheckedContinuation<Result<OutputFile, SandboxError>, Never>
            var path: ByteString
            var maxBytes: Int
            var bytes: [UInt8] = []
            var isOpen = false
            var isExecutable = false
        }

        private struct State {
            var stream: AttachedStream?
            var decoder = AgentFrameDecoder()
            var question: Question?
            var run: AgentRun?
            var serial: UInt64 = 0
            var held = 0
            /// What was written to stderr, the first of it.
            var words: [UInt8] = []
            /// When the agent sent something last.
            var heard = ContinuousClock.now
            var mustRetire = false
            /// When the end of the run is late.
            var deadline: ContinuousClock.Instant?
            /// When the answer to the question is late.
            var answerDeadline: ContinuousClock.Instant?
            var watch: RepeatedTask?
            /// Why nothing comes any more.
            var failure: SandboxError?
        }

        private let container: String
        private let patience: Duration
        private let onLoss: @Sendable () -> Void
        private let turns = Turns()
        private let state = Locked(State())

        /// - Parameters:
        ///   - container: for messages.
        ///   - patience: how long an answer may take; an agent answers in far less, or never.
        ///   - onLoss: called once when the stream has ended.
        init(container: String, patience: Duration, onLoss: @escaping @Sendable () -> Void) {
            self.container = container
            self.patience = patience
            self.onLoss = onLoss
        }

        func opened(_ stream: AttachedStream) {
            // A container that is stopped from outside is not dead, and answers nothing.
            let watch = stream.eventLoop.scheduleRepeatedTask(
                initialDelay: .seconds(1), delay: .seconds(1)
            ) { [weak self] _ in self?.lookAtDeadline() }
            let isOver = state.withLock { state in
                state.stream = stream
                if state.failure == nil { state.watch = watch }
                return state.failure != nil
            }
            if isOver { watch.cancel() }
        }

        /// Memory of the sandbox's files, in bytes, as the agent said last.
        var heldBytes: Int { state.withLock { $0.held } }
        var mustRetire: Bool { state.withLock { $0.mustRetire || $0.failure != nil } }
        var isLost: Bool { state.withLock { $0.failure != nil } }
        /// Why it was lost.
        var lossError: SandboxError { state.withLock { $0.failure } ?? Self.lost(container, "") }

        /// Ends the stream: the agent leaves, and with it everything in the container.
        func close() { state.withLock { $0.stream }?.close() }

        /// Says that nothing more is wanted: the agent leaves, and the end of the stream comes from there. An engine whose
        /// connection ends under its hands logs that as an error. A run under way is not waited for.
        func leave() {
            let (stream, isRunning) = state.withLock { ($0.stream, $0.run != nil) }
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
                state.failure == nil && .now - state.heard < Self.freshness
            }
            if isFresh { return true }
            // On the loop, which first takes in what has come.
            let timer = state.withLock { $0.stream }?.eventLoop
                .scheduleTask(in: TimeAmount(patience)) { [weak self] in
                    guard let self, state.withLock({ $0.question != nil }) else { return }
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

        private static let maximumWords = 1024
        private static let freshness = Duration.milliseconds(20)

        // MARK: Questions

        /// Configures the agent, which then makes its slot.
        func hello(_ configuration: [UInt8]) async throws(SandboxError) -> isolate_agent_hello {
            try await askInTurn { () async throws(SandboxError) -> isolate_agent_hello in
                let answer = await withCheckedContinuation { continuation in
                    ask(.hello(continuation)) { buffer in
                        configuration.withUnsafeBytes { buffer.writeFrame(ISOLATE_FRAME_CONFIG, $0) }
                    }
                }
                return try answer.get()
            }
        }

        /// One of PREPARE, CLEAR and SET_DISK.
        ///
        /// - Parameter patience: how long the answer may take, if not as long as others.
        func control(
            _ type: isolate_record_type, disk: Int = 0, patience: Duration? = nil
        ) async throws(SandboxError) -> isolate_agent_status {
            try await askInTurn(within: patience) { () async throws(SandboxError) -> isolate_agent_status in
                let answer = await withCheckedContinuation { continuation in
                    ask(.status(continuation)) { buffer in
                        buffer.writeFrame(
                            ISOLATE_FRAME_CONTROL,
                            isolate_prepare_record(
                                type: type.rawValue, end: 0, disk_bytes: UInt64(disk), serial: 0))
                    }
                }
                return try answer.get()
            }
        }

        /// Writes a file below `/work`, whole or not at all.
        func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
            let mode = executable ? ISOLATE_FILE_WRITE_PROGRAM : ISOLATE_FILE_WRITE
            let answer = try await askInTurn(
                sending: bytes.count
            ) { () async throws(SandboxError) -> isolate_agent_status in
                let frames = AgentContent.frames(bytes)
                let answer = await withCheckedContinuation { continuation in
                    ask(.status(continuation)) { buffer in
                        buffer.writeFrame(
                            ISOLATE_FRAME_OPEN, Self.file(path, mode: mode, bytes: bytes.count))
                        if let first = frames.first { buffer.writeImmutableBuffer(first) }
                    }
                    // The answer comes after the last byte, or with the loss of the connection.
                    if frames.count > 1 { Task.detached { await self.send(frames.dropFirst()) } }
                }
                return try answer.get()
            }
            if answer.status.failure.stage != 0 {
                throw FileErrors.error(errno: answer.status.failure.errno_value, path: path)
            }
        }

        /// Reads a file below `/work`.
        func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
            try await askInTurn { () async throws(SandboxError) -> OutputFile in
                let result = await withCheckedContinuation { continuation in
                    ask(
                        .file(FileReading(continuation: continuation, path: path, maxBytes: maxBytes))
                    ) { buffer in
                        // One byte more than allowed tells a file that is too large.
                        let most = min(maxBytes, Int.max - 1) + 1
                        buffer.writeFrame(
                            ISOLATE_FRAME_OPEN, Self.file(path, mode: ISOLATE_FILE_READ, bytes: most))
                    }
                }
                return try result.get()
            }
        }

        private static func file(
            _ path: ByteString, mode: isolate_file_mode, bytes: Int
        ) -> isolate_agent_file {
            var request = isolate_agent_file()
            request.bytes = UInt64(bytes)
            request.file.type = ISOLATE_OPEN_FILE.rawValue
            request.file.mode = mode.rawValue
            // Checked before: shorter than the field, without NUL.
            withUnsafeMutableBytes(of: &request.file.path) { field in
                field.copyBytes(from: path.bytes.prefix(field.count - 1))
            }
            return request
        }

        /// At 10 MB/s.
        static func sending(_ bytes: Int) -> Duration { .milliseconds(bytes / (1 << 20) * 100) }

        /// Questions are asked one after another.
        ///
        /// - Parameters:
        ///   - bytes: that belong to the question.
        ///   - patience: how long the answer may take; nil: as long as any.
        private func askInTurn<Value>(
            sending bytes: Int = 0, within patience: Duration? = nil,
            _ body: () async throws(SandboxError) -> Value
        ) async throws(SandboxError) -> Value {
            await turns.begin()
            state.withLock { $0.answerDeadline = .now + (patience ?? self.patience) + Self.sending(bytes) }
            defer {
                state.withLock { $0.answerDeadline = nil }
                turns.end()
            }
            return try await body()
        }

        private func ask(_ question: Question, _ fill: (inout ByteBuffer) -> Void) {
            let failure = state.withLock { state in
                if state.failure == nil { state.question = question }
                return state.failure
            }
            if let failure {
                Self.fail(question, failure)
                return
            }
            var buffer = ByteBuffer()
            fill(&buffer)
            send(buffer)
        }

        private static func fail(_ question: Question, _ error: SandboxError) {
            switch question {
            case .hello(let continuation): continuation.resume(returning: .failure(error))
            case .status(let continuation): continuation.resume(returning: .failure(error))
            case .file(let reading): reading.continuation.resume(returning: .failure(error))
            }
        }

        // MARK: Runs

        /// Registers a run and sends its request. Throws when one is under way.
        ///
        /// - Parameter patience: after which a run that was not told to be over means that the container is lost.
        func begin(
            _ run: AgentRun, patience: Duration, _ fill: (_ serial: UInt64, inout ByteBuffer) -> Void
        ) throws(SandboxError) {
            let serial = try state.withLock { state throws(SandboxError) in
                if let failure = state.failure { throw failure }
                guard state.run == nil else {
                    throw SandboxError(.sandboxBusy, message: "a run is under way in this container")
                }
                state.run = run
                state.serial += 1
                state.deadline = .now + patience
                return state.serial
            }
            run.serial = serial
            var buffer = ByteBuffer()
            fill(serial, &buffer)
            send(buffer)
        }

        func endRun(_ serial: UInt64, _ end: isolate_end) {
            guard state.withLock({ $0.run != nil && $0.serial == serial }) else { return }
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

        // MARK: Frames

        func received(_ stream: StreamKind, _ bytes: ByteBuffer) {
            // The agent writes to its stdout only; anything else is what started it, and could not.
            guard stream == .standardOutput else {
                state.withLock { state in
                    state.words += bytes.readableBytesView.prefix(Self.maximumWords - state.words.count)
                }
                return
            }
            var frames: [(isolate_frame_type, ByteBuffer)] = []
            let isMalformed = state.withLock { state -> Bool in
                state.heard = .now
                state.decoder.feed(bytes)
                do throws(AgentFrameDecoder.Malformed) {
                    while let frame = try state.decoder.next() { frames.append(frame) }
                    return false
                } catch {
                    return true
                }
            }
            for (type, payload) in frames where !handle(type, payload) { return malformed() }
            if isMalformed { malformed() }
        }

        private func malformed() {
            lose(
                SandboxError(
                    .containerLost, stage: "agent",
                    message: "the agent of container \(container) sent what no agent sends",
                    hint: "the container was given up; try again"))
            close()
        }

        /// False for a frame that is not what it should be.
        private func handle(_ type: isolate_frame_type, _ payload: ByteBuffer) -> Bool {
            switch type {
            case ISOLATE_FRAME_STDOUT, ISOLATE_FRAME_STDERR:
                guard let run = state.withLock({ $0.run }) else { return false }
                run.wrote(payload, type == ISOLATE_FRAME_STDOUT ? 0 : 1)
            case ISOLATE_FRAME_ENDED:
                guard let ended = payload.structure(isolate_agent_ended.self) else { return false }
                return handleEnd(ended)
            case ISOLATE_FRAME_STATUS:
                guard let status = payload.structure(isolate_agent_status.self) else { return false }
                return handleStatus(status)
            case ISOLATE_FRAME_HELLO:
                guard let hello = payload.structure(isolate_agent_hello.self),
                    case .hello(let continuation)? = takeQuestion()
                else { return false }
                continuation.resume(returning: .success(hello))
            case ISOLATE_FRAME_FILE:
                return handleFile(payload)
            case ISOLATE_FRAME_INPUT_TAKEN:
                guard let taken = payload.structure(isolate_agent_credit.self) else { return false }
                state.withLock { $0.run }?.inputTaken(Int(taken.bytes))
            default:
                return false
            }
            return true
        }

        private func takeQuestion() -> Question? {
            state.withLock { state in
                defer { state.question = nil }
                return state.question
            }
        }

        private func handleEnd(_ ended: isolate_agent_ended) -> Bool {
            let failure = ended.record.failure
            let haveLimitsChanged =
                failure.stage == ISOLATE_STAGE_LIMITS.rawValue && failure.errno_value == ERANGE
            let run = state.withLock { state -> AgentRun? in
                state.held = Int(clamping: ended.held_bytes)
                // A run that ended before anybody knew its number: what comes next could not be told apart. And
                // where somebody else changed the limits, nobody knows what else he changed.
                if ended.record.serial == 0 || haveLimitsChanged { state.mustRetire = true }
                guard ended.record.serial == 0 || ended.record.serial == state.serial else { return nil }
                state.deadline = nil
                defer { state.run = nil }
                return state.run
            }
            run?.ended(
                haveLimitsChanged ? .failure(Self.changedLimits(container)) : .success(ended.record),
                exceeded: ended.exceeded)
            return true
        }

        private static func changedLimits(_ container: String) -> SandboxError {
            SandboxError(
                .containerLost, stage: "limits", errno: ERANGE,
                message: "container \(container) has not the limits that its engine was asked for",
                hint: "somebody else changed them, and it is given up; try again in a new sandbox")
        }

        private func handleStatus(_ status: isolate_agent_status) -> Bool {
            let question = state.withLock { state -> Question? in
                state.held = Int(clamping: status.held_bytes)
                state.mustRetire = state.mustRetire || status.status.retire != 0
                if case .file(var reading)? = state.question, status.status.failure.stage == 0 {
                    // The content follows.
                    reading.isOpen = true
                    reading.isExecutable = status.status.isExecutable
                    reading.bytes.reserveCapacity(
                        min(Int(clamping: status.status.bytes), reading.maxBytes, 1 << 20))
                    state.question = .file(reading)
                    return nil
                }
                defer { state.question = nil }
                return state.question
            }
            switch question {
            case .status(let continuation): continuation.resume(returning: .success(status))
            case .file(let reading):
                reading.continuation.resume(
                    returning: .failure(
                        FileErrors.error(errno: status.status.failure.errno_value, path: reading.path)))
            case .hello: return false
            case nil: break
            }
            return true
        }

        private func handleFile(_ payload: ByteBuffer) -> Bool {
            let done = state.withLock { state -> FileReading? in
                guard case .file(var reading)? = state.question, reading.isOpen else { return nil }
                if payload.readableBytes == 0 {
                    state.question = nil
                    return reading
                }
                // Never more than was asked for, whatever comes.
                let room = reading.maxBytes + 1 - reading.bytes.count
                reading.bytes += payload.readableBytesView.prefix(max(0, room))
                state.question = .file(reading)
                // A file may be of any size, as long as it comes.
                state.answerDeadline = .now + patience
                return nil
            }
            guard let done else { return true }
            done.continuation.resume(
                returning: done.bytes.count > done.maxBytes
                    ? .failure(FileErrors.tooLarge(done.path, done.maxBytes))
                    : .success(OutputFile(done.bytes, executable: done.isExecutable)))
            return true
        }

        // MARK: The end

        func ended(_ error: EngineError?) {
            let reason = error.map { ": \($0.message)" } ?? ""
            lose(Self.lost(container, reason))
        }

        private static func lost(_ container: String, _ reason: String) -> SandboxError {
            SandboxError(
                .containerLost, stage: "attach",
                message: "container \(container) ended under its sandbox\(reason)",
                hint: "it was killed, or its engine went away; try again in a new sandbox")
        }

        private func lookAtDeadline() {
            let isLate = state.withLock { state in
                [state.deadline, state.answerDeadline].contains { $0.map { $0 < .now } ?? false }
            }
            if isLate { giveUp() }
        }

        private func giveUp() {
            lose(
                SandboxError(
                    .containerLost, stage: "agent",
                    message: "the agent of container \(container) does not answer",
                    hint: "it was paused or its host is overloaded; try again in a new sandbox"))
            close()
        }

        private func lose(_ error: SandboxError) {
            let (isFirst, question, run) = state.withLock { state in
                defer {
                    if state.failure == nil { state.failure = error }
                    state.question = nil
                    state.run = nil
                    (state.deadline, state.answerDeadline) = (nil, nil)
                    state.watch?.cancel()
                    state.watch = nil
                }
                return (state.failure == nil, state.question, state.run)
            }
            if let question { Self.fail(question, error) }
            run?.ended(.failure(error), exceeded: 0)
            if isFirst { onLoss() }
        }
    }
#endif
