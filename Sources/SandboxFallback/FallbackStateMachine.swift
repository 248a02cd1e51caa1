/// Which of its two backends a sandbox is on, and whether what was done in it can be done again on the second. Pure.

#if Fallback
import SandboxAPI

/// A sandbox of the first backend that may move to the second, once; or one of the second from the beginning.
///
/// `Move` is what makes the second sandbox and closes the first, `Pass` what the first backend's breaker is told with.
struct FallbackStateMachine<Sandbox: Sendable, Move: Sendable, Pass: Sendable>: Sendable {
    enum Phase: Sendable {
        case first(Sandbox)
        /// The first is lost; its users wait for the second.
        case moving(Move)
        case second(Sandbox)
        /// The first is lost and there is no second.
        case lost(SandboxError)
    }

    private(set) var phase: Phase
    /// The last sandbox there was: it answers for what goes wrong after it.
    private(set) var latest: Sandbox
    /// Why the sandbox is not, or is no longer, one of the first backend.
    private(set) var cause: BreakerBoard.Cause?
    /// What the sandbox was given, for the second one. Discarded when the first run is over.
    var journal: FileJournal
    /// Nothing can be repeated any more.
    private(set) var hasRun = false
    /// `nil` if the first backend was not used.
    private let pass: Pass?
    /// The first backend was judged by what came of this sandbox.
    private var hasVerdict = false
    /// Set when the first backend lost the sandbox.
    private var loss: BreakerBoard.Cause?
    private var move: Move?
    private var isRunning = false
    private var isClosed = false

    init(first sandbox: Sandbox, pass: Pass, journal: FileJournal) {
        (phase, latest, self.pass, self.journal) = (.first(sandbox), sandbox, pass, journal)
    }

    init(second sandbox: Sandbox, cause: BreakerBoard.Cause) {
        (phase, latest, pass, self.cause) = (.second(sandbox), sandbox, nil, cause)
        journal = FileJournal(capacity: 0)
    }

    // MARK: Runs

    /// - Returns: false when another run is under way.
    mutating func beginRun() -> Bool {
        defer { isRunning = true }
        return !isRunning
    }

    mutating func endRun() { isRunning = false }

    /// The first run came to something, whatever: nothing can be repeated from now on.
    mutating func forbidReplay() {
        hasRun = true
        journal.discard()
    }

    /// Why what was lost cannot be repeated.
    var refusal: String? {
        if hasRun { return "what earlier runs left in the sandbox is lost" }
        return journal.isIncomplete ? "the sandbox's files were too large to be kept for it" : nil
    }

    // MARK: What the first backend is judged by

    /// The breaker is to be told what came of the sandbox.
    ///
    /// - Returns: with what; `nil` when it was told before, or the sandbox is not the first backend's any more.
    mutating func takeVerdict() -> Pass? {
        guard case .first = phase, !hasVerdict else { return nil }
        hasVerdict = true
        return pass
    }

    /// What the breaker still has to be told with when the sandbox is forgotten.
    var passWithoutVerdict: Pass? { hasVerdict ? nil : pass }

    struct Judgement {
        /// The breaker is to be told of the failure with it.
        var pass: Pass?
        /// Why the sandbox may go to the second backend; `nil` if it may not.
        var cause: BreakerBoard.Cause?
    }

    /// Something failed in a sandbox, which may be the backend's fault.
    ///
    /// - Parameter isOfFirst: in the first backend's.
    mutating func failed(
        _ failure: BackendFailure, _ cause: BreakerBoard.Cause, isOfFirst: Bool
    ) -> Judgement {
        switch phase {
        // A sandbox that lacks something is not lost: without a second one it goes on.
        case .first where isOfFirst && failure == .incapable: return Judgement(cause: hasRun ? nil : cause)
        case .first where isOfFirst && loss == nil:
            loss = cause
            hasVerdict = true
            return Judgement(pass: pass, cause: cause)
        case .second where !isOfFirst: return Judgement()
        // Another user found it out: the sandbox is on its way already, or cannot go.
        case .first, .moving, .second, .lost: return Judgement(cause: loss)
        }
    }

    // MARK: From the first to the second

    /// The sandbox leaves the first backend.
    ///
    /// - Parameter make: makes the second one with what is in the journal, and closes the first.
    /// - Returns: false when it is on its way, has arrived, or was closed.
    mutating func beginMove(_ cause: BreakerBoard.Cause, _ make: (Sandbox, FileJournal) -> Move) -> Bool {
        guard case .first(let sandbox) = phase, !isClosed else { return false }
        let move = make(sandbox, journal)
        (phase, self.move, self.cause) = (.moving(move), move, cause)
        return true
    }

    /// The move is over. May be told more than once, by each user that waited for it.
    mutating func moved(_ result: Result<Sandbox, SandboxError>) {
        guard case .moving = phase else { return }
        switch result {
        case .success(let sandbox): (phase, latest) = (.second(sandbox), sandbox)
        case .failure(let error): phase = .lost(error)
        }
    }

    // MARK: The end

    struct Close {
        /// What is to be closed: a sandbox, or what comes of a move under way.
        var phase: Phase
        /// The move that was, whose first sandbox may still be being closed.
        var move: Move?
        /// The breaker is to be told with it that the sandbox ended.
        var pass: Pass?
    }

    /// - Returns: `nil` when it was closed before.
    mutating func close() -> Close? {
        guard !isClosed else { return nil }
        isClosed = true
        let pass = takeVerdict()
        return Close(phase: phase, move: move, pass: pass)
    }
}
#endif
