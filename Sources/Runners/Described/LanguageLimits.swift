/// How a language's programs need other limits than a problem sets for all. Pure.

public import SandboxAPI

/// What a language's runtime needs more than a plain executable: factors for slow ones, an allowance for what starts
/// before the program does.
///
/// ``applied(to:)`` makes a run's limits of those of a problem. A runner never applies them by itself: the limits of a
/// request are in force as they are.
public struct LanguageLimits: Sendable, Hashable {
    /// Of the CPU time and the wall time: 0.1 to 100.
    public var timeFactor: Double
    /// Added to both after that: 0 to 10 minutes.
    public var timeExtra: Duration
    /// Of the memory: 0.1 to 100.
    public var memoryFactor: Double
    /// Added to the memory after that, in bytes: 0 to 64 GiB.
    public var memoryExtra: Int
    /// The fewest processes and threads with which the runtime starts: 1 to 4,096.
    public var leastProcesses: Int

    public init(
        timeFactor: Double = 1, timeExtra: Duration = .zero, memoryFactor: Double = 1, memoryExtra: Int = 0,
        leastProcesses: Int = 1
    ) {
        self.timeFactor = timeFactor
        self.timeExtra = timeExtra
        self.memoryFactor = memoryFactor
        self.memoryExtra = memoryExtra
        self.leastProcesses = leastProcesses
    }

    static let factors = 0.1...100.0
    static let extraTimes = Duration.zero...Duration.seconds(600)
    static let extraMemory = 0...(64 << 30)
    static let processes = 1...4096

    private static let longest = Duration.seconds(24 * 3600)

    /// The limits for a program in this language, where a plain executable has `limits`.
    ///
    /// Times are at most 24 hours; all other limits stay as they are.
    public func applied(to limits: Limits) -> Limits {
        func time(_ duration: Duration) -> Duration { min(duration * timeFactor + timeExtra, Self.longest) }
        var own = limits
        own.cpuTime = time(limits.cpuTime)
        own.wallTime = time(limits.wallTime)
        let memory = Double(limits.memory) * memoryFactor + Double(memoryExtra)
        // 2^62 bytes: no host has them, and a Double up to there converts.
        own.memory = Int(min(memory, Double(1 << 62)))
        own.processes = max(limits.processes, leastProcesses)
        return own
    }
}
