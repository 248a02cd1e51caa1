/// The bounds of one run.

/// The bounds of one run, applied when it starts. All of them are always in force.
public struct Limits: Sendable, Hashable {
    /// Real time from the program's start. More than 0, at most 24 hours.
    ///
    /// More than `cpuTime` by default, so that a busy program meets the CPU time limit first, even on a
    /// loaded host: this limit is for programs that wait.
    public var wallTime: Duration
    /// CPU time of all the run's processes together. More than 0, at most 24 hours.
    public var cpuTime: Duration
    /// Memory of all the run's processes together, file cache and tmpfs files included, in bytes; no swap.
    public var memory: Int
    /// Processes and threads alive at one time, the program's own first one included.
    public var processes: Int
    /// Bytes of stdout, and of stderr, each. Output up to the bound is kept.
    public var output: Int
    /// The largest file the program may write, in bytes.
    public var fileSize: Int
    /// Bytes in `/work`, `/tmp` and `/dev/shm` together.
    public var disk: Int
    /// Open descriptors per process.
    public var openFiles: Int
    /// The main thread's stack, in bytes; also the default size of a new thread's. A program may raise its
    /// own, as recursive ones do: the pages it uses count as memory.
    public var stack: Int
    /// CPU time per real time, of all the run's processes together: 1.5 is one and a half processors. At
    /// least 0.01, at most as many as the backend has, else the run throws `.invalidLimit`; `nil`, the
    /// default, for all of them.
    ///
    /// This limit ends no run: a program that needs more takes longer, and may meet `wallTime`. In a
    /// container the engine holds the rate, in periods of 100 ms, and the program sees all of the engine's
    /// processors. The local backend gives the run that many of the processors that this process may use,
    /// rounded up. The run sees these alone (`nproc`); runs at the same time get different ones as far as
    /// there are any; the program's own `sched_setaffinity` fails with EPERM and is listed in
    /// ``RunResult/deniedSyscalls``. Where the number was rounded, the report's ``IsolationReport/holes`` say
    /// so.
    public var cpus: Double?
    /// The processors that the run may use, by the kernel's numbers as in `/proc/cpuinfo`: 0 to 1023, at least one.
    /// `nil`, the default, for any.
    ///
    /// For figures that do not depend on where a program runs, and to keep processors free for other work. The run sees
    /// these alone (`nproc`), and the program's own `sched_setaffinity` fails with EPERM and is listed in
    /// ``RunResult/deniedSyscalls``. A number that this process, or the engine's containers, may not use throws
    /// `.invalidLimit`. With ``cpus``, too, the local backend gives the run that many of these.
    public var cpuSet: Set<Int>?

    public init(
        wallTime: Duration = .seconds(20), cpuTime: Duration = .seconds(10), memory: Int = 256 << 20,
        processes: Int = 64, output: Int = 1 << 20, fileSize: Int = 64 << 20, disk: Int = 128 << 20,
        openFiles: Int = 256, stack: Int = 64 << 20, cpus: Double? = nil,
        cpuSet: Set<Int>? = nil
    ) {
        self.wallTime = wallTime
        self.cpuTime = cpuTime
        self.memory = memory
        self.processes = processes
        self.output = output
        self.fileSize = fileSize
        self.disk = disk
        self.openFiles = openFiles
        self.stack = stack
        self.cpus = cpus
        self.cpuSet = cpuSet
    }

    /// 10 s of CPU time, 20 s of wall time, 256 MiB, 64 processes, 1 MiB of each output stream.
    public static let standard = Limits()

    /// For a compiler: 30 s of CPU time, 60 s of wall time, 1 GiB, 64 processes, 1 MiB of diagnostics, 256 MiB of files.
    public static let compile = Limits(
        wallTime: .seconds(60), cpuTime: .seconds(30), memory: 1 << 30, processes: 64, output: 1 << 20,
        fileSize: 256 << 20, disk: 512 << 20, openFiles: 256, stack: 64 << 20)
}

/// One of the limits, by name.
public enum LimitKind: String, Sendable, Hashable, CaseIterable {
    case wallTime, cpuTime, memory, output, processes, disk, fileSize, openFiles, stack
}
