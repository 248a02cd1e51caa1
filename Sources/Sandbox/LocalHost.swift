/// What the local backend can promise on this host, found by doing.

import Glibc
import SandboxAPI
import SandboxRuntime

/// Trials of this host. The host does not change while a process lives, so each is made once, whoever asks.
final class LocalHost: Sendable {
    /// What is tried: a supervisor starts, makes a cell of this kind, and ends.
    struct Question: Hashable, Sendable {
        var avoid: UInt32 = 0
        var adoptCgroup = false
        var isWritable = false
    }

    /// What a trial found: a world, or why there is none.
    typealias Trial = Result<LocalWorld, SandboxError>

    /// The trials of this process.
    static let ofProcess = LocalHost(perform: LocalHost.perform)

    private let trials = Locked<[Question: Task<Trial, Never>]>([:])
    private let perform: @Sendable (Question) async -> Trial

    /// - Parameter perform: makes a trial; tests count them, and hold them up.
    init(perform: @escaping @Sendable (Question) async -> Trial) { self.perform = perform }

    /// What the trial finds, which takes some 10 ms, or what it found. Callers of the same time share one trial, which is a
    /// task of its own: it goes on when a caller's task is cancelled.
    func trial(_ question: Question) async -> Trial {
        let task = trials.withLock { trials in
            if let known = trials[question] { return known }
            let task = Task.detached { [self] in
                let trial = await perform(question)
                // A shortage passes, so the next caller tries again.
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

    /// The supervisor starts on a thread of its own, as it does for an acquire, and not on one that tasks run on.
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
        // Level minimal has no places of its own.
        capabilities.hasDiskQuota = capabilities.layers.contains(.rootfs)
        return capabilities
    }
}

extension LocalHost.Trial {
    var world: LocalWorld? { try? get() }

    /// The host was not asked: this process, or the host, was short of something.
    var isShortage: Bool {
        guard case .failure(let error) = self else { return false }
        return [EMFILE, ENFILE, ENOMEM, EAGAIN, ETIMEDOUT].contains(error.errno)
    }
}
