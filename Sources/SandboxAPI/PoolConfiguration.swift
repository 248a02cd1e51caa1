/// The size of a pool, and the life of its members.

/// The size of a pool of prepared sandboxes, and the life of its members.
///
/// `minimum: 0` makes sandboxes on demand only; with `maxUses: 1`, the default, each caller gets a fresh one.
public struct PoolConfiguration: Sendable, Hashable {
    /// Sandboxes kept ready for callers, prepared in the background. 0 or more, at most `maximum`.
    public var minimum: Int
    /// Sandboxes that exist at one time, whatever their state: ready, being made, in use or being destroyed.
    /// From 1 to 65,536.
    public var maximum: Int
    /// A ready sandbox that has been idle for this long is destroyed, unless only `minimum` are ready. `nil`:
    /// never.
    public var idleTimeout: Duration?
    /// A sandbox of this age is not used again. `nil`: no bound. Ready ones are replaced one after another,
    /// not all at once, so an idle one may get up to a quarter older, and may be taken until then.
    public var maxAge: Duration?
    /// How many callers a sandbox may serve, one after another. 1: it is destroyed after the first. Each
    /// sandbox has a bound of its own, up to a quarter less, so that sandboxes made together are not replaced
    /// together.
    public var maxUses: Int
    /// A ready sandbox whose last success is this long ago runs a real program, one at a time and while no
    /// caller waits; one that fails is replaced. `nil`: never. For backends that have a health check:
    /// containers.
    public var healthCheckInterval: Duration?
    /// The first pause of the background replacement after a creation failed. It doubles from failure to
    /// failure up to `maximumBackoff`. A waiting caller starts a creation of its own regardless.
    public var initialBackoff: Duration
    /// The longest pause of the background replacement.
    public var maximumBackoff: Duration
    /// How long a caller waits without progress: measured from its own call, or from the last time that any
    /// caller got a sandbox. In a queue that advances a caller waits on, however long the queue is. `nil`:
    /// for ever.
    public var acquireTimeout: Duration?
    /// How long a caller waits for what usually is quick. When all creations in this time failed, the caller
    /// gets the error, although a sandbox in use may be released; and a sandbox whose reset takes longer is
    /// not counted on.
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

    /// Checks that the values are in range and fit together; the maker of a pool calls it.
    ///
    /// - Throws: `.invalidArgument`, with the first invalid property.
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
