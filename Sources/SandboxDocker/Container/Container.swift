/// One container with its agent: a member of a pool.

#if Docker
import CIsolate
import NIOCore
import SandboxAPI
import SandboxRuntime

/// A container that serves one sandbox after another.
final class Container: Sendable {
    let id: String
    let key: ContainerKey
    let connection: AgentConnection
    let isolation: IsolationReport
    private let client: EngineClient
    private let isPodman: Bool
    /// What the engine has, 0 if it does not say, and whether it can bound a container's share of them.
    private let processors: (count: Int, canBeLimited: Bool)
    /// Changes of the limits are made one after another.
    private let turns = Turns()
    private let state: Locked<State>

    private struct State {
        var limits: ContainerLimits
        /// False while the engine is asked for others, and after it failed: they may be in force or not.
        var areCertain = true
        /// A bound of its processors was asked for once, and is to be lifted for a run without.
        var hadProcessorQuota: Bool
        var disk = 0
        /// Of the run before, or for which it was made.
        var latest: Limits
    }

    private init(
        id: String, key: ContainerKey, connection: AgentConnection, isolation: IsolationReport,
        limits: ContainerLimits, for latest: Limits, client: EngineClient, info: EngineInfo
    ) {
        isPodman = info.isPodman
        processors = (info.processors, info.canLimitProcessors)
        self.id = id
        self.key = key
        self.connection = connection
        self.isolation = isolation
        self.client = client
        state = Locked(
            State(limits: limits, hadProcessorQuota: limits.cpus != nil, latest: latest))
    }

    /// What a new container needs to know of its engine and its backend.
    struct Setting: Sendable {
        var client: EngineClient
        var info: EngineInfo
        var volume: AgentVolume
        var owner: ContainerOwner
        /// The image's id: its name may be another image's tomorrow.
        var image: String
        /// Of its first run, as far as they are known.
        var limits: Limits
        var hasIPv6 = true
        /// How long its agent may take for an answer.
        var patience: Duration
    }

    /// Makes, starts and prepares a container; nothing is left behind when that fails.
    static func make(
        _ key: ContainerKey, _ setting: Setting, onLoss: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> Container {
        let client = setting.client
        let limits = ContainerLimits(setting.limits)
        var spec = ContainerPlan.spec(
            key, volume: setting.volume.name,
            labels: setting.owner.labels(
                .sandbox, pool: key.description, engine: "\(client.address)"), limits: limits,
            isPodman: setting.info.isPodman, hasIPv6: setting.hasIPv6)
        spec.image = setting.image
        let id: String
        do throws(EngineError) {
            try await setting.volume.prepare(image: setting.image)
            id = try await client.containers.create(spec).id
        } catch {
            throw failed(error, "making a container of \(key.image)", image: key.image)
        }
        do throws(SandboxError) {
            return try await start(id, key, setting, limits, onLoss)
        } catch {
            // It may have been started, or not, or be on its way out. Also when the task was cancelled.
            await Task.detached { try? await client.containers.removeEnding(id) }.value
            throw error
        }
    }

    private static func start(
        _ id: String, _ key: ContainerKey, _ setting: Setting, _ limits: ContainerLimits,
        _ onLoss: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> Container {
        let client = setting.client
        let connection = AgentConnection(
            container: String(id.prefix(12)), patience: setting.patience, onLoss: onLoss)
        do throws(EngineError) {
            // Attached before the start, so that no byte of it is lost.
            let stream = try await client.containers.attach(id, handler: connection)
            connection.opened(stream)
            try await client.containers.start(id)
        } catch {
            connection.close()
            // A volume that was removed under us comes back empty.
            setting.volume.forget()
            // Its removal by the engine follows any failure, so what is there afterwards tells nothing of the cause.
            if StartFailure.isLoss(status: error.status, message: error.message) {
                throw SandboxError(
                    .containerLost, stage: error.operation,
                    message: "container \(id.prefix(12)) was gone when it was to start: \(error.message)",
                    hint: "somebody removed it; try again")
            }
            throw failed(error, "starting a container of \(key.image)", image: key.image)
        }
        let made = await withTaskCancellationHandler {
            await greet(connection, id, key, setting, limits)
        } onCancel: {
            connection.abandon()
        }
        return try made.get()
    }

    /// What is said at first to an agent that was started.
    private static func greet(
        _ connection: AgentConnection, _ id: String, _ key: ContainerKey, _ setting: Setting,
        _ limits: ContainerLimits
    ) async -> Result<Container, SandboxError> {
        do throws(SandboxError) {
            let hello = try await connection.hello(
                AgentConfiguration.bytes(key, processors: setting.info.processors))
            try check(hello, key)
            let prepared = try await connection.control(ISOLATE_PREPARE, disk: setting.limits.disk)
            if prepared.status.failure.stage != 0 {
                throw SandboxError(
                    prepared.status.failure, while: "preparing a container of \(key.image)")
            }
            let container = Container(
                id: id, key: key, connection: connection,
                isolation: ContainerLayers.report(
                    bits: hello.layers | prepared.status.layers,
                    remapsUsers: setting.info.securityOptions.contains { $0.hasPrefix("name=userns") },
                    cgroup: hello.cgroup_version == 2 ? .v2 : .v1),
                limits: limits, for: setting.limits, client: setting.client,
                info: setting.info)
            container.state.withLock { $0.disk = setting.limits.disk }
            return .success(container)
        } catch {
            connection.close()
            guard error.code == .containerLost else { return .failure(error) }
            return .failure(await StartFailure.explain(error, connection.words, id, setting.client))
        }
    }

    /// Whether an engine that refused does not have the container any more, or has it in a state that `isOver` means.
    private static func isGone(
        _ id: String, _ client: EngineClient, _ refusal: EngineError, or isOver: (ContainerState) -> Bool
    ) async -> Bool {
        guard refusal.status != nil, refusal.status != 404 else { return refusal.status == 404 }
        do throws(EngineError) {
            return isOver(try await client.containers.inspect(id))
        } catch {
            return error.status == 404
        }
    }

    private static func check(
        _ hello: isolate_agent_hello, _ key: ContainerKey
    ) throws(SandboxError) {
        guard hello.version == UInt32(ISOLATE_AGENT_VERSION),
            Int(hello.config_bytes) == MemoryLayout<isolate_config>.size
        else {
            throw SandboxError(
                .internalError, stage: "agent", message: "the agent is of another version of this library"
            )
        }
        if hello.failure.stage == ISOLATE_STAGE_ID_MAP.rawValue {
            throw SandboxError(
                .setupFailed, stage: hello.failure.stageName, errno: hello.failure.errno_value,
                message:
                    "the engine's containers have no user id for a program: their user namespace maps too few",
                hint: "give the engine's user a range of 65,536 in /etc/subuid and /etc/subgid")
        }
        if hello.failure.stage != 0 {
            throw SandboxError(hello.failure, while: "starting the agent in a container of \(key.image)")
        }
    }

    private static func failed(_ error: EngineError, _ doing: String, image: String) -> SandboxError {
        var failure = error.sandboxError()
        if error.status == 404 {
            failure = error.sandboxError(
                code: .imageUnavailable, hint: "load or pull the image \(image) first")
        }
        failure.message = "\(doing) failed: \(failure.message)"
        return failure
    }

    // MARK: Between runs

    /// Those of the run before: most often the next one has them, too.
    var latestLimits: Limits { state.withLock { $0.latest } }

    /// Whether a run with these limits may use it as it is.
    func has(_ limits: Limits) -> Bool {
        state.withLock { $0.areCertain && $0.limits.fit(limits, held: 0) }
    }

    /// Throws when the engine has not so many processors, or cannot bound a container's share of them.
    func checkProcessors(_ limits: Limits) throws(SandboxError) {
        guard limits.cpus != nil else { return }
        guard processors.canBeLimited else {
            throw SandboxError(
                .invalidLimit, message: "the engine cannot hold the limit cpus: it says so (CpuCfsQuota)",
                hint:
                    "its kernel needs CONFIG_CFS_BANDWIDTH, and the engine the cpu controller; or leave cpus out"
            )
        }
        try LimitDescription.checkProcessors(limits, has: processors.count, "the engine")
    }

    /// Puts a run's limits in force as far as the engine holds them.
    ///
    /// - Parameter announced: bytes that will be held besides what is held now.
    func setLimits(_ limits: Limits, announced: Int = 0) async throws(SandboxError) {
        state.withLock { $0.latest = limits }
        if state.withLock({ $0.disk != limits.disk }) {
            let answer = try await connection.control(ISOLATE_SET_DISK, disk: limits.disk)
            if answer.status.failure.stage != 0 {
                throw FileErrors.diskLimit(limits.disk, answer.status.failure)
            }
            state.withLock { $0.disk = limits.disk }
        }
        let held = connection.heldBytes + announced
        try await adjust { $0.fit(limits, held: held) ? nil : ContainerLimits(limits, held: held) }
    }

    /// Makes room for what the embedder is about to write, which counts as the container's memory.
    func makeRoom(_ bytes: Int) async throws(SandboxError) {
        let held = connection.heldBytes
        try await adjust { limits in
            guard limits.memory < held + bytes + 2 * ContainerPlan.ownMemory else { return nil }
            var limits = limits
            limits.memory = held + bytes + 8 * ContainerPlan.ownMemory
            return limits
        }
    }

    /// Has the engine change the limits, one change after another.
    ///
    /// - Parameter wanted: nil when those in force will do.
    private func adjust(
        _ wanted: (ContainerLimits) -> ContainerLimits?
    ) async throws(SandboxError) {
        if state.withLock({ $0.areCertain && wanted($0.limits) == nil }) { return }
        await turns.begin()
        defer { turns.end() }
        let limits = state.withLock { state -> ContainerLimits? in
            let limits = wanted(state.limits) ?? (state.areCertain ? nil : state.limits)
            if limits != nil { state.areCertain = false }
            return limits
        }
        guard let limits else { return }
        try await update(limits)
        state.withLock { ($0.limits, $0.areCertain) = (limits, true) }
    }

    /// An engine that was never asked for one is not asked to lift it.
    private func processorQuota(_ limits: ContainerLimits) -> Int64? {
        state.withLock { state in
            if limits.cpus != nil { state.hadProcessorQuota = true }
            return limits.processorQuota ?? (state.hadProcessorQuota ? noQuota : nil)
        }
    }

    /// What lifts it: -1, as 0 leaves it as it is, and `NanoCpus` can be set only. Of Podman's runtimes crun (1.8) refuses
    /// that; there all processors that there are do the same.
    private var noQuota: Int64 {
        let all = processors.count > 0 ? processors.count : ContainerPlan.mostProcessors
        return isPodman ? Int64(all) * ContainerSpec.processorPeriod : -1
    }

    /// What a run before held may be on its way out: the kernel refuses a limit below it for a moment.
    private func ask(_ limits: ContainerLimits) async throws(EngineError) {
        let quota = processorQuota(limits)
        for attempt in 1... {
            do throws(EngineError) {
                return try await client.containers.update(
                    id, memory: Int64(limits.memory), pids: Int64(limits.processes),
                    processorQuota: quota, isPodman: isPodman)
            } catch {
                guard error.message.contains("unable to set memory limit"), attempt < 5 else {
                    throw error
                }
            }
            try? await Task.sleep(for: .milliseconds(5 * attempt))
        }
    }

    private func update(_ limits: ContainerLimits) async throws(SandboxError) {
        // A caller who is cancelled must not leave a change on its way, which would come into the next run.
        let answer = await Task.detached { [self] () -> Result<Void, EngineError> in
            do throws(EngineError) { return .success(try await ask(limits)) } catch {
                return .failure(error)
            }
        }.value
        do throws(EngineError) {
            try answer.get()
        } catch {
            // The engine may know before the end of the stream has come here.
            var isLost = connection.isLost
            if !isLost { isLost = await Self.isGone(id, client, error) { !$0.isRunning } }
            if isLost { throw connection.lossError }
            var failure = error.sandboxError(code: error.status == nil ? nil : .invalidLimit)
            failure.message =
                "the engine did not set \(limits.memory) bytes, \(limits.processes) processes and "
                + "\(limits.cpus.map { "\($0)" } ?? "all") processors: " + failure.message
            throw failure
        }
    }

    /// Whether an idle one still answers. One that was heard of a moment ago is not asked.
    func isAnswering(within patience: Duration) async -> Bool {
        await connection.isAnswering(within: patience, disk: state.withLock { $0.disk })
    }

    /// Kills what is left of a sandbox, removes all it left, and prepares the next.
    ///
    /// - Parameter patience: how long that may take; a stopped seat never ends with it.
    /// - Returns: false when not everything went, or when the container is gone.
    func reset(for limits: Limits, within patience: Duration) async -> Bool {
        guard key.isReusable, !connection.mustRetire else { return false }
        do throws(SandboxError) {
            let cleared = try await connection.control(ISOLATE_CLEAR, patience: patience)
            guard cleared.status.retire == 0, cleared.status.failure.stage == 0 else { return false }
            let prepared = try await connection.control(
                ISOLATE_PREPARE, disk: limits.disk, patience: patience)
            guard prepared.status.failure.stage == 0 else { return false }
            state.withLock { $0.disk = limits.disk }
            try await setLimits(limits)
            return !connection.mustRetire
        } catch {
            return false
        }
    }

    /// Ends the container and waits until the engine has removed it.
    func destroy() async throws(EngineError) {
        connection.leave()
        defer { connection.close() }
        try await client.containers.removeEnding(id)
    }
}

/// What an agent is told at first.
enum AgentConfiguration {
    static func bytes(_ key: ContainerKey, processors: Int) throws(SandboxError) -> [UInt8] {
        var options = isolate_agent_options()
        options.is_writable = key.rootfs == .writable ? 1 : 0
        options.network = Int32(
            (key.network == .loopback ? ISOLATE_NETWORK_LOOPBACK : ISOLATE_NETWORK_NONE).rawValue)
        // Each container's agent draws its own id: the kernel counts processes by user for the whole host.
        options.user = UInt32.random(in: 1...UInt32.max)
        options.processors = UInt32(clamping: processors)
        options.memory_slack = UInt64(ContainerPlan.ownMemory + ContainerPlan.memorySlack)
        var result: Int32 = 0
        let capacity = Int(ISOLATE_FRAME_MAX)
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            result = isolate_agent_config(&options, buffer.baseAddress, buffer.count)
            count = Int(max(0, result))
        }
        guard result > 0 else {
            throw SandboxError(
                .internalError, stage: "seccomp", errno: -result,
                message: "the filter could not be compiled: \(describe(errno: -result))")
        }
        return bytes
    }
}
#endif
