/// A pool's source of time, which tests can replace.

import SandboxAPI

/// A source of time and a way to wait for it.
public struct PoolClock: Sendable {
    /// The time since some start.
    public var now: @Sendable () -> Duration
    /// Returns at that time or somewhat before; throws when the task is cancelled.
    public var sleep: @Sendable (_ until: Duration) async throws -> Void

    public init(
        now: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (_ until: Duration) async throws -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    /// Real time; it goes on while the machine sleeps.
    public static var continuous: PoolClock {
        let start = ContinuousClock.now
        return PoolClock(
            now: { ContinuousClock.now - start },
            sleep: { deadline in
                // The runtime counts nanoseconds in 64 bits, so longer waits are cut to a day.
                let wake = min(deadline, ContinuousClock.now - start + .seconds(86_400))
                try await Task.sleep(until: start + wake, clock: .continuous)
            })
    }
}
