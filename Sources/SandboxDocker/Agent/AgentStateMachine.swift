/// What a container's agent was asked, what it runs, and what its frames mean. Pure.

#if Docker
import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// What an agent answers.
enum AgentAnswer {
    case hello(isolate_agent_hello)
    case status(isolate_agent_status)
    case file(AgentFile)
}

/// What an agent sent of a file, or of a directory's entries.
struct AgentFile: Sendable {
    var bytes: [UInt8] = []
    /// Its first word, before the bytes: size, permissions, identity; or where the next entries are.
    var status: isolate_status_record
}

/// One question at a time, next to one run at most. `Waiter` waits for an answer, `Run` is told of its end.
struct AgentStateMachine<Waiter: Sendable, Run: Sendable>: Sendable {
    typealias Instant = ContinuousClock.Instant
    typealias Answer = Result<AgentAnswer, SandboxError>

    enum Question: Sendable {
        /// Its configuration.
        case hello
        /// PREPARE, CLEAR, SET_DISK, or a file to be written or removed.
        case status
        /// A file to be read, of at most so many bytes.
        case file(path: ByteString, maxBytes: Int)
        /// A part of a file, or of a directory's entries, of at most so many bytes.
        case part(path: ByteString, bytes: Int, isDirectory: Bool)

        /// What is read: bytes that are kept at most, where one more than a caller allows shows a file that is too large.
        fileprivate var reading: (path: ByteString, room: Int, isDirectory: Bool)? {
            switch self {
            case .hello, .status: nil
            case .file(let path, let maxBytes): (path, min(maxBytes, Int.max - 1) + 1, false)
            case .part(let path, let bytes, let isDirectory): (path, bytes, isDirectory)
            }
        }
    }

    /// A question that waits for its answer.
    private struct Pending: Sendable {
        var question: Question
        var waiter: Waiter
        /// The file so far; nil until the agent said that it is open.
        var file: AgentFile?
    }

    /// What a frame calls for.
    enum Action {
        case none
        case answer(Waiter, Answer)
        /// No agent sends that, or not now.
        case malformed
    }

    /// How long an answer may take.
    let patience: Duration
    private var pending: Pending?
    private var run: Run?
    private var serial: UInt64 = 0
    /// When the end of the run is late, and when the answer is.
    private(set) var runDeadline: Instant?
    private(set) var answerDeadline: Instant?
    /// Memory of the sandbox's files, in bytes, as the agent said last.
    private(set) var held = 0
    private(set) var mustRetire = false
    /// Why nothing comes any more.
    private(set) var failure: SandboxError?

    init(patience: Duration) { self.patience = patience }

    var isAsked: Bool { pending != nil }
    var isRunning: Bool { run != nil }
    var currentRun: Run? { run }

    func isLate(at now: Instant) -> Bool {
        [runDeadline, answerDeadline].contains { $0.map { $0 < now } ?? false }
    }

    // MARK: Questions

    /// The turn of a question begins or, with nil, is over.
    mutating func expectAnswer(by deadline: Instant?) { answerDeadline = deadline }

    /// - Returns: why nobody answers; the question is to be sent if nil.
    mutating func ask(_ question: Question, _ waiter: Waiter) -> SandboxError? {
        if let failure { return failure }
        precondition(pending == nil, "questions are asked one after another")
        pending = Pending(question: question, waiter: waiter)
        return nil
    }

    mutating func received(hello: isolate_agent_hello) -> Action {
        guard case .hello? = pending?.question else { return .malformed }
        return answer(.success(.hello(hello)))
    }

    mutating func received(_ status: isolate_agent_status) -> Action {
        held = Int(clamping: status.held_bytes)
        if status.status.retire != 0 { mustRetire = true }
        switch pending?.question {
        case .status: return answer(.success(.status(status)))
        case .file, .part:
            guard let reading = pending?.question.reading else { return .none }
            guard status.status.failure.stage == 0 else {
                let error = FileErrors.error(
                    errno: status.status.failure.errno_value, path: reading.path,
                    directory: reading.isDirectory)
                return answer(.failure(error))
            }
            // The content follows.
            var file = AgentFile(status: status.status)
            file.bytes.reserveCapacity(min(Int(clamping: status.status.bytes), reading.room, 1 << 20))
            pending?.file = file
            return .none
        case .hello: return .malformed
        case nil: return .none
        }
    }

    /// A piece of the file that is being read; an empty one is its end.
    mutating func received(file piece: some Collection<UInt8>, at now: Instant) -> Action {
        guard let pending, let reading = pending.question.reading, let file = pending.file else {
            return .none
        }
        if piece.isEmpty {
            if case .file(let path, let maxBytes) = pending.question, file.bytes.count > maxBytes {
                return answer(.failure(FileErrors.tooLarge(path, maxBytes)))
            }
            return answer(.success(.file(file)))
        }
        // Never more than was asked for, whatever comes.
        self.pending?.file?.bytes += piece.prefix(max(0, reading.room - file.bytes.count))
        // A file may be of any size, as long as it comes.
        answerDeadline = now + patience
        return .none
    }

    private mutating func answer(_ answer: Answer) -> Action {
        guard let pending else { return .malformed }
        self.pending = nil
        return .answer(pending.waiter, answer)
    }

    // MARK: Runs

    /// Registers a run before its request leaves.
    ///
    /// - Parameter deadline: when a run that was not told to be over means that the container is lost.
    /// - Returns: its number.
    mutating func beginRun(
        until deadline: Instant, _ make: (UInt64) -> Run
    ) throws(SandboxError) -> Run {
        if let failure { throw failure }
        guard run == nil else {
            throw SandboxError(.sandboxBusy, message: "a run is under way in this container")
        }
        serial += 1
        runDeadline = deadline
        let made = make(serial)
        run = made
        return made
    }

    func isUnderWay(_ number: UInt64) -> Bool { run != nil && serial == number }

    /// - Returns: the run to be told, if it is this one's end, and whether its limits were changed behind our back.
    mutating func received(_ ended: isolate_agent_ended) -> (run: Run?, haveLimitsChanged: Bool) {
        held = Int(clamping: ended.held_bytes)
        let failure = ended.record.failure
        let haveLimitsChanged =
            failure.stage == ISOLATE_STAGE_LIMITS.rawValue && failure.errno_value == ERANGE
        // A run that ended before anybody knew its number: what comes next could not be told apart. And where
        // somebody else changed the limits, nobody knows what else he changed.
        if ended.record.serial == 0 || haveLimitsChanged { mustRetire = true }
        guard ended.record.serial == 0 || ended.record.serial == serial else {
            return (nil, haveLimitsChanged)
        }
        runDeadline = nil
        defer { run = nil }
        return (run, haveLimitsChanged)
    }

    // MARK: The end

    /// - Returns: whether it is lost now and was not before, and whom to tell.
    mutating func lose(_ error: SandboxError) -> (isFirst: Bool, waiter: Waiter?, run: Run?) {
        let isFirst = failure == nil
        if isFirst { failure = error }
        defer { (pending, run, runDeadline, answerDeadline) = (nil, nil, nil, nil) }
        return (isFirst, pending?.waiter, run)
    }
}
#endif
