/// Decides what a caller may do with a sandbox in use, and when its place is free for another sandbox. Pure.

/// Allows one run at a time, files beside it, and a close that waits for both.
///
/// `Run` is the handle that kills a run, `Waiter` the caller of a close that waits for the place to be free.
struct LeaseStateMachine<Run: Sendable, Waiter: Sendable>: Sendable {
    /// Why an operation may not begin.
    enum Refusal: Error, Equatable { case closed, busy }

    private enum Phase {
        case idle
        /// A run was accepted, and its request is not on its way yet.
        case starting
        case running(Run)
        /// The run's processes are dead, but its caller is not done: the body of a streaming run may still be
        /// at work.
        case dead
    }

    private var phase = Phase.idle
    /// Files being read or written.
    private var files = 0
    private(set) var isClosed = false
    private var closer: Waiter?

    /// Whether a run or a file uses the place, which therefore cannot serve another sandbox.
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

    /// - Returns: the waiting close, if the place is now free.
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

    /// The run's request is on its way.
    ///
    /// - Returns: whether to kill the run: the sandbox was closed before there was a handle to kill it.
    mutating func started(_ run: Run) -> Bool {
        // The run may have ended before this call.
        guard case .starting = phase else { return false }
        phase = .running(run)
        return isClosed
    }

    /// Every process of the run is dead, or it never began. May be called more than once.
    ///
    /// - Returns: the waiting close, if the place is now free.
    mutating func runEnded() -> Waiter? {
        switch phase {
        case .idle, .dead: return nil
        case .starting, .running:
            phase = .dead
            return freed()
        }
    }

    /// The run's caller is done with it.
    ///
    /// - Returns: the waiting close, if the place is now free.
    mutating func runLeft() -> Waiter? {
        let waiter = runEnded()
        phase = .idle
        return waiter
    }

    // MARK: The end

    enum Close {
        /// The sandbox was closed before.
        case repeated
        /// The first close: no operation begins from now on, and a present run is to be killed.
        case first(kill: Run?)
    }

    mutating func close() -> Close {
        if isClosed { return .repeated }
        isClosed = true
        if case .running(let run) = phase { return .first(kill: run) }
        return .first(kill: nil)
    }

    /// Registers the close that waits until the place is unused.
    ///
    /// - Returns: false when the place is free already.
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
