/// What the local backend can promise on this host, found by doing.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// Trials of this host. The host does not change while a process lives, so each is made once.
enum LocalHost {
    /// What a trial found: a world, or the step that failed.
    enum Trial: Sendable {
        case success(LocalWorld)
        case failure(isolate_failure)

        /// The host was not asked: this process, or the host, was short of something.
        var isShortage: Bool {
            guard case .failure(let failure) = self else { return false }
            return [EMFILE, ENFILE, ENOMEM, EAGAIN, ETIMEDOUT].contains(failure.errno_value)
        }

        var world: LocalWorld? {
            if case .success(let world) = self { return world }
            return nil
        }
    }

    private struct Question: Hashable {
        var avoid: UInt32
        var adoptCgroup: Bool
        var isWritable: Bool
    }

    private static let answers = Locked<[Question: Trial]>([:])

    /// Starts a supervisor, makes a cell, and ends both. Blocks for some 10 ms when it is asked for the first time.
    static func trial(avoid: UInt32 = 0, adoptCgroup: Bool = false, isWritable: Bool = false) -> Trial {
        let question = Question(avoid: avoid, adoptCgroup: adoptCgroup, isWritable: isWritable)
        return answers.withLock { answers in
            if let known = answers[question] { return known }
            let answer = make(question)
            // Of a shortage that passes nothing is to be remembered.
            if !answer.isShortage { answers[question] = answer }
            return answer
        }
    }

    private static func make(_ question: Question) -> Trial {
        var handle = isolate_supervisor()
        var failure = isolate_failure()
        let setup = Supervisor.Setup(
            isWritable: question.isWritable, adoptCgroup: question.adoptCgroup, avoid: question.avoid)
        guard setup.start(&handle, &failure) == 0 else { return .failure(failure) }
        let world = LocalWorld(handle)
        isolate_supervisor_stop(&handle)
        return .success(world)
    }

    static func capabilities(avoid: UInt32, adoptCgroup: Bool) -> BackendCapabilities {
        let world = trial(avoid: avoid, adoptCgroup: adoptCgroup).world
        let isWritable = trial(avoid: avoid, adoptCgroup: adoptCgroup, isWritable: true).world != nil
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
