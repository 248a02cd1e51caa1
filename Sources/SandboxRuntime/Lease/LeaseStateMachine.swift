/// What may be done with a sandbox in use, and when its place is free for somebody else. Pure.

/// One run at a time, files beside it, and a close that waits for both.
///
/// `Run` is what a run is killed by, `Waiter` whoever waits for the place to be free.
struct LeaseStateMachine<Run: Sendable, Waiter: Sendable>: Sendable {
    /// Why something may not begin.
    enum Refusal: Error, Equatable { case closed, busy }

    private enum Phase {
        case idle
        /// A run was let in, and its request is not on its way yet.
        case starting
        case running(Run)
        /// Its processes are dead; its caller is not done with it: the body of a streaming run may still be at work.
        case dead
    }

    private var phase = Phase.idle
    /// Files being read or written.
    private var files = 0
    private(set) var isClosed = false
    private var closer: Waiter?

    /// Somebody uses the place, which therefore cannot serve another sandbox.
    var isPlaceUsed: Bool {
        switch phase {
        case .idle, .dead: files > 0
        case .starting, .running: true
        }
    }

    // MARK: Files

    mutating func beginFile() throws(Refusal) {
        if isClosed { throw .closed }
        files += 1
    }

    /// - Returns: whom to tell that the place is free.
    mutating func endFile() -> Waiter? {
        precondition(files > 0)
        files -= 1
        return freed()
    }

    // MARK: Runs

    mutating func beginRun() throws(Refusal) {
        if isClosed { throw .closed }
        guard case .idle = phase else { throw .busy }
        phase = .starting
    }

    /// The request is on its way.
    ///
    /// - Returns: whether to kill it: the sandbox was closed before there was anything to kill.
    mutating func started(_ run: Run) -> Bool {
        // It may have come to its end before anybody knew of it.
        guard case .starting = phase else { return false }
        phase = .running(run)
        return isClosed
    }

    /// Every process of the run is dead, or it never began. May be told more than once.
    ///
    /// - Returns: whom to tell that the place is free.
    mutating func runEnded() -> Waiter? {
        switch phase {
        case .idle, .dead: return nil
        case .starting, .running:
            phase = .dead
            return freed()
        }
    }

    /// Its caller is done with it.
    ///
    /// - Returns: whom to tell that the place is free.
    mutating func runLeft() -> Waiter? {
        let waiter = runEnded()
        phase = .idle
        return waiter
    }

    // MARK: The end

    enum Close {
        /// It was closed before.
        case repeated
        /// Nothing begins from now on; what runs is to be killed.
        case first(kill: Run?)
    }

    mutating func close() -> Close {
        if isClosed { return .repeated }
        isClosed = true
        if case .running(let run) = phase { return .first(kill: run) }
        return .first(kill: nil)
    }

    /// Whoever closed it waits until nobody uses the place.
    ///
    /// - Returns: false when there is nothing to wait for.
    mutating func waitUntilFree(_ waiter: Waiter) -> Bool {
        precondition(isClosed && closer == nil)
        if isPlaceUsed { closer = waiter }
        return isPlaceUsed
    }

    private mutating func freed() -> Waiter? {
        guard !isPlaceUsed else { return nil }
        defer { closer = nil }
        return closer
    }
}
