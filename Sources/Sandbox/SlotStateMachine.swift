/// Keeps track of a slot's question and run, and of whether the slot may go on. Pure.

/// Allows one question at a time, and at most one run beside it.
///
/// `Answer` is the slot's answer, `Waiter` the caller that waits for it, `Run` the run whose end the slot
/// reports.
struct SlotStateMachine<Answer: Sendable, Waiter: Sendable, Run: Sendable>: Sendable {
    private enum RunPhase {
        case none
        /// The run has its number, but its request is not made yet.
        case reserved
        case running(Run)
    }

    private(set) var isClosed = false
    private(set) var mustRetire = false
    /// The number of answers so far. A timeout gives the slot up only if its question is not counted here
    /// yet.
    private(set) var answers = 0
    private var answer: Answer?
    private var waiter: Waiter?
    private var phase = RunPhase.none
    private var serial: UInt64 = 0

    // MARK: Questions

    enum Wait {
        case answer(Answer)
        case closed
        case wait
    }

    /// Returns the answer if it is there already, else registers the waiter.
    mutating func wait(_ waiter: Waiter) -> Wait {
        if let answer {
            self.answer = nil
            return .answer(answer)
        }
        if isClosed { return .closed }
        precondition(self.waiter == nil, "questions are asked one after another")
        self.waiter = waiter
        return .wait
    }

    /// - Returns: the caller that waits for the answer; `nil`: it does not wait yet.
    mutating func answered(_ answer: Answer) -> Waiter? {
        answers += 1
        guard let waiter else {
            self.answer = answer
            return nil
        }
        self.waiter = nil
        return waiter
    }

    /// Marks the slot, which lost a part of itself, so that it serves no other sandbox.
    mutating func retire() { mustRetire = true }

    // MARK: Runs

    /// Returns the number for a new run; `nil` while another run is under way.
    mutating func reserveRun() -> UInt64? {
        guard case .none = phase else { return nil }
        phase = .reserved
        serial += 1
        return serial
    }

    /// Registers the run, so that its end can be reported to it; its request follows.
    ///
    /// - Returns: false when the slot was closed meanwhile, so that no end would be reported.
    mutating func beginRun(_ run: Run) -> Bool {
        guard !isClosed else { return false }
        phase = .running(run)
        return true
    }

    /// Forgets a run whose request was not sent.
    mutating func forgetRun(_ number: UInt64) {
        if number == serial { phase = .none }
    }

    /// Takes the slot's report that a run ended.
    ///
    /// - Parameter number: the run's number; 0: the run ended before the slot knew its number.
    /// - Returns: the run, and whether to close the slot, since its next report could belong to either run.
    mutating func runEnded(_ number: UInt64) -> (run: Run?, closes: Bool) {
        // A second report of an earlier run's end does not concern this run.
        if number != 0, number != serial { return (nil, false) }
        if number == 0 { mustRetire = true }
        guard case .running(let run) = phase else { return (nil, false) }
        phase = .none
        return (run, number == 0)
    }

    // MARK: The end

    struct Closed {
        var run: Run?
        var waiter: Waiter?
    }

    /// An answer that its caller did not take yet stays for it: it may be the slot's last word, why it ended.
    ///
    /// - Returns: the run and the waiter to notify; `nil` when the slot was closed before.
    mutating func close() -> Closed? {
        if isClosed { return nil }
        isClosed = true
        var closed = Closed(waiter: waiter)
        if case .running(let run) = phase { closed.run = run }
        (waiter, phase) = (nil, .none)
        return closed
    }
}
