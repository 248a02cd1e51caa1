/// The pools of a backend: one for each image and root file system mode, made with the first sandbox.

#if Docker
import Logging
import SandboxAPI
import SandboxRuntime

final class ContainerPools: Sendable {
    private let session: EngineSession
    private let workshop: ContainerWorkshop
    private let configuration: DockerConfiguration
    private let pools = StartOnce<ContainerKey, ContainerPool>(backend: "DockerBackend") { pool in
        pool.statistics.inUse > 0
    }
    private let former = FormerPools<ContainerPool> { $0.details }
    private let reconciling = Locked<Task<Void, Never>?>(nil)

    init(_ session: EngineSession, _ workshop: ContainerWorkshop, _ configuration: DockerConfiguration) {
        self.session = session
        self.workshop = workshop
        self.configuration = configuration
    }

    /// The pool of a key, made if it is missing. Returns at once when the pool exists.
    ///
    /// - Parameter limits: the limits of its first containers.
    func running(
        _ key: ContainerKey, for limits: Limits
    ) async throws(SandboxError) -> ContainerPool {
        try await pools.value(
            key, onGivenUp: { giveUp($0) },
            start: { [self] () async throws(SandboxError) -> ContainerPool in
                try await start(key, limits)
            })
    }

    /// Ends a pool for new callers; its counts are kept.
    private func giveUp(_ pool: ContainerPool) { former.end(pool) { await $0.drain() } }

    /// Removes a pool whose image the engine no longer has; the next caller gets a new one.
    func remove(_ pool: ContainerPool) {
        if pools.remove(pool.key, pool) { giveUp(pool) }
    }

    var isShutDown: Bool { pools.isShutDown }

    private func start(
        _ key: ContainerKey, _ limits: Limits
    ) async throws(SandboxError) -> ContainerPool {
        _ = try await session.info()
        startReconciling()
        let image = try await ImageSupply(session.client, configuration).provide(key.image)
        try Self.check(key.bindMounts, image)
        let pool = try ContainerPool(
            key, image: image, configuration: Self.configuration(configuration, key),
            workshop: workshop, limits: limits, onProgress: self.configuration.onProgress,
            isStopping: { [weak self] in self?.isShutDown ?? true })
        pool.start()
        return pool
    }

    /// Refuses an image with a volume in a directory that is to be bound: the engine would make the place for it in that
    /// directory, on its host.
    private static func check(_ mounts: [BindMount], _ image: ImageSummary) throws(SandboxError) {
        for mount in mounts {
            guard let volume = image.volumes.first(where: { Validation.isSameOrBelow($0, mount.target) })
            else { continue }
            throw SandboxError(
                .invalidArgument,
                message:
                    "\(Validation.quoted(mount.source)) cannot be bound at \(Validation.quoted(mount.target)): the image has a "
                    + "volume at \(Validation.quoted(volume))",
                hint: "choose another place")
        }
    }

    /// A writable container is used once, and a check would use it up.
    private static func configuration(
        _ configuration: DockerConfiguration, _ key: ContainerKey
    ) -> PoolConfiguration {
        var pool = configuration.effectivePool
        // State that a program leaves in its network is not wiped either.
        if key.rootfs == .writable || key.network == .loopback {
            (pool.maxUses, pool.healthCheckInterval) = (1, nil)
        }
        return pool
    }

    /// Starts the reconciler, which runs at once and then periodically, so that leftovers do not wait for an
    /// explicit clean-up.
    private func startReconciling() {
        reconciling.withLock { reconciling in
            guard reconciling == nil, !pools.isShutDown else { return }
            let (session, workshop, configuration) = (session, workshop, configuration)
            reconciling = Task.detached(priority: .background) {
                var reconciler = Reconciler(client: session.client)
                reconciler.own = (workshop.owner, { workshop.knows($0) })
                while !Task.isCancelled {
                    do throws(EngineError) {
                        _ = try await reconciler.run(logger: configuration.logger)
                    } catch {
                        configuration.logger.debug("reconciling failed", metadata: ["error": "\(error)"])
                    }
                    guard let interval = configuration.reconcileInterval else { return }
                    do { try await Task.sleep(for: interval) } catch { return }
                }
            }
        }
    }

    var statistics: PoolStatistics {
        pools.running.map(\.value.statistics).reduce(former.total.statistics, +)
    }

    var details: PoolDetails {
        pools.running.map(\.value.details).reduce(former.total, +)
    }

    /// Ends everything; a second caller waits for the same end.
    func shutDown() async {
        await pools.shutDown {
            $0.stop()
        } finish: { [self] in
            reconciling.withLock { $0 }?.cancel()
            await workshop.stop()
        }
    }

    /// Ends the pools of a backend without references: each container ends when its last sandbox is closed.
    func abandon() {
        // Not in a forked child, and not after a shut-down.
        guard (try? pools.check()) != nil else { return }
        Task.detached { [self] in
            for (_, pool) in pools.running { await pool.drain() }
            await shutDown()
            session.client.close()
        }
    }
}
#endif
