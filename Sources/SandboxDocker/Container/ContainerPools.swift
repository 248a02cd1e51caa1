/// The pools of a backend: one for each image and root file system mode, made with its first sandbox.

#if Docker
    import CIsolate
    import Glibc
    import Logging
    import Sandbox
    import Synchronization

    final class ContainerPools: Sendable {
        private enum Entry {
            case starting(Task<Result<ContainerPool, SandboxError>, Never>)
            case running(ContainerPool)
        }

        private struct State {
            var entries: [ContainerKey: Entry] = [:]
            /// The one used longest ago first.
            var order: [ContainerKey] = []
            var ending: Task<Void, Never>?
            var reconciling: Task<Void, Never>?
        }

        /// Above it, the pool that was used longest ago and has no sandbox in use is drained.
        private static let most = 8

        private let session: EngineSession
        private let workshop: ContainerWorkshop
        private let configuration: DockerConfiguration
        private let state = Mutex(State())

        init(_ session: EngineSession, _ workshop: ContainerWorkshop, _ configuration: DockerConfiguration) {
            self.session = session
            self.workshop = workshop
            self.configuration = configuration
        }

        /// The pool of a key, made if need be. At once when it runs.
        func running(_ key: ContainerKey) async throws(SandboxError) -> ContainerPool {
            guard getpid() == workshop.owner.pid else {
                throw SandboxError(
                    .forkedEmbedder, message: "this process was forked from the one that made the backend",
                    hint: "make a new DockerBackend in the child")
            }
            let (entry, idle) = try state.withLock { state throws(SandboxError) -> (Entry, [ContainerPool]) in
                guard state.ending == nil else {
                    throw SandboxError(
                        .shutDown, message: "the backend was shut down", hint: "make a new backend")
                }
                if case .running? = state.entries[key], state.order.last == key {
                    return (state.entries[key]!, [])
                }
                let idle = state.entries[key] == nil ? Self.removeIdle(&state) : []
                state.order.removeAll { $0 == key }
                state.order.append(key)
                if let entry = state.entries[key] { return (entry, idle) }
                let entry = Entry.starting(
                    Task { () -> Result<ContainerPool, SandboxError> in
                        do throws(SandboxError) {
                            return .success(try await self.start(key))
                        } catch {
                            return .failure(error)
                        }
                    })
                state.entries[key] = entry
                return (entry, idle)
            }
            for pool in idle { Task.detached { await pool.drain() } }
            switch entry {
            case .running(let pool): return pool
            case .starting(let task):
                let result = await task.value
                state.withLock { state in
                    guard case .starting(task)? = state.entries[key] else { return }
                    state.entries[key] = (try? result.get()).map(Entry.running)
                }
                return try result.get()
            }
        }

        /// Gives a pool up, whose image the engine no longer has; the next caller gets a new one.
        func remove(_ pool: ContainerPool) {
            let isOurs = state.withLock { state in
                guard case .running(let known)? = state.entries[pool.key], known === pool else {
                    return false
                }
                state.entries[pool.key] = nil
                state.order.removeAll { $0 == pool.key }
                return true
            }
            if isOurs { Task.detached { await pool.drain() } }
        }

        var isShutDown: Bool { state.withLock { $0.ending != nil } }

        private static func removeIdle(_ state: inout State) -> [ContainerPool] {
            var removed: [ContainerPool] = []
            for key in state.order where state.entries.count >= most {
                guard case .running(let pool)? = state.entries[key], pool.statistics.inUse == 0 else {
                    continue
                }
                state.entries[key] = nil
                removed.append(pool)
            }
            state.order.removeAll { state.entries[$0] == nil }
            return removed
        }

        private func start(_ key: ContainerKey) async throws(SandboxError) -> ContainerPool {
            _ = try await session.info()
            startReconciling()
            let image = try await ImageSupply(session.client, configuration).provide(key.image)
            let pool = try ContainerPool(
                key, digest: image.id, configuration: Self.configuration(configuration, key.rootfs),
                workshop: workshop, isStopping: { [weak self] in self?.isShutDown ?? true })
            pool.start()
            return pool
        }

        /// A writable container is used once, so a check would use it up.
        private static func configuration(
            _ configuration: DockerConfiguration, _ rootfs: Rootfs
        ) -> PoolConfiguration {
            var pool = configuration.effectivePool
            if rootfs == .writable { (pool.maxUses, pool.healthCheckInterval) = (1, nil) }
            return pool
        }

        /// At once, then from time to time. What others left must not wait for a clean-up that nobody runs.
        private func startReconciling() {
            state.withLock { state in
                guard state.reconciling == nil, state.ending == nil else { return }
                let (session, workshop, configuration) = (session, workshop, configuration)
                state.reconciling = Task.detached(priority: .background) {
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

        private var all: [ContainerPool] {
            state.withLock { state in
                state.entries.values.compactMap { entry -> ContainerPool? in
                    if case .running(let pool) = entry { return pool }
                    return nil
                }
            }
        }

        var statistics: PoolStatistics { all.map(\.statistics).reduce(PoolStatistics(), +) }
        var details: PoolDetails { all.map(\.details).reduce(PoolDetails(), +) }

        /// Ends everything; a second caller waits for the same end.
        func shutDown() async {
            let ending = state.withLock { state -> Task<Void, Never> in
                if let ending = state.ending { return ending }
                let entries = Array(state.entries.values)
                let reconciling = state.reconciling
                let workshop = workshop
                let ending = Task {
                    reconciling?.cancel()
                    await withTaskGroup(of: Void.self) { group in
                        for entry in entries {
                            group.addTask {
                                switch entry {
                                case .running(let pool): pool.stop()
                                case .starting(let task):
                                    if case .success(let pool) = await task.value { pool.stop() }
                                }
                            }
                        }
                    }
                    await workshop.stop()
                }
                state.entries = [:]
                state.ending = ending
                return ending
            }
            await ending.value
        }

        /// Nobody will ask again: each container ends when its last sandbox is closed.
        func abandon() {
            guard getpid() == workshop.owner.pid, state.withLock({ $0.ending == nil }) else { return }
            Task.detached { [self] in
                let pools = all
                for pool in pools { await pool.drain() }
                await shutDown()
                session.client.close()
            }
        }
    }
#endif
