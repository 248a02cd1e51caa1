/// The local backend: sandboxes made of this kernel's own means.

import CIsolate
import Glibc
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
        /// Whether this process may be moved into a new child `embedder` of its cgroup. cgroup v2 lets a directory
        /// have processes or limits below it, not both; it stays there.
        public var adoptCgroup = false
        /// Tests only: the stage (`isolate_stage`) that fails in every slot.
        package var failStage: UInt32 = 0

        /// - Parameters:
        ///   - minimum: sandboxes kept ready; each costs four small processes. 0: made on demand.
        ///   - maximum: sandboxes at one time; further callers wait in order of arrival.
        ///   - idleTimeout: sandboxes above `minimum` that nobody took for this long are removed.
        public init(minimum: Int = 2, maximum: Int = 16, idleTimeout: Duration? = .seconds(60)) {
            pool = PoolConfiguration(minimum: minimum, maximum: maximum, idleTimeout: idleTimeout)
        }
    }

    private enum Engine {
        case none
        case starting(Task<Result<LocalEngine, SandboxError>, Never>)
        case running(LocalEngine)
        case shutDown(Task<Void, Never>)
    }

    private struct State {
        var engine = Engine.none
        var process = getpid()
    }

    public let configuration: Configuration
    public let capabilities: BackendCapabilities
    private let instance: String
    private let state = Mutex(State())
    private static let counter = Atomic<Int>(0)

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        instance = "\(HostFacts.name):\(getpid()):\(number)"
        capabilities = BackendCapabilities(
            kind: .local, rootfsModes: [.readOnly], minimumMemory: Validation.minimumMemory,
            memoryResolution: HostFacts.chargeBatch, wallTimeTolerance: .milliseconds(100),
            cpuTimeTolerance: .milliseconds(100),
            layers: Set(LocalLayers.expected(adoptCgroup: configuration.adoptCgroup)), level: .strong)
    }

    deinit {
        // Nobody can ask for sandboxes any more. A sandbox in use keeps the engine, not the backend, so wait for those.
        guard case .running(let engine) = state.withLock({ $0.engine }),
            getpid() == state.withLock({ $0.process })
        else { return }
        Task.detached {
            await engine.pool.drain()
            await engine.stop()
        }
    }

    public func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxInstance {
        do {
            try check(options)
            let (engine, lease) = try await liveLease()
            return LocalSandbox(
                engine: engine, lease: lease, options: options,
                provenance: provenance(
                    image: options.image, sandbox: "slot-\(lease.member.number).\(lease.memberID.rawValue)"))
        } catch {
            throw error.with(provenance(image: options.image, sandbox: ""))
        }
    }

    public var statistics: PoolStatistics {
        state.withLock { state in
            if case .running(let engine) = state.engine { return engine.pool.statistics }
            return PoolStatistics()
        }
    }

    public func shutdown() async {
        // A second caller waits for the same end.
        let ending = state.withLock { state -> Task<Void, Never> in
            let before = state.engine
            if case .shutDown(let ending) = before { return ending }
            let ending = Task {
                switch before {
                case .none, .shutDown: return
                case .running(let engine): await engine.stop()
                case .starting(let task):
                    if case .success(let engine) = await task.value { await engine.stop() }
                }
            }
            state.engine = .shutDown(ending)
            return ending
        }
        await ending.value
    }

    private func check(_ options: SandboxOptions) throws(SandboxError) {
        guard options.image == .host else {
            throw SandboxError(
                .imageUnavailable,
                message: "the local backend has no image \(Validation.quoted("\(options.image)"))",
                hint: "this version runs the host's own /usr: use .host, or leave --image out")
        }
        guard options.rootfs == .readOnly else {
            throw SandboxError(
                .writableRootfsUnavailable, message: "the local backend has no writable root file system",
                hint: "use .readOnly: /work, /tmp and /dev/shm can always be written to")
        }
    }

    private func provenance(image: Image, sandbox: String) -> Provenance {
        Provenance(
            kind: .local, requested: BackendKind.local.rawValue, instance: instance, sandbox: sandbox,
            image: "\(image)", hostPID: getpid())
    }

    /// The engine, if it runs. For tests.
    var engine: LocalEngine? {
        state.withLock { state in
            if case .running(let engine) = state.engine { return engine }
            return nil
        }
    }

    /// The supervisor's pid, which is started if need be. For tests.
    func supervisorPID() async throws(SandboxError) -> Int32? {
        try await runningEngine().supervisor.handle.pid
    }

    /// A prepared slot that lives. One that was killed while it waited in the pool is thrown away.
    private func liveLease() async throws(SandboxError) -> (LocalEngine, PoolLease<Slot>) {
        while true {
            let engine = try await runningEngine()
            let lease = try await engine.pool.acquire()
            if !lease.member.isClosed { return (engine, lease) }
            engine.pool.release(lease, reusable: false)
        }
    }

    /// The engine, started or started anew. Several first callers share one start.
    private func runningEngine() async throws(SandboxError) -> LocalEngine {
        while true {
            let engine = try state.withLock { state throws(SandboxError) -> Engine in
                guard state.process == getpid() else {
                    throw SandboxError(
                        .forkedEmbedder,
                        message: "this process was forked from the one that made the backend",
                        hint: "make a new LocalBackend in the child")
                }
                if case .running(let engine) = state.engine, engine.supervisor.isLost { state.engine = .none }
                if case .none = state.engine {
                    let configuration = configuration
                    state.engine = .starting(
                        Task { () -> Result<LocalEngine, SandboxError> in
                            do throws(SandboxError) {
                                return .success(try await LocalEngine.start(configuration))
                            } catch {
                                return .failure(error)
                            }
                        })
                }
                return state.engine
            }
            switch engine {
            case .running(let engine): return engine
            case .shutDown, .none:
                throw SandboxError(
                    .shutDown, message: "the backend was shut down", hint: "make a new backend")
            case .starting(let task):
                let result = await task.value
                state.withLock { state in
                    guard case .starting(task) = state.engine else { return }
                    if case .success(let engine) = result {
                        state.engine = .running(engine)
                    } else {
                        state.engine = .none
                    }
                }
                _ = try result.get()
            }
        }
    }

    /// Removes what dead owners left behind on this host.
    ///
    /// - Returns: what was removed, as paths.
    public static func cleanup() throws(SandboxError) -> [String] {
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
        return removed
    }
}

/// Facts of this host that do not change.
enum HostFacts {
    static let name: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    /// The kernel charges memory ahead, 64 pages per processor.
    static let chargeBatch = 64 * sysconf(Int32(_SC_PAGESIZE)) * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}
