/// The containers of one key: made ahead, wiped between callers, checked by real runs, replaced.

#if Docker
import CIsolate
import Glibc
import Logging
import SandboxAPI
import SandboxRuntime

/// A pool of containers of one image and root file system mode.
final class ContainerPool: Sendable {
    let key: ContainerKey
    /// Of the image, by which the engine tells it from another of the same name.
    let digest: String
    /// The image's own variables.
    let environment: [ByteString: ByteString]
    private let pool: Pool<Container>
    private let workshop: ContainerWorkshop
    private let isStopping: @Sendable () -> Bool
    private let wanted: Wanted

    /// The limits that a caller wanted last: those of the next container that is made.
    private final class Wanted: Sendable {
        private let value: Locked<Limits>
        init(_ limits: Limits) { value = Locked(limits) }
        var limits: Limits {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    /// - Parameters:
    ///   - limits: of the first containers.
    ///   - isStopping: the backend is shutting down, which explains a loss.
    init(
        _ key: ContainerKey, image: ImageSummary, configuration: PoolConfiguration,
        workshop: ContainerWorkshop, limits: Limits,
        isStopping: @escaping @Sendable () -> Bool
    ) throws(SandboxError) {
        self.key = key
        let (digest, environment) = (image.id, image.environment)
        (self.digest, self.environment) = (digest, environment)
        self.isStopping = isStopping
        self.workshop = workshop
        let reference = Reference()
        let wanted = Wanted(limits)
        self.wanted = wanted
        pool = try Pool(
            configuration: configuration,
            create: { id throws(SandboxError) in
                try await workshop.make(key, image: digest, limits: wanted.limits) {
                    reference.pool?.memberBroke(id)
                }
            },
            destroy: { container in await workshop.unmake(container) },
            reset: { container in await workshop.reset(container) },
            check: { container in await workshop.check(container, environment) },
            stillborn: SandboxError(
                .containerLost, stage: "start",
                message: "a container of \(key.image) ended as soon as it was made",
                hint: "it was killed, or its engine went away; try again"))
        reference.set(pool)
    }

    /// The pool makes the members that report to it.
    private final class Reference: Sendable {
        private struct Weak { weak var pool: Pool<Container>? }
        private let value = Locked(Weak())
        var pool: Pool<Container>? { value.withLock { $0.pool } }
        func set(_ pool: Pool<Container>) { value.withLock { $0.pool = pool } }
    }

    func start() { pool.start() }
    func replenish() { pool.replenish() }
    func drain() async { await pool.drain() }

    /// Refuses new callers. Once the workshop has stopped, too, sandboxes that somebody still holds are empty
    /// shells, which the pool forgets when they are closed.
    func stop() { Task { await pool.drain() } }
    var statistics: PoolStatistics { pool.statistics }
    var details: PoolDetails { pool.details.named(key.description) }

    /// A container that lives. One that died while it waited is thrown away, and one that was killed while it was
    /// made for this caller is nothing to him: he had nothing in it, and another one is made.
    ///
    /// - Parameter limits: of the first run in it: one that has them spares a call of the engine.
    func acquire(for limits: Limits) async throws(SandboxError) -> PoolLease<Container> {
        wanted.limits = limits
        var losses = 0
        while true {
            do throws(SandboxError) {
                let lease = try await pool.acquire { $0.has(limits) }
                // One that was paused meanwhile is not lost, and answers nothing.
                let container = lease.member
                if !container.connection.isLost, await workshop.isAnswering(container) {
                    if !Task.isCancelled { return lease }
                    pool.release(lease, reusable: true)
                    throw SandboxError.acquireCancelled
                }
                pool.release(lease, reusable: false)
            } catch {
                // Where none lives, the caller is told; while we shut down, the pool refuses.
                losses += 1
                guard error.code == .containerLost, losses < 3 else { throw explain(error) }
            }
        }
    }

    func release(_ lease: PoolLease<Container>, reusable: Bool) {
        pool.release(lease, reusable: reusable)
    }

    func checkOwner() throws(SandboxError) {
        guard getpid() == workshop.owner.pid else { throw .forkedEmbedder("DockerBackend") }
    }

    /// What the loss of a container means: we ended it ourselves, or somebody else did.
    func explain(_ error: SandboxError) -> SandboxError {
        guard error.code == .containerLost, isStopping() else { return error }
        return .backendShutDown
    }
}

/// What is done to containers between their callers.
final class ContainerWorkshop: Sendable {
    let owner: ContainerOwner
    let volume: AgentVolume
    private let session: EngineSession
    private let configuration: DockerConfiguration
    private struct State {
        /// Of this backend, whatever their state: what else has its labels was left behind by a lost answer.
        var known: [String: Container] = [:]
        /// Containers that are being made.
        var making = 0
        var isStopping = false
        /// The engine failed while one was made: it may come to be all the same.
        var isUncertain = false
        /// The engine's kernel has no IPv6: a container that wants it does not start.
        var lacksIPv6 = false
        /// Waits until none is being made any more.
        var stopping: Waiter<Void>?
    }

    private let state = Locked(State())

    init(_ session: EngineSession, owner: ContainerOwner, configuration: DockerConfiguration) {
        self.session = session
        self.owner = owner
        self.configuration = configuration
        volume = AgentVolume(session.client, owner: owner)
    }

    private var logger: Logger { configuration.logger }

    func knows(_ id: String) -> Bool { state.withLock { $0.known[id] != nil } }

    /// Makes no more, ends all containers at once, runs under way with them, and returns when the engine has none
    /// of this backend's: a loss starts a replacement, which may be half made, or made and its answer lost. An engine
    /// that does not answer is not waited for: what it has then ends with its stream, or the next one removes it.
    func stop() async {
        let (containers, isMaking) = state.withLock { state in
            state.isStopping = true
            return (Array(state.known.values), state.making > 0)
        }
        for container in containers { container.connection.leave() }
        if isMaking || volume.isMade, await !session.client.isAnswering() {
            logger.warning("the engine does not answer; what it has of ours stays for the next backend")
            session.client.close()
        }
        await withTaskGroup(of: Void.self) { group in
            for container in containers { group.addTask { await self.unmake(container) } }
        }
        await state.answer { state, waiter in
            if state.making == 0 { return () }
            state.stopping = waiter
            return nil
        }
        await sweep()
        // What comes to be there all the same, whoever looks first may remove.
        ContainerOwner.end(owner)
    }

    /// What the engine has of this backend all the same, the volume last.
    private func sweep() async {
        guard volume.isMade, !session.client.isClosed else { return }
        do throws(EngineError) {
            // What was asked for when the engine, or the way to it, failed may come to be a moment later.
            for round in 0..<(state.withLock { $0.isUncertain } ? 5 : 1) {
                if round > 0 { try? await Task.sleep(for: .milliseconds(200)) }
                for container in try await session.client.containers.list(labels: owner.ownLabels) {
                    // One that the engine fails to remove must not keep the rest.
                    _ = try? await session.client.containers.remove(container.id)
                }
            }
            try await volume.remove()
        } catch {
            logger.warning("the engine keeps what is ours", metadata: ["error": "\(error)"])
        }
    }

    private func beginMaking() throws(SandboxError) {
        try state.withLock { state throws(SandboxError) in
            if state.isStopping { throw SandboxError.backendShutDown }
            state.making += 1
        }
    }

    private func endMaking() {
        let stopping = state.withLock { state -> Waiter<Void>? in
            state.making -= 1
            guard state.making == 0 else { return nil }
            defer { state.stopping = nil }
            return state.stopping
        }
        stopping?.resume()
    }

    /// False when it came too late.
    private func keep(_ container: Container) -> Bool {
        state.withLock { state in
            if !state.isStopping { state.known[container.id] = container }
            return !state.isStopping
        }
    }

    func make(
        _ key: ContainerKey, image: String, limits: Limits, onLoss: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> Container {
        try beginMaking()
        defer { endMaking() }
        do throws(SandboxError) {
            var setting = Container.Setting(
                client: session.client, info: try await session.info(), volume: volume, owner: owner,
                image: image, limits: limits, patience: configuration.runDeadlineGrace)
            setting.hasIPv6 = !state.withLock { $0.lacksIPv6 }
            let container: Container
            do throws(SandboxError) {
                container = try await Container.make(key, setting, onLoss: onLoss)
            } catch {
                guard setting.hasIPv6, error.message.contains("/proc/sys/net/ipv6") else { throw error }
                state.withLock { $0.lacksIPv6 = true }
                setting.hasIPv6 = false
                container = try await Container.make(key, setting, onLoss: onLoss)
            }
            guard keep(container) else {
                try? await container.destroy()
                throw SandboxError.backendShutDown
            }
            logger.debug("container made", metadata: ["container": "\(container.id)", "pool": "\(key)"])
            return container
        } catch {
            if error.code == .backendUnavailable {
                session.forget()
                state.withLock { $0.isUncertain = true }
            }
            logger.warning(
                "no container could be made", metadata: ["pool": "\(key)", "error": "\(error)"])
            throw error
        }
    }

    func unmake(_ container: Container) async {
        do throws(EngineError) {
            try await container.destroy()
            logger.debug("container removed", metadata: ["container": "\(container.id)"])
        } catch {
            // It left by itself when its stream ended, if the engine lives; else reconciling finds it.
            logger.warning(
                "a container could not be removed",
                metadata: ["container": "\(container.id)", "error": "\(error)"])
        }
        state.withLock { $0.known[container.id] = nil }
    }

    func isAnswering(_ container: Container) async -> Bool {
        let isAnswering = await container.isAnswering(within: configuration.idlePatience)
        if !isAnswering {
            logger.warning("container does not answer", metadata: ["container": "\(container.id)"])
        }
        return isAnswering
    }

    func reset(_ container: Container) async -> Bool {
        await reset(container, for: container.latestLimits)
    }

    private func reset(_ container: Container, for limits: Limits) async -> Bool {
        let isFit = await container.reset(for: limits, within: configuration.resetPatience)
        if !isFit {
            logger.debug("container not reusable", metadata: ["container": "\(container.id)"])
        }
        return isFit
    }

    /// A real run of what the image is for, then the wipe that every run is followed by.
    ///
    /// - Parameter environment: the image's own variables.
    func check(_ container: Container, _ environment: [ByteString: ByteString]) async -> Bool {
        let limits = container.latestLimits
        let problem = await HealthCheck.run(in: container, environment, configuration.healthChecks)
        if let problem {
            logger.warning(
                "container unhealthy",
                metadata: ["container": "\(container.id)", "reason": "\(problem)"])
            return false
        }
        // A writable container was changed by the check and serves nobody else; it is not checked.
        return await reset(container, for: limits)
    }
}
#endif
