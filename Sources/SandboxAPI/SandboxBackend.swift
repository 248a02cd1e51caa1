/// The protocol of all backends.

/// Makes sandboxes: with the local kernel, in a pool of containers, or by falling back from one backend to
/// another.
///
/// A caller chooses a backend and changes nothing else: outcomes, units and errors mean the same on all of them.
public protocol SandboxBackend: Sendable {
    /// The minima, tolerances and layers of this backend. Constant for its lifetime.
    ///
    /// A backend that has to try its host answers when the trial is over, and makes it once. One that knows its own at once may
    /// have a property that is not asynchronous. Cancelling the caller's task ends no trial: the answer comes all the same.
    var capabilities: BackendCapabilities { get async }

    /// Takes a fresh sandbox that the caller owns until ``SandboxLease/close()``.
    ///
    /// Prefer ``withSandbox(_:_:)``, which always closes it. Waits, in order of arrival, when all of the
    /// backend's `max` sandboxes are in use; a cancelled waiter leaves the queue with `.cancelled`.
    ///
    /// - Throws: `SandboxError` when the sandbox could not be made; nothing is left behind then.
    func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease

    /// A snapshot of the pool behind this backend.
    var statistics: PoolStatistics { get }

    /// The statistics, each sandbox's age and uses, and the callers' waiting times. By default only the
    /// statistics.
    var poolDetails: PoolDetails { get }

    /// Ends every sandbox, every process and everything else that this backend made. Later calls throw `.shutDown`.
    func shutdown() async
}

extension SandboxBackend {
    public var poolDetails: PoolDetails { PoolDetails(statistics: statistics) }

    /// Makes the pool behind this backend, and returns when a first sandbox is ready. The pool goes on
    /// filling in the background.
    ///
    /// Optional: the first caller does the same, and waits for it.
    public func warm(_ options: SandboxOptions = SandboxOptions()) async throws(SandboxError) {
        await (try acquire(options)).close()
    }

    /// Runs `body` with a fresh sandbox and destroys the sandbox afterwards, however `body` ends.
    ///
    /// - Parameters:
    ///   - options: the image, the root file system's mode, the least isolation accepted.
    ///   - body: uses the sandbox; it must not keep it.
    /// - Returns: the value of `body`.
    /// - Throws: `SandboxError` when the sandbox could not be made, or the error of `body`.
    public func withSandbox<Result>(
        _ options: SandboxOptions = SandboxOptions(),
        _ body: (any SandboxLease) async throws -> Result
    ) async throws -> Result {
        let sandbox = try await acquire(options)
        do {
            let result = try await body(sandbox)
            await sandbox.close()
            return result
        } catch {
            await sandbox.close()
            throw error
        }
    }

    /// Runs one command in a sandbox of its own.
    public func run(
        _ command: Command, stdin: StandardInput = .none, limits: Limits = .standard,
        options: SandboxOptions = SandboxOptions()
    ) async throws(SandboxError) -> RunResult {
        var options = options
        if options.firstLimits == nil { options.firstLimits = limits }
        let sandbox = try await acquire(options)
        do {
            let result = try await sandbox.run(command, stdin: stdin, limits: limits)
            await sandbox.close()
            return result
        } catch {
            await sandbox.close()
            throw error
        }
    }
}

/// How a backend's figures may differ from exact ones, for callers and for the conformance suite.
public struct BackendCapabilities: Sendable, Hashable {
    /// The backend's kind, as in ``Provenance/kind``.
    public var kind: BackendKind
    /// The root file system modes that this backend offers on this host.
    public var rootfsModes: Set<Rootfs>
    /// The smallest memory limit accepted, in bytes.
    public var minimumMemory: Int
    /// The largest error of `peakMemory`, in bytes: one charge batch of the kernel times the processors; where
    /// memory is sampled, what a program fills between two samples on a quiet machine.
    public var memoryResolution: Int
    /// How much later than its wall time limit a run may end, on a quiet machine.
    public var wallTimeTolerance: Duration
    /// How much CPU time beyond its limit a run may use, on a quiet machine.
    public var cpuTimeTolerance: Duration
    /// The isolation layers that a run gets at this backend's own level.
    public var layers: Set<IsolationLayer>
    /// The strongest isolation level this backend reaches here.
    public var level: IsolationLevel
    /// The limits that a run is held to; by default all of them. Any other limit is accepted and reported in
    /// the result, and bounds nothing.
    public var enforcedLimits = Set(LimitKind.allCases)
    /// Whether the kernel enforces the disk limit (ENOSPC). If not, the backend samples the usage, and ends a
    /// run that is above the limit.
    public var hasDiskQuota = true
    /// Whether files that a program writes to a writable root count as memory of the run, as all other files
    /// do.
    public var isRootfsMemory = true
    /// Whether the library makes `/etc`: the program's user has a name (`getpwuid`), and `localhost` one
    /// address, so that looking it up (`getaddrinfo`) needs no socket to choose among several.
    public var hasOwnEtc = true
    /// Whether sandboxes can have ``SandboxOptions/bindMounts``. If not, `acquire` throws `.isolationUnavailable` for them.
    public var hasBindMounts = false
    /// How many of the library's own processes a program sees in `/proc` besides pid 1; it cannot affect
    /// them.
    public var visibleProcesses = 0

    public init(
        kind: BackendKind, rootfsModes: Set<Rootfs>, minimumMemory: Int, memoryResolution: Int,
        wallTimeTolerance: Duration, cpuTimeTolerance: Duration, layers: Set<IsolationLayer>,
        level: IsolationLevel
    ) {
        self.kind = kind
        self.rootfsModes = rootfsModes
        self.minimumMemory = minimumMemory
        self.memoryResolution = memoryResolution
        self.wallTimeTolerance = wallTimeTolerance
        self.cpuTimeTolerance = cpuTimeTolerance
        self.layers = layers
        self.level = level
    }
}
