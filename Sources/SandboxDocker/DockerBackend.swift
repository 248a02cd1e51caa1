/// The Docker backend: sandboxes made of containers of a Docker Engine.

#if Docker
import CIsolate
import Glibc
import Logging
import SandboxAPI
import SandboxRuntime
import Synchronization

/// Runs programs in pooled containers of a Docker Engine, or of Podman's API service.
///
/// Cheap to make: it contacts the engine only for the first sandbox. When the engine dies, the sandboxes in
/// use fail with `.containerLost`, and new ones with `.backendUnavailable`, until it is back. Containers end
/// with this process, however it ends; the next backend removes what is left.
public final class DockerBackend: SandboxBackend {
    public let configuration: DockerConfiguration
    private let instance: String
    /// The owner in the labels of everything that this backend makes.
    let owner: ContainerOwner
    private let client: EngineClient
    private let session: EngineSession
    private let workshop: ContainerWorkshop
    private let pools: ContainerPools
    private let archives: ArchiveSupply
    private static let counter = Atomic<Int>(0)

    /// - Throws: `.invalidArgument` for an address or a number that is not valid; the engine is not
    ///   contacted.
    public init(configuration: DockerConfiguration = DockerConfiguration()) throws(SandboxError) {
        try configuration.validate()
        self.configuration = configuration
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        owner = .current(backend: number)
        instance = "\(HostFacts.name):\(getpid()):docker-\(number)"
        client = try Self.makeClient(configuration)
        session = EngineSession(client)
        var configuration = configuration
        configuration.logger[metadataKey: "engine"] = "\(client.address)"
        workshop = ContainerWorkshop(session, owner: owner, configuration: configuration)
        pools = ContainerPools(session, workshop, configuration)
        archives = ArchiveSupply(
            client, logger: configuration.logger, onProgress: configuration.onProgress)
    }

    private static func makeClient(
        _ configuration: DockerConfiguration
    ) throws(SandboxError) -> EngineClient {
        EngineClient(
            address: try EngineAddress(environment: configuration.engineEnvironment),
            timeouts: configuration.engineTimeouts)
    }

    deinit {
        // No new sandbox can be requested; sandboxes in use keep their pools until they are closed.
        pools.abandon()
    }

    /// The capabilities of every container; they do not depend on the engine.
    public var capabilities: BackendCapabilities {
        var capabilities = BackendCapabilities(
            kind: .docker, rootfsModes: [.readOnly, .writable],
            minimumMemory: ContainerPlan.minimumMemory,
            memoryResolution: HostFacts.chargeBatch + ContainerPlan.memorySlack,
            wallTimeTolerance: .milliseconds(150), cpuTimeTolerance: .milliseconds(150),
            layers: ContainerLayers.engine.union(ContainerLayers.agent), level: .standard)
        // The engine has no disk quotas, its writable layer is on its disk, and /etc is the image's with the
        // engine's files.
        (capabilities.hasDiskQuota, capabilities.isRootfsMemory) = (false, false)
        (capabilities.hasOwnEtc, capabilities.visibleProcesses) = (false, 2)
        capabilities.hasBindMounts = true
        return capabilities
    }

    public func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        let image = imageName(options)
        do throws(SandboxError) {
            try Self.check(options.bindMounts)
            let (pool, lease) = try await lease(image, options)
            let container = lease.member
            guard container.isolation.level >= options.isolation else {
                pool.release(lease, reusable: true)
                throw Self.tooLittle(container.isolation, options.isolation)
            }
            return PlacedSandbox(
                DockerPlace(
                    container: container, environment: pool.environment,
                    blockedSyscalls: options.blockedSyscalls,
                    grace: configuration.runDeadlineGrace, origin: (pool, lease)),
                isolation: container.isolation,
                provenance: provenance(image: image, digest: pool.digest, sandbox: container.id))
        } catch {
            throw error.with(provenance(image: image, digest: nil, sandbox: ""))
        }
    }

    /// The Engine API takes paths as text.
    private static func check(_ mounts: [BindMount]) throws(SandboxError) {
        try Validation.check(mounts)
        for path in mounts.flatMap({ [$0.source, $0.target] }) where path.exactText == nil {
            throw SandboxError(
                .invalidArgument,
                message: "the engine can bind no path that is not UTF-8: \(Validation.quoted(path))",
                hint: "rename the directory, or use the local backend")
        }
    }

    /// The limits if they are valid, else the standard ones: the run itself reports invalid limits.
    private static func usable(_ limits: Limits?) -> Limits {
        guard let limits, limits.memory >= ContainerPlan.minimumMemory,
            (try? Validation.check(limits)) != nil
        else { return .standard }
        return limits
    }

    /// Takes a living container. Its image may have been removed from outside, or its pool given up because
    /// there were too many: then a new pool is made.
    private func lease(
        _ image: String, _ options: SandboxOptions
    ) async throws(SandboxError) -> (ContainerPool, PoolLease<Container>) {
        for attempt in 1... {
            let key = ContainerKey(
                image: try await archives.name(image), rootfs: options.rootfs, network: options.network,
                bindMounts: options.bindMounts)
            let limits = Self.usable(options.firstLimits)
            let pool = try await pools.running(key, for: limits)
            do throws(SandboxError) {
                return (pool, try await pool.acquire(for: limits))
            } catch {
                let isGone = error.code == .imageUnavailable
                guard isGone || error.code == .shutDown && !pools.isShutDown, attempt < 3 else {
                    throw error
                }
                if isGone { archives.forget(image) }
                pools.remove(pool)
            }
        }
        preconditionFailure("the last attempt returns or throws")
    }

    /// The engine has no access to the host's files: `.host` means the backend's own image.
    private func imageName(_ options: SandboxOptions) -> String {
        if options.image != .host { return "\(options.image)" }
        return options.language.flatMap { configuration.images[$0] } ?? configuration.image
    }

    private static func tooLittle(_ has: IsolationReport, _ wanted: IsolationLevel) -> SandboxError {
        SandboxError(
            .isolationUnavailable,
            message:
                "containers of this engine give level \(has.level.rawValue), \(wanted.rawValue) was asked for; "
                + "missing are \(has.reasons.joined(separator: "; "))",
            hint: "start dockerd with `--userns-remap=default`, or accept `standard`")
    }

    private func provenance(image: String, digest: String?, sandbox: String) -> Provenance {
        Provenance(
            kind: .docker, requested: BackendKind.docker.rawValue, instance: instance, sandbox: sandbox,
            image: image, imageDigest: digest,
            engine: .init(id: session.known?.id ?? "", address: "\(client.address)"), hostPID: getpid())
    }

    public var statistics: PoolStatistics { pools.statistics }

    public var poolDetails: PoolDetails { pools.details }

    /// The engine's facts about itself, in one line, for people.
    public static func probe(_ configuration: DockerConfiguration) async throws(SandboxError) -> String {
        let client = try makeClient(configuration)
        defer { client.close() }
        let info = try await EngineSession(client).info()
        return
            "\(info.isPodman ? "Podman" : "Docker") \(info.engineVersion), API \(info.apiVersion), kernel "
            + "\(info.kernel), cgroup v\(info.cgroupVersion ?? "1") (\(info.cgroupDriver ?? "?")), \(info.storageDriver)"
    }

    public func shutdown() async {
        await pools.shutDown()
        client.close()
    }

    /// The result of a clean-up; each item as "container ID" or "volume NAME".
    public struct Cleanup: Sendable, Hashable {
        public var removed: [String] = []
        /// Containers that the engine lists but no longer has: Docker 20.10 goes on listing some removed ones
        /// until it is restarted.
        public var ghosts: [String] = []

        /// An empty result by default.
        public init(removed: [String] = [], ghosts: [String] = []) {
            (self.removed, self.ghosts) = (removed, ghosts)
        }
    }

    /// The dimensions that distinguish this backend's metrics: for `PoolMetrics` of the module
    /// `SandboxFallback`.
    public var metricsDimensions: [(String, String)] {
        [("backend", BackendKind.docker.rawValue), ("engine", "\(client.address)")]
    }

    /// Removes what dead owners left on the engine.
    ///
    /// - Throws: also when the engine does not answer.
    public static func cleanup(
        _ configuration: DockerConfiguration
    ) async throws(SandboxError) -> Cleanup {
        let client = try makeClient(configuration)
        defer { client.close() }
        do throws(EngineError) {
            _ = try await client.connect()
            let report = try await Reconciler(client: client).run(logger: configuration.logger)
            return Cleanup(removed: report.removed, ghosts: report.ghosts)
        } catch {
            throw error.sandboxError()
        }
    }
}
#endif
