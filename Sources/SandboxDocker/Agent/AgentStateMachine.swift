/// Keeps track of an agent's question and run, and decides what its frames mean. Pure.

#if Docker
import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// An answer of the agent.
enum AgentAnswer {
    case hello(isolate_agent_hello)
    case status(isolate_agent_status)
    case file(AgentFile)
}

/// What the agent sent of a file, or of a directory's entries.
struct AgentFile: Sendable {
    var bytes: [UInt8] = []
    /// Comes before the bytes: the size, permissions and identity, or the position of the next entries.
    var status: isolate_status_record
}

/// Allows one question at a time, and at most one run beside it.
///
/// `Waiter` is the caller that waits for an answer, `Run` the run whose end the agent reports.
struct AgentStateMachine<Waiter: Sendable, Run: Sendable>: Sendable {
    typealias Instant = ContinuousClock.Instant
    typealias Answer = Result<AgentAnswer, SandboxError>

    enum Question: Sendable {
        /// The configuration of the agent.
        case hello
        /// PREPARE, CLEAR, SET_DISK, or a change of files: a write, a removal, a new directory or link.
        case status
        /// A whole file, of at most `maxBytes`.
        case file(path: ByteString, maxBytes: Int)
        /// A part of a file, or of a directory's entries, of at most `bytes`.
        case part(path: ByteString, bytes: Int, isDirectory: Bool)

        /// What the answer to a read may fill. The room for a file is one byte more than the caller allows,
        /// which shows that a file is too large.
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
        /// When its answer is overdue. An answer that has come is never late, however late its caller runs.
        var deadline: Instant
        /// What came of the file so far; `nil` until the agent has reported that it is open.
        var file: AgentFile?
    }

    /// What the connection does after a frame.
    enum Action {
        case none
        case answer(Waiter, Answer)
        /// The frame is one that no agent sends, or not at this time.
        case malformed
    }

    /// How long an answer may take.
    let patience: Duration
    private var pending: Pending?
    private var run: Run?
    private var serial: UInt64 = 0
    /// When the end of the run is overdue.
    private var runDeadline: Instant?
    /// When somebody last looked at the deadlines.
    private var lookedAt: Instant?
    /// Memory of the sandbox's files and of those that the slot keeps, in bytes, as the agent last reported it.
    private(set) var held = 0
    private(set) var mustRetire = false
    /// Why the connection was lost; `nil` while it works.
    private(set) var failure: SandboxError?

    init(patience: Duration) { self.patience = patience }

    var isAsked: Bool { pending != nil }
    var isRunning: Bool { run != nil }
    var currentRun: Run? { run }

    /// How often somebody must look at the deadlines; one who comes much later was stopped.
    static var lookInterval: Duration { .seconds(1) }

    /// Whether the answer or the end of the run is overdue.
    ///
    /// Of a time in which this process itself did not run (it was stopped, or its machine was) it cannot say that
    /// nobody answered: such a time extends the deadlines.
    mutating func isLate(at now: Instant) -> Bool {
        let pause = lookedAt.map { now - $0 - Self.lookInterval } ?? .zero
        lookedAt = now
        if pause > Self.lookInterval {
            pending?.deadline += pause
            runDeadline? += pause
        }
        return [runDeadline, pending?.deadline].contains { $0.map { $0 < now } ?? false }
    }

    /// What the agent owes, for messages.
    var debt: String {
        switch pending?.question {
        case .hello: "its first message"
        case .status: "a question about its sandbox"
        case .file, .part: "a file"
        case nil: isRunning ? "the end of a run" : "nothing"
        }
    }

    // MARK: Questions

    /// - Parameter deadline: when the answer is overdue.
    /// - Returns: `nil` when the question is to be sent; otherwise why no answer can come.
    mutating func ask(_ question: Question, _ waiter: Waiter, until deadline: Instant) -> SandboxError? {
        if let failure { return failure }
        precondition(pending == nil, "questions are asked one after another")
        pending = Pending(question: question, waiter: waiter, deadline: deadline)
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

    /// Takes a piece of the file that is being read; an empty piece is its end.
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
        // Keeps no more than was asked for, however much the agent sends.
        self.pending?.file?.bytes += piece.prefix(max(0, reading.room - file.bytes.count))
        // Each piece extends the deadline, so that a file of any size can come.
        let deadline = now + patience
        self.pending?.deadline = deadline
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
    /// - Parameter deadline: when the container counts as lost if the run's end has not arrived.
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

    /// - Returns: the run, if this is its end, and whether its limits were changed from outside.
    mutating func received(_ ended: isolate_agent_ended) -> (run: Run?, haveLimitsChanged: Bool) {
        held = Int(clamping: ended.held_bytes)
        let failure = ended.record.failure
        let haveLimitsChanged =
            failure.stage == ISOLATE_STAGE_LIMITS.rawValue && failure.errno_value == ERANGE
        // A run that ended before the slot knew its number: its next report could belong to either run. If
        // the limits were changed from outside, other things in the container may have been changed, too.
        if ended.record.serial == 0 || haveLimitsChanged { mustRetire = true }
        guard ended.record.serial == 0 || ended.record.serial == serial else {
            return (nil, haveLimitsChanged)
        }
        runDeadline = nil
        defer { run = nil }
        return (run, haveLimitsChanged)
    }

    // MARK: The end

    /// - Returns: whether this is the first loss, and the waiter and the run to notify.
    mutating func lose(_ error: SandboxError) -> (isFirst: Bool, waiter: Waiter?, run: Run?) {
        let isFirst = failure == nil
        if isFirst { failure = error }
        defer { (pending, run, runDeadline) = (nil, nil, nil) }
        return (isFirst, pending?.waiter, run)
    }
}
#endif
