/// What one run did, and the source of each figure.

/// What *ended* the run. A program that fails is an outcome, never a thrown error.
public enum Outcome: Sendable, Hashable {
    /// The program exited by itself with this status, 0 to 255.
    case exited(code: Int32)
    /// A signal ended the program that was not sent for a limit.
    case signaled(signal: Int32)
    /// A limit ended the run, or was hit before the program ended unsuccessfully.
    case limitExceeded(LimitKind)
    /// The program made a system call that ends the run; its kernel name (`socket`), `i386:` before a 32-bit one's,
    /// `x32:` before an x32 one's, `syscall_N` for one without a name.
    case blockedSyscall(name: String)

    /// True for `exited(code: 0)` alone.
    public var isSuccess: Bool { self == .exited(code: 0) }
}

/// The result of one run.
public struct RunResult: Sendable, Hashable {
    public var outcome: Outcome
    /// Limits that were met although something else ended the run.
    public var limitsHit: [LimitKind]
    /// Names of system calls that the sandbox refused with an ordinary error, first seen first, each once, at
    /// most 32.
    public var deniedSyscalls: [String]
    /// The program's stdout, up to `limits.output` bytes. Empty when the output was streamed.
    public var stdout: [UInt8]
    /// The program's stderr, up to `limits.output` bytes. Empty when the output was streamed.
    public var stderr: [UInt8]
    /// True when stdout was longer than the limit.
    public var stdoutTruncated: Bool
    /// True when stderr was longer than the limit.
    public var stderrTruncated: Bool
    public var usage: Usage
    /// The limits that were in force.
    public var limits: Limits
    public var isolation: IsolationReport
    public var provenance: Provenance

    public init(
        outcome: Outcome, limitsHit: [LimitKind], deniedSyscalls: [String], stdout: [UInt8], stderr: [UInt8],
        stdoutTruncated: Bool, stderrTruncated: Bool, usage: Usage, limits: Limits,
        isolation: IsolationReport,
        provenance: Provenance
    ) {
        self.outcome = outcome
        self.limitsHit = limitsHit
        self.deniedSyscalls = deniedSyscalls
        self.stdout = stdout
        self.stderr = stderr
        self.stdoutTruncated = stdoutTruncated
        self.stderrTruncated = stderrTruncated
        self.usage = usage
        self.limits = limits
        self.isolation = isolation
        self.provenance = provenance
    }

    /// stdout as text; bytes that are not UTF-8 are replaced.
    public var stdoutText: String { String(decoding: stdout, as: UTF8.self) }
    /// stderr as text; bytes that are not UTF-8 are replaced.
    public var stderrText: String { String(decoding: stderr, as: UTF8.self) }
}

/// The source of a figure. A backend of another package may define sources of its own.
public struct UsageSource: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// The run's own cgroup counted it.
    public static let cgroup = UsageSource(rawValue: "cgroup")
    /// Sampled while the program ran; short peaks can be missed.
    public static let sampled = UsageSource(rawValue: "sampled")
    /// The kernel's accounting of waited-for processes.
    public static let rusage = UsageSource(rawValue: "rusage")
    /// The library's own monotonic clock.
    public static let clock = UsageSource(rawValue: "clock")
}

/// The resources that a run used, the library's own processes not included.
public struct Usage: Sendable, Hashable {
    /// From right before the program's exec until its end.
    public var wallTime: Duration
    /// CPU time of all processes of the run; the sum is exact.
    public var cpuTime: Duration
    /// The user part of `cpuTime`; the split is only as precise as the kernel's ticks.
    public var userTime: Duration
    /// The system part of `cpuTime`.
    public var systemTime: Duration
    public var cpuSource: UsageSource
    /// The highest memory charge of the run, in bytes, file cache included, less the charge at its start.
    public var peakMemory: Int
    public var memorySource: UsageSource
    /// Anonymous and shared memory at its highest, in bytes, without file cache: of all processes together as
    /// sampled, or of the largest one as the kernel counts it exactly, whichever is larger. Files in `/work` are in
    /// memory: in a container and without a cgroup the pages used of the program's own executable there count, too.
    public var residentPeak: Int
    public var residentSource: UsageSource
    /// The largest number of processes and threads alive at one time.
    public var peakProcesses: Int
    public var processesSource: UsageSource
    /// The largest error of a memory peak that the kernel counted, in bytes: it charges memory in advance, in
    /// batches for each processor. A peak whose source is ``UsageSource/sampled`` can miss more: all that was
    /// filled and freed between two samples. 0: not known.
    public var memoryResolution: Int

    public init(
        wallTime: Duration, cpuTime: Duration, userTime: Duration, systemTime: Duration,
        cpuSource: UsageSource,
        peakMemory: Int, memorySource: UsageSource, residentPeak: Int, residentSource: UsageSource,
        peakProcesses: Int, processesSource: UsageSource, memoryResolution: Int = 0
    ) {
        self.wallTime = wallTime
        self.cpuTime = cpuTime
        self.userTime = userTime
        self.systemTime = systemTime
        self.cpuSource = cpuSource
        self.peakMemory = peakMemory
        self.memorySource = memorySource
        self.residentPeak = residentPeak
        self.residentSource = residentSource
        self.peakProcesses = peakProcesses
        self.processesSource = processesSource
        self.memoryResolution = memoryResolution
    }
}
