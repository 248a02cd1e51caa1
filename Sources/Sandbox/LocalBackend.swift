/// The local backend: sandboxes made by this host's kernel.

import CIsolate
import Glibc
import SandboxAPI
import SandboxImages
import SandboxRuntime
import Synchronization

/// Runs programs under namespaces, cgroups, seccomp, Landlock and capabilities of this host.
///
/// Making one is cheap: the supervisor starts with the first sandbox. When the supervisor is lost, for any
/// reason, the sandboxes of that moment fail with `.supervisorLost` and the next acquire starts a new
/// supervisor. If this process dies, everything it started dies with it.
public final class LocalBackend: SandboxBackend {
    /// The configuration of a local backend.
    public struct Configuration: Sendable {
        /// How many sandboxes the backend keeps ready, and how many may exist.
        public var pool: PoolConfiguration
        /// Whether the backend may move this process from its cgroup into a new child of it, where it stays.
        /// cgroup v2 lets a cgroup have limits or processes, not both, so the move makes the cgroup usable.
        /// Processes of others are never moved.
        public var adoptCgroup = false
        /// How long a sandbox's processes, and the supervisor, may take to answer. After that the supervisor
        /// kills the sandbox's processes; if it does not within the same time, the backend kills all. More
        /// than 0.
        public var answerTimeout: Duration = .seconds(10)
        /// How long after its wall time limit a run may end. The backend ends a later one from outside, with
        /// ``/SandboxAPI/SandboxError/Code/watchdog``. The grace covers preparing the run, killing its
        /// processes and counting what it used; a healthy host needs some ms. More than 0.
        public var grace: Duration = .seconds(5)
        /// Called while an archive is read and unpacked, some times a second at most, on the thread that does
        /// it or that asked for it, neither of which it may block. The last report of a preparation comes before
        /// `acquire` returns.
        public var onProgress: (@Sendable (PreparationProgress) -> Void)?
        /// Tests only: the stage (`isolate_stage`) that fails in every slot.
        package var failStage: UInt32 = 0
        /// Tests only: what is left out though the host may offer it (`isolate_avoid`).
        package var avoid: UInt32 = 0

        /// Configures a pool for each image, root file system mode and network in use.
        ///
        /// - Parameters:
        ///   - minimum: sandboxes kept ready; each costs four small processes. 0: made on demand.
        ///   - maximum: sandboxes at one time; further callers wait in order of arrival.
        ///   - idleTimeout: how long a sandbox above `minimum` may stay unused before the pool removes it;
        ///     `nil`: for ever.
        public init(minimum: Int = 2, maximum: Int = 16, idleTimeout: Duration? = .seconds(60)) {
            pool = PoolConfiguration(minimum: minimum, maximum: maximum, idleTimeout: idleTimeout)
        }

        var patience: Patience { Patience(answer: answerTimeout, grace: grace) }

        func validate() throws(SandboxError) {
            for (name, value) in [("answerTimeout", answerTimeout), ("grace", grace)] where value <= .zero {
                throw SandboxError(
                    .invalidArgument, message: "the local backend's \(name) is not more than 0",
                    hint: "give some seconds")
            }
            try pool.validate()
        }
    }

    public let configuration: Configuration
    private let instance: String
    private let pools: LocalPools
    private let host: LocalHost
    private static let counter = Atomic<Int>(0)

    public convenience init(_ configuration: Configuration = Configuration()) {
        self.init(configuration, host: .ofProcess)
    }

    /// - Parameter host: runs the trials that ``capabilities`` come from; tests pass their own.
    init(_ configuration: Configuration, host: LocalHost) {
        self.configuration = configuration
        self.host = host
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        instance = "\(HostFacts.name):\(getpid()):\(number)"
        pools = LocalPools(configuration)
    }

    deinit {
        // No caller can acquire from this backend any more. A sandbox in use keeps its pool alive, not the
        // backend.
        pools.abandon()
    }

    /// What this host offers. The first access in a process waits some 20 ms for trial cells, and concurrent
    /// callers share those. No thread of the task executor blocks meanwhile.
    public var capabilities: BackendCapabilities {
        get async {
            await host.capabilities(avoid: configuration.avoid, adoptCgroup: configuration.adoptCgroup)
        }
    }

    public func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        do throws(SandboxError) {
            let (pool, lease) = try await liveLease(options)
            do throws(SandboxError) {
                try Self.check(options, pool.supervisor.world)
                // Files may be written before the first run, and may need more than the standard disk. A limit that is
                // not acceptable is the run's error.
                if let limits = options.firstLimits, (try? Validation.check(limits)) != nil {
                    try await lease.member.setDisk(limits.disk)
                }
            } catch {
                pool.slots.release(lease, reusable: false)
                throw error
            }
            return PlacedSandbox(
                LocalPlace(pool: pool, lease: lease, options: options),
                isolation: pool.supervisor.world.report(bits: lease.member.layers),
                provenance: provenance(
                    image: options.image, digest: pool.image.digest,
                    sandbox: "slot-\(lease.member.number).\(lease.memberID.rawValue)"))
        } catch {
            throw error.with(provenance(image: options.image, sandbox: ""))
        }
    }

    public var statistics: PoolStatistics { pools.statistics }

    public var poolDetails: PoolDetails { pools.poolDetails }

    public func shutdown() async { await pools.shutDown() }

    /// Refuses a world that gives less isolation than the options accept; the error says why and what to do.
    private static func check(_ options: SandboxOptions, _ world: LocalWorld) throws(SandboxError) {
        if let level = world.level, level >= options.isolation { return }
        let missing = LayerNames.required(for: options.isolation).filter { !world.layers.contains($0) }
        throw SandboxError(
            .isolationUnavailable,
            message:
                "this host gives level \(world.level?.rawValue ?? "none"), \(options.isolation.rawValue) was asked "
                + "for; missing are \(world.reasons(missing).joined(separator: "; "))",
            hint: LocalMends.mends(missing).first ?? "see `sandbox doctor`")
    }

    private func provenance(image: Image, digest: String? = nil, sandbox: String) -> Provenance {
        Provenance(
            kind: .local, requested: BackendKind.local.rawValue, instance: instance, sandbox: sandbox,
            image: "\(image)", imageDigest: digest, hostPID: getpid())
    }

    /// The pool for the host's own files, if it runs. For tests.
    var pool: LocalPool? { pools.running(LocalPoolKey(image: .host, rootfs: .readOnly)) }

    /// The supervisor's pid, which is started if need be. For tests.
    func supervisorPID() async throws(SandboxError) -> Int32? {
        try await pools.running(SandboxOptions()).supervisor.handle.pid
    }

    /// How many lost supervisors and pools that were given up one acquire meets before it fails.
    private static let lossesAtOnce = 4

    /// Acquires a prepared slot that is alive, and discards slots that were killed while they waited in the
    /// pool.
    private func liveLease(
        _ options: SandboxOptions
    ) async throws(SandboxError) -> (LocalPool, PoolLease<Slot>) {
        var losses = 0
        while true {
            let pool = try await pools.running(options)
            let lease: PoolLease<Slot>
            do throws(SandboxError) { lease = try await pool.slots.acquire() } catch {
                // The supervisor was lost after the pool was chosen, or the pool given up as one too many.
                losses += 1
                if error.code == .shutDown, !pools.isShutDown, losses <= Self.lossesAtOnce { continue }
                throw error
            }
            if !lease.member.isClosed { return (pool, lease) }
            pool.slots.release(lease, reusable: false)
        }
    }

    /// Removes what dead embedders left on this host: kills their processes, waits for them, and removes
    /// their cgroups and files. Runs on a thread of its own.
    ///
    /// - Returns: the paths of what was removed.
    /// - Throws: `.setupFailed` when not everything could be removed.
    public static func cleanup() async throws(SandboxError) -> [String] {
        try await onThread(stage: "cleanup") { () throws(SandboxError) in try cleanUpNow() }
    }

    private static func cleanUpNow() throws(SandboxError) -> [String] {
        var removed: [String] = []
        let result = withUnsafeMutablePointer(to: &removed) { list in
            isolate_cleanup(
                { path, context in
                    context!.assumingMemoryBound(to: [String].self).pointee.append(String(cString: path!))
                }, list)
        }
        guard result >= 0 else {
            throw SandboxError(
                .setupFailed, stage: "cleanup", errno: -result,
                message: "not everything could be removed: \(describe(errno: -result))",
                hint: "run it as the user who left it, or as root")
        }
        removed += try ImageStore.cleanup()
        return removed
    }
}
