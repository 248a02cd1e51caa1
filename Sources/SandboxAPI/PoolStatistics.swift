/// A snapshot of a pool.

/// A snapshot of a pool of prepared sandboxes: counters only, and so cheap. ``PoolDetails`` has more.
public struct PoolStatistics: Sendable, Hashable {
    /// Prepared and waiting for a caller.
    public var available = 0
    /// Being prepared.
    public var creating = 0
    /// With a caller.
    public var inUse = 0
    /// Released, and being reset before the next caller gets them.
    public var resetting = 0
    /// Ready, but taken out for a health check.
    public var checking = 0
    /// Being destroyed.
    public var destroying = 0
    /// Callers in the queue.
    public var waiting = 0
    /// Made since the start.
    public var created = 0
    /// Destroyed since the start.
    public var destroyed = 0
    /// Failed creations since the start.
    public var failures = 0
    /// Sandboxes whose reset or health check failed, since the start.
    public var unfit = 0
    /// Leases granted since the start.
    public var acquired = 0
    /// Callers that left the queue by cancellation since the start.
    public var cancelled = 0
    /// Callers that left the queue since the start because no sandbox came in time, or none could be made.
    public var refused = 0

    public init() {}

    /// The sums of two pools.
    public static func + (a: Self, b: Self) -> Self {
        var sum = a
        sum.available += b.available
        sum.creating += b.creating
        sum.inUse += b.inUse
        sum.resetting += b.resetting
        sum.checking += b.checking
        sum.destroying += b.destroying
        sum.waiting += b.waiting
        sum.created += b.created
        sum.destroyed += b.destroyed
        sum.failures += b.failures
        sum.unfit += b.unfit
        sum.acquired += b.acquired
        sum.cancelled += b.cancelled
        sum.refused += b.refused
        return sum
    }

    /// All existing sandboxes, in any state.
    public var total: Int { available + creating + inUse + resetting + checking + destroying }
}
