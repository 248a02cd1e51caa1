/// A backend that runs programs by `posix_spawn` and isolates nothing. For programs that their caller trusts.
import Foundation
import SandboxAPI
import SandboxRuntime
import Synchronization

extension BackendKind {
    public static let spawn = BackendKind(rawValue: "spawn")
}

/// Runs programs as children of this process, each sandbox with a directory of its own in place of `/work`.
///
/// It bounds wall time and output, and nothing else. A caller has to accept that explicitly:
/// `SandboxOptions(isolation: .unconfined)`.
public final class SpawnBackend: SandboxBackend {
    private struct WeakSandbox: Sendable { weak var sandbox: PlacedSandbox? }

    public let capabilities: BackendCapabilities
    let pool: Pool<WorkDirectory>
    /// The sandboxes that callers have not closed; `nil` once the backend was shut down.
    private let open = Mutex<[PoolLeaseID: WeakSandbox]?>([:])
    private let instance = "\(ProcessInfo.processInfo.hostName):\(getpid()):\(UUID())"

    /// - Parameter maximum: sandboxes at one time; further callers wait.
    public init(maximum: Int = 16) throws(SandboxError) {
        var capabilities = BackendCapabilities(
            kind: .spawn, rootfsModes: [.readOnly], minimumMemory: 1 << 20, memoryResolution: 0,
            wallTimeTolerance: .milliseconds(100), cpuTimeTolerance: .zero, layers: [], level: .unconfined)
        capabilities.enforcedLimits = [.wallTime, .output]
        capabilities.hasDiskQuota = false
        capabilities.isRootfsMemory = false
        capabilities.hasOwnEtc = false
        self.capabilities = capabilities
        pool = try Pool(
            configuration: PoolConfiguration(minimum: 1, maximum: maximum),
            create: { _ throws(SandboxError) in try WorkDirectory() },
            destroy: { directory in directory.remove() })
    }

    private static let isolation = IsolationReport(
        level: .unconfined, layers: [], missing: IsolationLayer.allCases, cgroup: .none,
        reasons: ["this backend isolates nothing"],
        holes: [
            "the program may do whatever its caller may, leave its process group, and write to the root file system"
        ])

    public func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        do throws(SandboxError) {
            try Self.check(options)
            let lease = try await pool.acquire()
            let sandbox = PlacedSandbox(
                SpawnPlace(backend: self, lease: lease), isolation: Self.isolation,
                provenance: provenance(options, sandbox: "\(lease.id.serial)"))
            let isOpen = open.withLock { open in
                open?[lease.id] = WeakSandbox(sandbox: sandbox)
                return open != nil
            }
            if isOpen { return sandbox }
            await sandbox.close()
            throw SandboxError.backendShutDown
        } catch {
            throw error.with(provenance(options, sandbox: ""))
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
        if !options.bindMounts.isEmpty {
            throw SandboxError(.isolationUnavailable, message: "there is no mount namespace for bind mounts")
        }
        if options.image != .host {
            throw SandboxError(
                .imageUnavailable, message: "there are no images, and so no '\(options.image)'")
        }
    }

    private func provenance(_ options: SandboxOptions, sandbox: String) -> Provenance {
        Provenance(
            kind: .spawn, requested: BackendKind.spawn.rawValue, instance: instance, sandbox: sandbox,
            image: "\(options.image)", hostPID: getpid())
    }

    /// A sandbox was closed. Its directory is not used again.
    func takeBack(_ lease: PoolLease<WorkDirectory>) {
        open.withLock { _ = $0?.removeValue(forKey: lease.id) }
        pool.release(lease, reusable: false)
    }

    public var statistics: PoolStatistics { pool.statistics }

    public var poolDetails: PoolDetails { pool.details }

    public func shutdown() async {
        pool.refuse()
        let left = open.withLock { open in
            defer { open = nil }
            return open?.values.compactMap(\.sandbox) ?? []
        }
        for sandbox in left { await sandbox.close() }
        await pool.drain()
    }
}
