/// When a failing backend is asked again: a state machine without clock, lock or effects.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// Keeps requests away from a backend that fails, and finds out with one request at a time whether it is back.
///
///     closed -> open:        too many failures in a row, or one that says that nobody answers
///     open -> half-open:     the pause is over; the request that finds it so is the probe
///     half-open -> closed:   the probe succeeded
///     half-open -> open:     the probe failed; the pause doubles
///
/// Each request that is let through has a ticket, and says how it went with it. Verdicts of requests that began
/// in an earlier state say nothing about this one and are ignored. Time is a `Duration` since any start and
/// never goes back: an earlier time counts as the latest one seen.
public struct CircuitBreaker: Sendable {
    /// When it opens, and for how long.
    public struct Policy: Sendable, Hashable {
        /// Failures in a row that open it. 1 or more.
        public var threshold: Int
        /// How long it is open first. More than 0.
        public var initialPause: Duration
        /// The longest pause; also how long a probe may be silent before another one is sent.
        public var maximumPause: Duration

        public init(
            threshold: Int = 3, initialPause: Duration = .seconds(1),
            maximumPause: Duration = .seconds(60)
        ) {
            self.threshold = threshold
            self.initialPause = initialPause
            self.maximumPause = maximumPause
        }

        /// - Throws: `.invalidArgument`, naming the first property that is wrong.
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

    /// How a request went.
    public enum Verdict: Sendable, Hashable {
        case success
        /// The backend failed.
        case failure
        /// Nobody answered: the next would wait as long for nothing.
        case unreachable
        /// It came to nothing for a reason that tells nothing of the backend: cancelled, or a bad argument.
        case none
    }

    private enum State {
        case closed(failures: Int)
        case open(until: Duration)
        /// The probe is on its way; another may follow at this time if it is not heard of.
        case halfOpen(patience: Duration)
    }

    public let policy: Policy
    private var state = State.closed(failures: 0)
    /// Counts the states: verdicts on requests of an earlier one are out of date.
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

    /// A request wants to go through.
    ///
    /// - Returns: its ticket; `nil` if it must go elsewhere.
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

    /// A request that was let through says how it went; the second and later times do nothing in the half-open
    /// state, for the first one ends it.
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
            // It proved nothing: the next request is a probe at once.
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
