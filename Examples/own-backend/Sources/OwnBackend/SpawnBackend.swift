/// A backend that runs programs by `posix_spawn` and isolates nothing. For programs that their caller trusts.
import Foundation
import SandboxAPI
import Synchronization

extension BackendKind {
    public static let spawn = BackendKind(rawValue: "spawn")
}

extension UsageSource {
    /// The figure was not measured, and is the least possible value.
    static let notMeasured = UsageSource(rawValue: "notMeasured")
}

/// Runs programs as children of this process, each sandbox with a directory of its own in place of `/work`.
///
/// It bounds wall time and output, and nothing else. A caller has to accept that explicitly:
/// `SandboxOptions(isolation: .unconfined)`.
public final class SpawnBackend: SandboxBackend {
    private struct State {
        var isShutDown = false
        var acquired = 0
        var open: [Int: SpawnedSandbox] = [:]
    }

    private static let counter = Mutex(0)
    private let instance: String
    private let state = Mutex(State())

    public init() {
        let number = Self.counter.withLock { counter in
            counter += 1
            return counter
        }
        instance = "\(ProcessInfo.processInfo.hostName):\(getpid()):\(number)"
    }

    public var capabilities: BackendCapabilities {
        var capabilities = BackendCapabilities(
            kind: .spawn, rootfsModes: [.readOnly], minimumMemory: 1 << 20, memoryResolution: 0,
            wallTimeTolerance: .milliseconds(100), cpuTimeTolerance: .zero, layers: [], level: .unconfined)
        capabilities.enforcedLimits = [.wallTime, .output]
        capabilities.hasDiskQuota = false
        capabilities.isRootfsMemory = false
        capabilities.hasOwnEtc = false
        return capabilities
    }

    static let isolation = IsolationReport(
        level: .unconfined, layers: [], missing: IsolationLayer.allCases, cgroup: .none,
        reasons: ["this backend isolates nothing"],
        holes: [
            "the program may do whatever its caller may, leave its process group, and write to the root file system"
        ])

    public func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        do throws(SandboxError) {
            try checkOpen()
            try Self.check(options)
            let number = state.withLock { state in
                state.acquired += 1
                return state.acquired
            }
            let sandbox = try SpawnedSandbox(
                number, of: self, provenance: provenance(image: options.image, sandbox: "\(number)"))
            let isTooLate = state.withLock { state in
                if !state.isShutDown { state.open[number] = sandbox }
                return state.isShutDown
            }
            if isTooLate {
                await sandbox.close()
                try checkOpen()
            }
            return sandbox
        } catch {
            throw error.by(provenance(image: options.image, sandbox: ""))
        }
    }

    /// A request for more isolation than this backend gives is an error.
    private static func check(_ options: SandboxOptions) throws(SandboxError) {
        if options.isolation > .unconfined {
            throw SandboxError(
                .isolationUnavailable,
                message: "\(options.isolation) was asked for, and nothing is isolated here",
                hint: "accept .unconfined, or take another backend")
        }
        if options.rootfs == .writable {
            throw SandboxError(.writableRootfsUnavailable, message: "the root file system is the host's own")
        }
        if options.network == .loopback {
            throw SandboxError(.isolationUnavailable, message: "there is no network namespace")
        }
        if options.image != .host {
            throw SandboxError(
                .imageUnavailable, message: "there are no images, and so no '\(options.image)'")
        }
    }

    private func provenance(image: Image, sandbox: String) -> Provenance {
        Provenance(
            kind: .spawn, requested: BackendKind.spawn.rawValue, instance: instance, sandbox: sandbox,
            image: "\(image)", hostPID: getpid())
    }

    public var statistics: PoolStatistics {
        state.withLock { state in
            var statistics = PoolStatistics()
            statistics.inUse = state.open.count
            statistics.acquired = state.acquired
            statistics.created = state.acquired
            statistics.destroyed = state.acquired - state.open.count
            return statistics
        }
    }

    public func shutdown() async {
        let open = state.withLock { state in
            state.isShutDown = true
            return Array(state.open.values)
        }
        for sandbox in open { await sandbox.close() }
    }

    // MARK: For its sandboxes

    func checkOpen() throws(SandboxError) {
        if state.withLock({ $0.isShutDown }) {
            throw SandboxError(.shutDown, message: "the backend was shut down", hint: "make a new one")
        }
    }

    func closed(_ number: Int) {
        state.withLock { _ = $0.open.removeValue(forKey: number) }
    }
}

extension SandboxError {
    /// Adds the provenance, unless the error has one.
    func by(_ provenance: Provenance) -> SandboxError {
        var error = self
        if error.provenance == nil { error.provenance = provenance }
        return error
    }
}
