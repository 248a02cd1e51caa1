/// What the local backend can promise on this host, found by trials.

import Glibc
import SandboxAPI
import SandboxRuntime

/// Runs trials on this host. The host does not change while a process lives, so each trial runs once per
/// process.
final class LocalHost: Sendable {
    /// What a trial does: starts a supervisor, makes a cell of this kind, and ends both.
    struct Question: Hashable, Sendable {
        var avoid: UInt32 = 0
        var adoptCgroup = false
        var isWritable = false
    }

    /// The result of a trial: a world, or the reason why there is none.
    typealias Trial = Result<LocalWorld, SandboxError>

    /// The trials of this process.
    static let ofProcess = LocalHost(perform: LocalHost.perform)

    private let trials = Locked<[Question: Task<Trial, Never>]>([:])
    private let perform: @Sendable (Question) async -> Trial

    /// - Parameter perform: runs a trial; tests replace it to count trials and to delay them.
    init(perform: @escaping @Sendable (Question) async -> Trial) { self.perform = perform }

    /// Returns the result of a trial, which takes some 10 ms the first time. Concurrent callers share one
    /// trial. It is a task of its own, so it goes on when a caller's task is cancelled.
    func trial(_ question: Question) async -> Trial {
        let task = trials.withLock { trials in
            if let known = trials[question] { return known }
            let task = Task.detached { [self] in
                let trial = await perform(question)
                // A shortage is temporary, so the next caller starts a new trial.
                self.trials.withLock { if trial.isShortage { $0[question] = nil } }
                return trial
            }
            trials[question] = task
            return task
        }
        let trial = await task.value
        trials.follow()
        return trial
    }

    /// Starts the supervisor on a thread of its own, as an acquire does, so that no thread of the task
    /// executor blocks.
    @Sendable static func perform(_ question: Question) async -> Trial {
        let setup = Supervisor.Setup(
            isWritable: question.isWritable, adoptCgroup: question.adoptCgroup, avoid: question.avoid)
        do throws(SandboxError) {
            let supervisor = try await Supervisor.start(setup, LocalBackend.Configuration().patience)
            let world = supervisor.world
            await supervisor.stop()
            return .success(world)
        } catch {
            return .failure(error)
        }
    }

    func capabilities(avoid: UInt32, adoptCgroup: Bool) async -> BackendCapabilities {
        let world = await trial(Question(avoid: avoid, adoptCgroup: adoptCgroup)).world
        let writable = Question(avoid: avoid, adoptCgroup: adoptCgroup, isWritable: true)
        let isWritable = await trial(writable).world != nil
        let isSampled = world?.cgroup == CgroupVersion.none
        var capabilities = BackendCapabilities(
            kind: .local, rootfsModes: isWritable ? [.readOnly, .writable] : [.readOnly],
            minimumMemory: LimitDescription.leastMemory,
            memoryResolution: isSampled ? HostFacts.sampledMemory : HostFacts.chargeBatch,
            wallTimeTolerance: .milliseconds(100), cpuTimeTolerance: .milliseconds(100),
            layers: Set(world?.layers ?? []), level: world?.level ?? .minimal)
        // Level minimal has no file systems of its own, so it has no disk quota.
        capabilities.hasDiskQuota = capabilities.layers.contains(.rootfs)
        capabilities.hasBindMounts = capabilities.layers.contains(.rootfs)
        return capabilities
    }
}

extension LocalHost.Trial {
    var world: LocalWorld? { try? get() }

    /// True when the trial failed because the process or the host was short of a resource, which says nothing
    /// about the host's capabilities.
    var isShortage: Bool {
        guard case .failure(let error) = self else { return false }
        return [EMFILE, ENFILE, ENOMEM, EAGAIN, ETIMEDOUT].contains(error.errno)
    }
}
