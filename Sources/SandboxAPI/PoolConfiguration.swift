/// How large a pool is, and how long its members live.

/// How large a pool of prepared sandboxes is, and how long its members live.
///
/// `minimum: 0` makes sandboxes on demand only; with `maxUses: 1`, the default, each caller gets a fresh one.
public struct PoolConfiguration: Sendable, Hashable {
    /// Sandboxes kept ready for callers, prepared in the background. 0 or more, at most `maximum`.
    public var minimum: Int
    /// Sandboxes that exist at one time, whatever their state: ready, being made, in use or being destroyed.
    /// From 1 to 65,536.
    public var maximum: Int
    /// A ready sandbox that nobody took for this long is destroyed, unless only `minimum` are ready.
    /// `nil`: never.
    public var idleTimeout: Duration?
    /// A sandbox this old is not used again. `nil`: no bound. Ready ones are replaced one after another, not
    /// all at once, so one that nobody takes may get up to a quarter older, and may be taken until then.
    public var maxAge: Duration?
    /// How many callers a sandbox may serve, one after another. 1: it is destroyed after the first. Each has a bound of
    /// its own, up to a quarter less, so that those that were made together are not replaced together.
    public var maxUses: Int
    /// A ready sandbox that was not found to work for this long runs a real program, one at a time and while
    /// nobody waits; one that fails is replaced. `nil`: never. For backends that have a health check: containers.
    public var healthCheckInterval: Duration?
    /// The first pause of the background replacement after a sandbox could not be made. It doubles from
    /// failure to failure up to `maximumBackoff`. A caller who waits starts a try of its own regardless.
    public var initialBackoff: Duration
    /// The longest pause of the background replacement.
    public var maximumBackoff: Duration
    /// How long a caller waits while nothing moves: no caller has been given a sandbox for this long, nor has one since this
    /// one came. A queue that moves is waited out, however long it is. `nil`: for ever.
    public var acquireTimeout: Duration?
    /// How long a caller puts up with what should be quick: when all that was tried in this time to make a sandbox failed, he
    /// has the error, although one in use may come back; and one that is being made as new for longer is not counted on.
    public var patience: Duration

    public init(
        minimum: Int = 1, maximum: Int = 8, idleTimeout: Duration? = .seconds(60), maxAge: Duration? = nil,
        maxUses: Int = 1, healthCheckInterval: Duration? = nil,
        initialBackoff: Duration = .milliseconds(100), maximumBackoff: Duration = .seconds(30),
        acquireTimeout: Duration? = .seconds(60), patience: Duration = .milliseconds(500)
    ) {
        self.minimum = minimum
        self.maximum = maximum
        self.idleTimeout = idleTimeout
        self.maxAge = maxAge
        self.maxUses = maxUses
        self.healthCheckInterval = healthCheckInterval
        self.initialBackoff = initialBackoff
        self.maximumBackoff = maximumBackoff
        self.acquireTimeout = acquireTimeout
        self.patience = patience
    }

    /// Checks that the numbers make sense together; whoever makes a pool calls it.
    ///
    /// - Throws: `.invalidArgument`, naming the first property that is wrong.
    public func validate() throws(SandboxError) {
        func require(_ holds: Bool, _ message: String, _ hint: String) throws(SandboxError) {
            if !holds { throw SandboxError(.invalidArgument, message: message, hint: hint) }
        }
        try require(
            (1...65_536).contains(maximum), "the pool's maximum is \(maximum)", "give 1 to 65,536")
        try require(
            (0...maximum).contains(minimum), "the pool's minimum is \(minimum), its maximum \(maximum)",
            "give a minimum from 0 to \(maximum), or a larger maximum")
        try require(
            idleTimeout ?? .seconds(1) > .zero, "the pool's idleTimeout is not more than 0",
            "give nil to keep idle sandboxes")
        try require(
            maxAge ?? .seconds(1) > .zero, "the pool's maxAge is not more than 0", "give nil for no bound")
        try require(
            maxUses >= 1, "the pool's maxUses is \(maxUses)", "give 1 for sandboxes that are used once")
        try require(
            healthCheckInterval ?? .seconds(1) > .zero, "the pool's healthCheckInterval is not more than 0",
            "give nil for no health checks")
        try require(
            initialBackoff > .zero && initialBackoff <= maximumBackoff,
            "the pool's initialBackoff is not between 0 and its maximumBackoff",
            "give a pause of more than 0 that is not longer than maximumBackoff")
        try require(
            acquireTimeout ?? .seconds(1) > .zero, "the pool's acquireTimeout is not more than 0",
            "give nil to let callers wait for ever")
        try require(patience > .zero, "the pool's patience is not more than 0", "give some milliseconds")
    }
}
