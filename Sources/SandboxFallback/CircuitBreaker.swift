/// Decides when a failing backend is tried again: a state machine without clock, lock or effects.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// Keeps requests away from a backend that fails, and finds out with one request at a time whether it is back.
///
///     closed -> open:        too many failures in a row, or one of a backend that does not answer
///     open -> half-open:     the pause is over; the first request after it is the probe
///     half-open -> closed:   the probe succeeded
///     half-open -> open:     the probe failed; the pause doubles
///
/// Each request that is let through gets a ticket, with which its verdict is reported. Verdicts of requests
/// that began in an earlier state do not count for the present one and are ignored. Time is a `Duration`
/// since any start and never goes back: an earlier time counts as the latest one seen.
public struct CircuitBreaker: Sendable {
    /// When the breaker opens, and for how long.
    public struct Policy: Sendable, Hashable {
        /// Failures in a row that open the breaker. 1 or more.
        public var threshold: Int
        /// How long the breaker is first open. More than 0.
        public var initialPause: Duration
        /// The longest pause; also how long a probe may take before another one is sent.
        public var maximumPause: Duration

        public init(
            threshold: Int = 3, initialPause: Duration = .seconds(1),
            maximumPause: Duration = .seconds(60)
        ) {
            self.threshold = threshold
            self.initialPause = initialPause
            self.maximumPause = maximumPause
        }

        /// - Throws: `.invalidArgument`, with the first invalid property.
        public func validate() throws(SandboxError) {
            guard threshold >= 1 else {
                throw SandboxError(
                    .invalidArgument, message: "the breaker's threshold is \(threshold)",
                    hint: "give 1 or more failures")
            }
            guard initialPause > .zero, initialPause <= maximumPause else {
                throw SandboxError(
                    .invalidArgument,
                    message: "the breaker's initialPause is not between 0 and its maximumPause",
                    hint: "give a pause of more than 0 that is not longer than maximumPause")
            }
        }
    }

    public enum Position: String, Sendable, Hashable, CaseIterable {
        case closed, open, halfOpen
    }

    /// A request that was let through.
    public struct Ticket: Sendable, Hashable {
        let generation: Int
    }

    /// The result of a request, as evidence on the backend.
    public enum Verdict: Sendable, Hashable {
        case success
        /// The backend failed.
        case failure
        /// The backend did not answer: the next request would time out as well.
        case unreachable
        /// No evidence on the backend: the request was cancelled, or had a bad argument.
        case none
    }

    private enum State {
        case closed(failures: Int)
        case open(until: Duration)
        /// The probe is under way; at this time another may follow if it has not reported.
        case halfOpen(patience: Duration)
    }

    public let policy: Policy
    private var state = State.closed(failures: 0)
    /// Counts the states: verdicts on requests of an earlier state are out of date.
    private var generation = 0
    private var pause: Duration
    private var latest = Duration.zero

    /// - Parameter policy: a valid one; see ``Policy/validate()``.
    public init(policy: Policy = Policy()) {
        self.policy = policy
        pause = policy.initialPause
    }

    public var position: Position {
        switch state {
        case .closed: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }

    /// Asks to let a request through.
    ///
    /// - Returns: its ticket; `nil` if it must go to another backend.
    public mutating func request(now: Duration) -> Ticket? {
        latest = max(latest, now)
        switch state {
        case .closed: return Ticket(generation: generation)
        case .open(let time), .halfOpen(let time):
            guard time <= latest else { return nil }
            enter(.halfOpen(patience: latest + policy.maximumPause))
            return Ticket(generation: generation)
        }
    }

    /// Reports the verdict of a request that was let through; in the half-open state only the first one
    /// counts, since it ends that state.
    public mutating func report(_ verdict: Verdict, of ticket: Ticket, now: Duration) {
        latest = max(latest, now)
        guard ticket.generation == generation else { return }
        switch (state, verdict) {
        case (.closed, .success):
            state = .closed(failures: 0)
        case (.closed(let failures), .failure) where failures + 1 < policy.threshold:
            state = .closed(failures: failures + 1)
        case (.closed, .failure), (.closed, .unreachable):
            pause = policy.initialPause
            enter(.open(until: latest + pause))
        case (.halfOpen, .success):
            enter(.closed(failures: 0))
        case (.halfOpen, .failure), (.halfOpen, .unreachable):
            pause = min(pause * 2, policy.maximumPause)
            enter(.open(until: latest + pause))
        case (.halfOpen, .none):
            // No evidence: the next request is a probe at once.
            enter(.open(until: latest))
        case (.closed, .none), (.open, _):
            break
        }
    }

    private mutating func enter(_ next: State) {
        state = next
        generation += 1
    }
}
#endif
