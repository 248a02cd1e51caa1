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
    /// The number of the engine's processors, 0 if unknown, and whether the engine can bound a container's
    /// share of them.
    private let processors: (count: Int, canBeLimited: Bool)
    /// Serializes the changes of limits.
    private let turns = Turns()
    private let state: Locked<State>

    private struct State {
        var limits: ContainerLimits
        /// False while a change is under way, and after one failed: either limits may be in force.
        var areCertain = true
        /// Whether a run's share of the processors was bounded before, so that a run without a bound must
        /// lift it.
        var hadProcessorQuota: Bool
        /// The limits of the latest run, or those the container was made for.
        var latest: Limits
        /// Bytes that the container held when the latest run began.
        var latestHeld = 0
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

    /// The engine, the backend and the request that a new container is made from.
    struct Setting: Sendable {
        var client: EngineClient
        var info: EngineInfo
        var volume: AgentVolume
        var owner: ContainerOwner
        /// The image's id, since its name may be moved to another image.
        var image: String
        /// The limits of its first run, as far as they are known.
        var limits: Limits
        /// Bytes that the files of that run will probably hold.
        var held: Int
        var hasIPv6 = true
        /// How long its agent may take to answer.
        var patience: Duration
    }

    /// Makes, starts and prepares a container; leaves nothing behind when that fails.
    static func make(
        _ key: ContainerKey, _ setting: Setting, onLoss: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> Container {
        let client = setting.client
        let limits = ContainerLimits(setting.limits, held: setting.held)
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
            throw failed(error, "making a container of \(key.image)", key)
        }
        do throws(SandboxError) {
            return try await start(id, key, setting, limits, onLoss)
        } catch {
            // The container may have been started or not, or be ending. Removed even when the task was
            // cancelled.
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
            // Attached before the start, so that no byte is lost.
            let stream = try await client.containers.attach(id, handler: connection)
            connection.opened(stream)
            try await client.containers.start(id)
        } catch {
            connection.close()
            // If the volume was removed meanwhile, the engine has made an empty one.
            setting.volume.forget()
            // The engine removes the container after any failure, so its absence shows no cause.
            if StartFailure.isLoss(status: error.status, message: error.message) {
                throw SandboxError(
                    .containerLost, stage: error.operation,
                    message: "container \(id.prefix(12)) was gone when it was to start: \(error.message)",
                    hint: "somebody removed it; try again")
            }
            throw failed(error, "starting a container of \(key.image)", key)
        }
        let made = await withTaskCancellationHandler {
            await greet(connection, id, key, setting, limits)
        } onCancel: {
            connection.abandon()
        }
        return try made.get()
    }

    /// Sends the first messages to an agent that was started.
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
                    cgroup: hello.cgroup_version == 2 ? .v2 : .v1, bindMounts: key.bindMounts),
                limits: limits, for: setting.limits, client: setting.client,
                info: setting.info)
            return .success(container)
        } catch {
            connection.close()
            guard error.code == .containerLost else { return .failure(error) }
            return .failure(await StartFailure.explain(error, connection.words, id, setting.client))
        }
    }

    /// Whether the engine, which refused a request, no longer has the container, or has it in a state that
    /// `isOver` accepts.
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
            throw SandboxError(
                hello.failure, while: "starting the agent in a container of \(key.image)",
                bindMounts: key.bindMounts)
        }
    }

    private static func failed(_ error: EngineError, _ doing: String, _ key: ContainerKey) -> SandboxError {
        var failure = error.sandboxError()
        // What Docker and Podman say of a directory that their host does not have.
        let isMissing = key.bindMounts.contains {
            error.message.contains("bind source path does not exist: \($0.source)")
                || error.message.contains("statfs \($0.source): ")
        }
        if isMissing {
            failure = error.sandboxError(
                code: .invalidArgument, hint: "bind a directory that exists on the engine's host")
        }
        if error.status == 404 {
            failure = error.sandboxError(
                code: .imageUnavailable, hint: "load or pull the image \(key.image) first")
        }
        failure.message = "\(doing) failed: \(failure.message)"
        return failure
    }

    // MARK: Between runs

    /// The limits of the latest run: usually the next run has the same.
    var latestLimits: Limits { state.withLock { $0.latest } }

    /// Whether a run with these limits can use the container without a change.
    ///
    /// - Parameter held: bytes that the sandbox's files will hold.
    func has(_ limits: Limits, held: Int) -> Bool {
        state.withLock { $0.areCertain && $0.limits.fit(limits, held: held) }
    }

    /// Throws when the engine does not have this many processors, or cannot bound a container's share of
    /// them.
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

    /// Has the engine set a run's limits, as far as the engine enforces them. The run's files stand.
    ///
    /// - Parameter announced: bytes that the container will hold in addition to the present ones.
    func setLimits(_ limits: Limits, announced: Int) async throws(SandboxError) {
        let held = connection.heldBytes + announced
        state.withLock { ($0.latest, $0.latestHeld) = (limits, held) }
        try await setLimits(limits, held: held)
    }

    private func setLimits(_ limits: Limits, held: Int) async throws(SandboxError) {
        try await adjust { $0.fit(limits, held: held) ? nil : ContainerLimits(limits, held: held) }
    }

    /// The disk limit in force, in bytes.
    var disk: Int { connection.state.withLock { $0.disk } }

    func setDisk(_ limits: Limits) async throws(SandboxError) {
        if disk != limits.disk {
            // It may be larger than the new limit, and is nobody's file.
            try await connection.withdrawUnclaimed()
            let answer = try await connection.control(ISOLATE_SET_DISK, disk: limits.disk)
            if answer.status.failure.stage != 0 {
                throw FileErrors.diskLimit(limits.disk, answer.status.failure)
            }
        }
    }

    /// Makes room for bytes that the embedder is about to write, since they count as the container's memory.
    func makeRoom(_ bytes: Int) async throws(SandboxError) {
        let held = connection.heldBytes
        try await adjust { limits in
            guard limits.memory < held + bytes + 2 * ContainerPlan.ownMemory else { return nil }
            var limits = limits
            limits.memory = held + bytes + 8 * ContainerPlan.ownMemory
            return limits
        }
    }

    /// Has the engine change the limits, one change at a time.
    ///
    /// - Parameter wanted: returns nil when the present limits suffice.
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

    /// The bound for the engine; nil if there was none and is none.
    private func processorQuota(_ limits: ContainerLimits) -> Int64? {
        state.withLock { state in
            if limits.cpus != nil { state.hadProcessorQuota = true }
            return limits.processorQuota ?? (state.hadProcessorQuota ? noQuota : nil)
        }
    }

    /// The value that lifts the bound: -1, since 0 leaves it unchanged and `NanoCpus` can only be set. Of
    /// Podman's runtimes crun (1.8) refuses -1; there a bound of all processors has the same effect.
    private var noQuota: Int64 {
        let all = processors.count > 0 ? processors.count : ContainerPlan.mostProcessors
        return isPodman ? Int64(all) * ContainerSpec.processorPeriod : -1
    }

    /// The kernel refuses a limit below the memory of the previous run for a moment, until that memory is
    /// freed.
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
        // The change must be complete before a cancelled caller leaves, so that it does not affect the next
        // run.
        let answer = await Task.detached { [self] () -> Result<Void, EngineError> in
            do throws(EngineError) { return .success(try await ask(limits)) } catch {
                return .failure(error)
            }
        }.value
        do throws(EngineError) {
            try answer.get()
        } catch {
            // The engine may report the end before the stream's end has arrived here.
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

    /// Whether an idle container still answers. One that was heard from a moment ago is not asked.
    func isAnswering(within patience: Duration) async -> Bool {
        await connection.isAnswering(within: patience)
    }

    /// Kills the sandbox's processes, removes its files, and prepares the container for the next sandbox.
    ///
    /// - Parameter patience: how long that may take; with a stopped seat it would never end.
    /// - Returns: false when something is left, or the container is gone.
    func reset(for limits: Limits, within patience: Duration) async -> Bool {
        guard key.isReusable, !connection.mustRetire else { return false }
        do throws(SandboxError) {
            let cleared = try await connection.control(ISOLATE_CLEAR, patience: patience)
            guard cleared.status.retire == 0, cleared.status.failure.stage == 0 else { return false }
            let prepared = try await connection.control(
                ISOLATE_PREPARE, disk: limits.disk, patience: patience)
            guard prepared.status.failure.stage == 0 else { return false }
            // The next run's files will probably hold as much. Its own limits are exact, whatever stands here.
            try await setLimits(limits, held: max(connection.heldBytes, state.withLock { $0.latestHeld }))
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

/// The configuration that an agent is started with.
enum AgentConfiguration {
    static func bytes(_ key: ContainerKey, processors: Int) throws(SandboxError) -> [UInt8] {
        var options = isolate_agent_options()
        options.is_writable = key.rootfs == .writable ? 1 : 0
        options.network = Int32(
            (key.network == .loopback ? ISOLATE_NETWORK_LOOPBACK : ISOLATE_NETWORK_NONE).rawValue)
        // Each container's agent draws its own user id, since the kernel counts processes per user for the
        // whole host.
        options.user = UInt32.random(in: 1...UInt32.max)
        options.processors = UInt32(clamping: processors)
        options.memory_slack = UInt64(ContainerPlan.ownMemory + ContainerPlan.memorySlack)
        var result: Int32 = 0
        let capacity = Int(ISOLATE_FRAME_MAX)
        let bytes = withCStrings(key.bindMounts.map(\.target)) { targets in
            targets.withUnsafeBufferPointer { targets in
                options.bind_targets = targets.baseAddress
                options.bind_target_count = targets.count
                return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                    result = isolate_agent_config(&options, buffer.baseAddress, buffer.count)
                    count = Int(max(0, result))
                }
            }
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
