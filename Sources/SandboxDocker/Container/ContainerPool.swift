/// The containers of one key: made in advance, wiped between callers, checked by real runs, replaced.

#if Docker
import CIsolate
import Glibc
import Logging
import SandboxAPI
import SandboxRuntime

/// A pool of containers of one image and root file system mode.
final class ContainerPool: Sendable {
    let key: ContainerKey
    /// The digest of the image, by which the engine distinguishes images of the same name.
    let digest: String
    /// The image's own variables.
    let environment: [ByteString: ByteString]
    private let pool: Pool<Container>
    private let workshop: ContainerWorkshop
    private let isStopping: @Sendable () -> Bool
    private let wanted: Wanted

    /// What the latest caller needed, and the next container will probably need.
    private final class Wanted: Sendable {
        private let value: Locked<(limits: Limits, held: Int)>
        init(_ limits: Limits) { value = Locked((limits, 0)) }
        var limits: Limits {
            get { value.withLock { $0.limits } }
            set { value.withLock { $0.limits = newValue } }
        }
        /// Bytes of the files that stood in the container when the run began.
        var held: Int {
            get { value.withLock { $0.held } }
            set { value.withLock { $0.held = newValue } }
        }
    }

    /// - Parameters:
    ///   - limits: the limits of the first containers.
    ///   - onProgress: told of each container that is made.
    ///   - isStopping: whether the backend is shutting down, which explains a loss.
    init(
        _ key: ContainerKey, image: ImageSummary, configuration: PoolConfiguration,
        workshop: ContainerWorkshop, limits: Limits, onProgress: PreparationMeter.Observer? = nil,
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
                let meter = PreparationMeter(key.image, onProgress)
                meter?.begin(.starting)
                defer { meter?.finish() }
                return try await workshop.make(key, image: digest, limits: wanted.limits, held: wanted.held) {
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

    /// The members' reference to the pool that makes them.
    private final class Reference: Sendable {
        private struct Weak { weak var pool: Pool<Container>? }
        private let value = Locked(Weak())
        var pool: Pool<Container>? { value.withLock { $0.pool } }
        func set(_ pool: Pool<Container>) { value.withLock { $0.pool = pool } }
    }

    func start() { pool.start() }
    func replenish() { pool.replenish() }
    func drain() async { await pool.drain() }

    /// Refuses new callers. Once the workshop has stopped, too, sandboxes still in use have no container any
    /// more, and the pool forgets them when they are closed.
    func stop() { Task { await pool.drain() } }
    var statistics: PoolStatistics { pool.statistics }
    var details: PoolDetails { pool.details.named(key.description) }

    /// Takes a container that lives. The pool destroys one that died while idle. One that was killed while it
    /// was made for this caller does not fail the caller, who had nothing in it: another one is made.
    ///
    /// - Parameter limits: those of the first run; a container that has them saves a request to the engine.
    func acquire(for limits: Limits) async throws(SandboxError) -> PoolLease<Container> {
        wanted.limits = limits
        let held = wanted.held
        var losses = 0
        while true {
            do throws(SandboxError) {
                let lease = try await pool.acquire { $0.has(limits, held: held) }
                // A container that was paused meanwhile is not lost, but does not answer.
                let container = lease.member
                if !container.connection.isLost, await workshop.isAnswering(container) {
                    if !Task.isCancelled { return lease }
                    pool.release(lease, reusable: true)
                    throw SandboxError.acquireCancelled
                }
                pool.release(lease, reusable: false)
            } catch {
                // After three losses the caller gets the error; during a shut-down the pool refuses.
                losses += 1
                guard error.code == .containerLost, losses < 3 else { throw explain(error) }
            }
        }
    }

    /// A run begins, with so many bytes of files.
    func noteHeld(_ bytes: Int) { wanted.held = bytes }

    func release(_ lease: PoolLease<Container>, reusable: Bool) {
        pool.release(lease, reusable: reusable)
    }

    func checkOwner() throws(SandboxError) {
        guard getpid() == workshop.owner.pid else { throw .forkedEmbedder("DockerBackend") }
    }

    /// The error for a loss: during a shut-down the backend ended the container itself.
    func explain(_ error: SandboxError) -> SandboxError {
        guard error.code == .containerLost, isStopping() else { return error }
        return .backendShutDown
    }
}

/// Makes, wipes, checks and removes a backend's containers.
final class ContainerWorkshop: Sendable {
    let owner: ContainerOwner
    let volume: AgentVolume
    private let session: EngineSession
    private let configuration: DockerConfiguration
    private struct State {
        /// This backend's containers, in any state: any other with its labels is left over from a lost
        /// answer.
        var known: [String: Container] = [:]
        /// Containers that are being made, and that are being removed.
        var making = 0
        var unmaking = 0
        var isStopping = false
        /// The engine failed while a container was made: the container may still appear.
        var isUncertain = false
        /// The engine's kernel has no IPv6: a container with IPv6 settings does not start.
        var lacksIPv6 = false
        /// Resumed when no container is being made or removed any more.
        var stopping: Waiter<Void>?

        /// Called after each end of the two.
        mutating func takeStopping() -> Waiter<Void>? {
            guard making + unmaking == 0 else { return nil }
            defer { stopping = nil }
            return stopping
        }
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

    /// Refuses to make more, ends all containers at once, with their runs, and returns when the engine has
    /// none of this backend's. A loss starts a replacement, which may be half made, or made and its answer
    /// lost. Does not wait for an engine that does not answer: its containers end with their streams, or the
    /// next backend removes them.
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
        // The pools remove containers, too: the client is closed when the engine has answered them all.
        await state.answer { state, waiter in
            if state.making + state.unmaking == 0 { return () }
            state.stopping = waiter
            return nil
        }
        await sweep()
        // Any backend may remove a container that appears after this.
        ContainerOwner.end(owner)
    }

    /// Removes what the engine still has of this backend, the volume last.
    private func sweep() async {
        guard volume.isMade, !session.client.isClosed else { return }
        do throws(EngineError) {
            // A request that failed with the engine, or with the way to it, may still have its effect a
            // moment later.
            for round in 0..<(state.withLock { $0.isUncertain } ? 5 : 1) {
                if round > 0 { try? await Task.sleep(for: .milliseconds(200)) }
                for container in try await session.client.containers.list(labels: owner.ownLabels) {
                    // A container that the engine fails to remove must not block the others.
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
        state.withLock { state in
            state.making -= 1
            return state.takeStopping()
        }?.resume()
    }

    /// Registers a container; false during a shut-down.
    private func keep(_ container: Container) -> Bool {
        state.withLock { state in
            if !state.isStopping { state.known[container.id] = container }
            return !state.isStopping
        }
    }

    func make(
        _ key: ContainerKey, image: String, limits: Limits, held: Int, onLoss: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> Container {
        try beginMaking()
        defer { endMaking() }
        do throws(SandboxError) {
            var setting = Container.Setting(
                client: session.client, info: try await session.info(), volume: volume, owner: owner,
                image: image, limits: limits, held: held, patience: configuration.runDeadlineGrace)
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
            // The end of a pool ends what is being made in it: that is nothing to warn of.
            let isExpected = [.cancelled, .shutDown].contains(error.code)
            logger.log(
                level: isExpected ? .debug : .warning, "no container could be made",
                metadata: ["pool": "\(key)", "error": "\(error)"])
            throw error
        }
    }

    func unmake(_ container: Container) async {
        let isGone = state.withLock { state in
            // The shutdown has removed it, and perhaps closed the client already.
            if state.isStopping, state.known[container.id] == nil { return true }
            state.unmaking += 1
            return false
        }
        if isGone { return }
        do throws(EngineError) {
            try await container.destroy()
            logger.debug("container removed", metadata: ["container": "\(container.id)"])
        } catch {
            // The container ends by itself when its stream ends, if the engine lives; else the reconciler
            // finds it.
            logger.warning(
                "a container could not be removed",
                metadata: ["container": "\(container.id)", "error": "\(error)"])
        }
        state.withLock { state in
            state.known[container.id] = nil
            state.unmaking -= 1
            return state.takeStopping()
        }?.resume()
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

    /// Runs the image's health probe, then wipes the container as after every run.
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
        // The check changed a writable container, which serves no other caller; such containers are not
        // checked.
        return await reset(container, for: limits)
    }
}
#endif
