/// The details of a pool: each of its sandboxes, and the callers' waiting times.

/// ``PoolStatistics`` and what costs more to collect: each sandbox, and the callers' waiting times.
public struct PoolDetails: Sendable, Hashable {
    public var statistics: PoolStatistics
    /// All existing sandboxes; those of one pool together, the oldest first.
    public var sandboxes: [PooledSandbox]
    /// From the call of `acquire` to its return, for all callers that got a sandbox since the start.
    public var acquireTimes: DurationHistogram

    public init(
        statistics: PoolStatistics = PoolStatistics(), sandboxes: [PooledSandbox] = [],
        acquireTimes: DurationHistogram = DurationHistogram()
    ) {
        self.statistics = statistics
        self.sandboxes = sandboxes
        self.acquireTimes = acquireTimes
    }

    /// The details of two pools, joined.
    public static func + (a: Self, b: Self) -> Self {
        Self(
            statistics: a.statistics + b.statistics, sandboxes: a.sandboxes + b.sandboxes,
            acquireTimes: a.acquireTimes + b.acquireTimes)
    }

    /// The same details, with this name of the pool.
    package func named(_ pool: String) -> Self {
        var named = self
        for index in named.sandboxes.indices { named.sandboxes[index].pool = pool }
        return named
    }
}

/// One sandbox of a pool.
public struct PooledSandbox: Sendable, Hashable {
    public enum State: String, Sendable, Hashable, CaseIterable {
        case creating, available, inUse, resetting, checking, destroying
    }

    /// The backend's pool that it belongs to: the image and the root file system's mode.
    public var pool: String
    /// Its number in that pool. Never used twice.
    public var id: Int
    public var state: State
    /// Since its creation; zero while it is being made.
    public var age: Duration
    /// How many callers have used it.
    public var uses: Int

    public init(pool: String = "", id: Int, state: State, age: Duration, uses: Int) {
        self.pool = pool
        self.id = id
        self.state = state
        self.age = age
        self.uses = uses
    }
}
