/// How a time limit follows from the times that a package's submissions take. Pure.

#if Judge
/// The margins between a time limit and the submissions that it must let pass, and must stop.
public struct TimeLimitRule: Sendable, Hashable {
    /// The limit is at least the slowest accepted submission's time, times this.
    public var acceptedToLimit: Double
    /// The fastest submission that must be too slow takes at least the limit, times this.
    public var limitToTooSlow: Double
    /// An inferred limit is the next multiple of this, and at least one of them.
    public var resolution: Duration

    public init(acceptedToLimit: Double, limitToTooSlow: Double, resolution: Duration) {
        self.acceptedToLimit = acceptedToLimit
        self.limitToTooSlow = limitToTooSlow
        self.resolution = resolution
    }

    /// The 2025-09 format's defaults.
    public static let version2025 = TimeLimitRule(
        acceptedToLimit: 2, limitToTooSlow: 1.5, resolution: .seconds(1))
    /// The legacy format's: 5 times the slowest.
    public static let legacy = TimeLimitRule(
        acceptedToLimit: 5, limitToTooSlow: 2, resolution: .seconds(1))

    /// The time limit for a slowest accepted time.
    ///
    /// - Returns: at least one multiple of the resolution, at most 24 hours.
    public func limit(slowestAccepted: Duration) -> Duration {
        let steps = slowestAccepted / resolution * acceptedToLimit
        // A figure of a clock has an error in its last digits: a whole number of steps stays one.
        let whole = (steps - 1e-9).rounded(.up)
        return min(resolution * max(1, whole), .seconds(86_400))
    }

    /// Whether an accepted submission's time keeps its margin.
    public func permits(_ limit: Duration, accepted time: Duration) -> Bool {
        time * acceptedToLimit <= limit
    }

    /// Whether a submission that must be too slow keeps its margin.
    public func permits(_ limit: Duration, tooSlow time: Duration) -> Bool {
        limit * limitToTooSlow <= time
    }
}
#endif
