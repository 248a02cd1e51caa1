/// A close look at a pool: each of its sandboxes, and how long callers waited.

/// ``PoolStatistics`` and what costs more to tell: each sandbox, and how long callers waited for theirs.
public struct PoolDetails: Sendable, Hashable {
    public var statistics: PoolStatistics
    /// All that exist now; those of one pool together, the oldest first.
    public var sandboxes: [PooledSandbox]
    /// From the call of `acquire` to the sandbox in hand, for all callers that got one since the start.
    public var acquireTimes: DurationHistogram

    public init(
        statistics: PoolStatistics = PoolStatistics(), sandboxes: [PooledSandbox] = [],
        acquireTimes: DurationHistogram = DurationHistogram()
    ) {
        self.statistics = statistics
        self.sandboxes = sandboxes
        self.acquireTimes = acquireTimes
    }

    /// Two pools taken together.
    public static func + (a: Self, b: Self) -> Self {
        Self(
            statistics: a.statistics + b.statistics, sandboxes: a.sandboxes + b.sandboxes,
            acquireTimes: a.acquireTimes + b.acquireTimes)
    }

    /// The same, of a pool with this name.
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

    /// Which of a backend's pools it belongs to: the image and the root file system's mode.
    public var pool: String
    /// Its number in that pool, never given twice.
    public var id: Int
    public var state: State
    /// Since it was made; zero while it is being made.
    public var age: Duration
    /// How many callers have had it.
    public var uses: Int

    public init(pool: String = "", id: Int, state: State, age: Duration, uses: Int) {
        self.pool = pool
        self.id = id
        self.state = state
        self.age = age
        self.uses = uses
    }
}
