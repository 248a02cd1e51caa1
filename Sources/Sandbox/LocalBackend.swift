/// The local backend: sandboxes made of this kernel's own means.

import CIsolate
import Glibc
import SandboxAPI
import SandboxImages
import SandboxRuntime
import Synchronization

/// Runs programs under namespaces, cgroups, seccomp, Landlock and capabilities of this host.
///
/// Cheap to make: the supervisor starts with the first sandbox. When it is lost, whatever killed it, the sandboxes of
/// that moment fail with `.supervisorLost` and the next one starts a new supervisor. If this process dies, everything
/// it started dies with it.
public final class LocalBackend: SandboxBackend {
    /// How a local backend behaves.
    public struct Configuration: Sendable {
        /// How many sandboxes are kept ready and how many there may be.
        public var pool: PoolConfiguration
        /// cgroup v2 lets a cgroup have limits or processes, not both. `true`: this process may be moved from its
        /// cgroup into a new child of it, to make it usable; it stays there. Processes of others are never moved.
        public var adoptCgroup = false
        /// How long a sandbox's processes, and the supervisor, may take to answer. Then they are killed: those of the
        /// sandbox, and if the supervisor does not see to that in the same time, all. More than 0.
        public var answerTimeout: Duration = .seconds(10)
        /// A run that did not end within its wall time limit and this is ended from outside, with
        /// ``/SandboxAPI/SandboxError/Code/watchdog``. Preparing the run, killing its processes and counting what it used take
        /// place within it; a healthy host needs some ms. More than 0.
        public var grace: Duration = .seconds(5)
        /// Tests only: the stage (`isolate_stage`) that fails in every slot.
        package var failStage: UInt32 = 0
        /// Tests only: what is left out though the host may offer it (`isolate_avoid`).
        package var avoid: UInt32 = 0

        /// Each image, root file system mode and network in use has a pool of its own.
        ///
        /// - Parameters:
        ///   - minimum: sandboxes kept ready; each costs four small processes. 0: made on demand.
        ///   - maximum: sandboxes at one time; further callers wait in order of arrival.
        ///   - idleTimeout: sandboxes above `minimum` that nobody took for this long are removed.
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

    /// - Parameter host: makes the trials that ``capabilities`` come from; tests give one of their own.
    init(_ configuration: Configuration, host: LocalHost) {
        self.configuration = configuration
        self.host = host
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        instance = "\(HostFacts.name):\(getpid()):\(number)"
        pools = LocalPools(configuration)
    }

    deinit {
        // Nobody can ask for sandboxes any more. A sandbox in use keeps its pool, not the backend.
        pools.abandon()
    }

    /// What this host gives. Whoever asks first in a process waits some 20 ms for trial cells; all others of that time wait for
    /// the same ones. No thread that tasks run on is blocked meanwhile.
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

    /// Never a silent downgrade: less than what is accepted is an error that says why and what to do.
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

    /// One who asks is not sent from one lost supervisor to the next for ever.
    private static let lossesAtOnce = 4

    /// A prepared slot that lives. One that was killed while it waited in the pool is thrown away.
    private func liveLease(
        _ options: SandboxOptions
    ) async throws(SandboxError) -> (LocalPool, PoolLease<Slot>) {
        var losses = 0
        while true {
            let pool = try await pools.running(options)
            let lease: PoolLease<Slot>
            do throws(SandboxError) { lease = try await pool.slots.acquire() } catch {
                // Its supervisor was lost since we asked for it.
                losses += 1
                if error.code == .shutDown, pool.isBroken, losses <= Self.lossesAtOnce { continue }
                throw error
            }
            if !lease.member.isClosed { return (pool, lease) }
            pool.slots.release(lease, reusable: false)
        }
    }

    /// Removes what dead owners left behind on this host: their processes are killed and waited for, their cgroups and files
    /// removed, on a thread of its own.
    ///
    /// - Returns: what was removed, as paths.
    /// - Throws: `.setupFailed` when not everything could be removed.
    public static func cleanup() async throws(SandboxError) -> [String] {
        try await BlockingThread.run({ Result { () throws(SandboxError) in try cleanUpNow() } }) { number in
            SandboxError(
                .setupFailed, stage: "cleanup", errno: number,
                message: "cannot start a thread: \(describe(errno: number))", hint: "raise ulimit -u")
        }.get()
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
