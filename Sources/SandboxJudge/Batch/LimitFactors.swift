/// How a problem's limits are adapted to a language. Pure.

#if Judge
/// What a language needs more than the problem's limits give: an interpreter more time, a virtual machine more memory.
///
/// Each limit becomes `limit × factor + offset`.
public struct LimitFactors: Sendable, Hashable {
    /// Of wall time and CPU time; above 0.
    public var time: Double
    /// Added to wall time and CPU time: what the language takes to start.
    public var timeOffset: Duration
    /// Above 0.
    public var memory: Double
    /// In bytes.
    public var memoryOffset: Int

    public init(
        time: Double = 1, timeOffset: Duration = .zero, memory: Double = 1, memoryOffset: Int = 0
    ) {
        self.time = time
        self.timeOffset = timeOffset
        self.memory = memory
        self.memoryOffset = memoryOffset
    }

    /// Changes nothing.
    public static let none = LimitFactors()

    /// The longest time that a limit may be.
    private static let day = Duration.seconds(24 * 60 * 60)

    /// The limits for the language; times of more than 24 hours, the most that there is, become 24 hours.
    public func callAsFunction(_ limits: Limits) -> Limits {
        var adapted = limits
        adapted.wallTime = scaled(limits.wallTime)
        adapted.cpuTime = scaled(limits.cpuTime)
        let bytes = Double(limits.memory) * memory + Double(memoryOffset)
        // Beyond what the sandbox takes there is an error that says so; here only the conversion has to be possible.
        adapted.memory = bytes < 0x1p62 ? Int(max(0, bytes)) : 1 << 62
        return adapted
    }

    private func scaled(_ limit: Duration) -> Duration {
        // Compared as a number first: a product that is too large for a Duration would trap.
        guard limit / .seconds(1) * time < Self.day / .seconds(1) else { return Self.day }
        return min(limit * time + timeOffset, Self.day)
    }
}
#endif
