/// What a slot was asked, what it runs, and whether it may go on. Pure.

/// One question at a time, next to one run at most.
///
/// `Answer` is what the slot says, `Waiter` who waits for it, `Run` what is told of its end.
struct SlotStateMachine<Answer: Sendable, Waiter: Sendable, Run: Sendable>: Sendable {
    private enum RunPhase {
        case none
        /// Its number is given, its request not made yet.
        case reserved
        case running(Run)
    }

    private(set) var isClosed = false
    private(set) var mustRetire = false
    /// Answers so far. A question that is counted already is no reason to give the slot up.
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

    /// Whoever asked waits for the answer, or finds it here.
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

    /// - Returns: who waits for it; `nil`: he is still to come.
    mutating func answered(_ answer: Answer) -> Waiter? {
        answers += 1
        guard let waiter else {
            self.answer = answer
            return nil
        }
        self.waiter = nil
        return waiter
    }

    /// It lost a part of itself.
    mutating func retire() { mustRetire = true }

    // MARK: Runs

    /// The number of a run that is to be made. `nil`: one is under way.
    mutating func reserveRun() -> UInt64? {
        guard case .none = phase else { return nil }
        phase = .reserved
        serial += 1
        return serial
    }

    /// The run is there to be told of its end; its request follows.
    ///
    /// - Returns: false when the slot was closed meanwhile, and nobody will tell it anything.
    mutating func beginRun(_ run: Run) -> Bool {
        guard !isClosed else { return false }
        phase = .running(run)
        return true
    }

    /// Its request did not leave.
    mutating func forgetRun(_ number: UInt64) {
        if number == serial { phase = .none }
    }

    /// The slot told the end of a run.
    ///
    /// - Parameter number: the run's; 0: it ended before the slot knew its number.
    /// - Returns: the run, and whether the slot is to be closed: what comes next could not be told apart.
    mutating func runEnded(_ number: UInt64) -> (run: Run?, closes: Bool) {
        // The end of an earlier run, told twice, is not this one's.
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
        /// An answer that nobody took.
        var answer: Answer?
    }

    /// - Returns: whom to tell; `nil` when it was closed before.
    mutating func close() -> Closed? {
        if isClosed { return nil }
        isClosed = true
        var closed = Closed(waiter: waiter, answer: answer)
        if case .running(let run) = phase { closed.run = run }
        (waiter, answer, phase) = (nil, nil, .none)
        return closed
    }
}
