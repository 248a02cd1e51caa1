/// Decides which of its two backends has a sandbox, and whether its work can be repeated on the second. Pure.

#if Fallback
import SandboxAPI

/// A sandbox of the first backend that may move to the second, once; or one of the second from the beginning.
///
/// `Move` makes the second sandbox and closes the first; `Pass` identifies the sandbox to the first backend's
/// breaker.
struct FallbackStateMachine<Sandbox: Sendable, Move: Sendable, Pass: Sendable>: Sendable {
    enum Phase: Sendable {
        case first(Sandbox)
        /// The first is lost; its users wait for the second.
        case moving(Move)
        case second(Sandbox)
        /// The first is lost, and the move failed.
        case lost(SandboxError)
    }

    private(set) var phase: Phase
    /// The most recent sandbox. Its provenance goes into later errors.
    private(set) var latest: Sandbox
    /// Why the sandbox is not, or is no longer, one of the first backend.
    private(set) var cause: BreakerBoard.Cause?
    /// The changes made to the sandbox, for the second one. Discarded after the first run.
    var journal: FileJournal
    /// True when nothing can be repeated any more.
    private(set) var hasRun = false
    /// `nil` if the first backend was not used.
    private let pass: Pass?
    /// True when the breaker has the result of this sandbox.
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

    /// Forbids any repetition from now on: the first run had an effect, whatever its result.
    mutating func forbidReplay() {
        hasRun = true
        journal.discard()
    }

    /// Why the lost work cannot be repeated; `nil` if it can.
    var refusal: String? {
        if hasRun { return "what earlier runs left in the sandbox is lost" }
        return journal.isIncomplete ? "the sandbox's files were too large to be kept for it" : nil
    }

    // MARK: What the first backend is judged by

    /// Takes the pass to report the result of the sandbox to the breaker with.
    ///
    /// - Returns: `nil` when a result was reported before, or the sandbox is not the first backend's any
    ///   more.
    mutating func takeVerdict() -> Pass? {
        guard case .first = phase, !hasVerdict else { return nil }
        hasVerdict = true
        return pass
    }

    /// The pass for a report that the sandbox was released without a result; `nil` when a result was
    /// reported.
    var passWithoutVerdict: Pass? { hasVerdict ? nil : pass }

    struct Judgement {
        /// The pass to report the failure to the breaker with.
        var pass: Pass?
        /// Why the sandbox may go to the second backend; `nil` if it may not.
        var cause: BreakerBoard.Cause?
    }

    /// Judges an error of a sandbox, which may be a failure of its backend.
    ///
    /// - Parameter isOfFirst: whether the sandbox is the first backend's.
    mutating func failed(
        _ failure: BackendFailure, _ cause: BreakerBoard.Cause, isOfFirst: Bool
    ) -> Judgement {
        switch phase {
        // A sandbox that lacks a capability is not lost: if there is no second one, it stays in use.
        case .first where isOfFirst && failure == .incapable: return Judgement(cause: hasRun ? nil : cause)
        case .first where isOfFirst && loss == nil:
            loss = cause
            hasVerdict = true
            return Judgement(pass: pass, cause: cause)
        case .second where !isOfFirst: return Judgement()
        // Another caller met the loss first: the sandbox is moving already, or cannot move.
        case .first, .moving, .second, .lost: return Judgement(cause: loss)
        }
    }

    // MARK: From the first to the second

    /// Starts the move to the second backend.
    ///
    /// - Parameter make: makes the second sandbox with the changes in the journal, and closes the first.
    /// - Returns: false when the sandbox is moving, has moved, or was closed.
    mutating func beginMove(_ cause: BreakerBoard.Cause, _ make: (Sandbox, FileJournal) -> Move) -> Bool {
        guard case .first(let sandbox) = phase, !isClosed else { return false }
        let move = make(sandbox, journal)
        (phase, self.move, self.cause) = (.moving(move), move, cause)
        return true
    }

    /// Takes the result of the move. Each caller that waited for the move may report it.
    mutating func moved(_ result: Result<Sandbox, SandboxError>) {
        guard case .moving = phase else { return }
        switch result {
        case .success(let sandbox): (phase, latest) = (.second(sandbox), sandbox)
        case .failure(let error): phase = .lost(error)
        }
    }

    // MARK: The end

    struct Close {
        /// What the caller closes: a sandbox, or the result of a move under way.
        var phase: Phase
        /// The move, if there was one; it may still be closing the first sandbox.
        var move: Move?
        /// The pass to report the end of the sandbox to the breaker with.
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
