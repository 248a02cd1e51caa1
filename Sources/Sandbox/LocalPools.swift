/// The pools of a backend: one for each image, root file system mode and network, started with its first sandbox.

import SandboxAPI
import SandboxImages
import SandboxRuntime

final class LocalPools: Sendable {
    private let configuration: LocalBackend.Configuration
    private let images: ImageStore
    private let pools = StartOnce<LocalPoolKey, LocalPool>(backend: "LocalBackend") { pool in
        pool.slots.statistics.inUse > 0
    }
    private let former = FormerPools<LocalPool> { $0.details }

    init(_ configuration: LocalBackend.Configuration) {
        self.configuration = configuration
        images = ImageStore(onProgress: configuration.onProgress)
    }

    var isShutDown: Bool { pools.isShutDown }

    /// Returns the pool of a key if it is running.
    func running(_ key: LocalPoolKey) -> LocalPool? { pools.running(key) }

    /// Returns the pool for these options and starts it if it is not running. Concurrent callers share one
    /// start.
    func running(_ options: SandboxOptions) async throws(SandboxError) -> LocalPool {
        try pools.check()
        try Validation.check(options.bindMounts)
        try configuration.validate()
        // Returns immediately, except for an archive that is new or was replaced.
        let prepared = try await images.prepare(options.image)
        let key = LocalPoolKey(
            image: options.image, digest: prepared.digest, rootfs: options.rootfs, network: options.network,
            bindMounts: options.bindMounts,
            directories: options.bindMounts.compactMap { DirectoryIdentity($0.source) })
        let configuration = configuration
        return try await pools.value(
            key, within: configuration.pool.acquireTimeout, isLost: { $0.supervisor.isLost },
            onShared: { prepared.hold.release() },
            onGivenUp: { giveUp($0) },
            start: { () async throws(SandboxError) -> LocalPool in
                try await LocalPool.start(key, prepared, configuration)
            })
    }

    /// Ends a pool that is lost or idle beyond the maximum, and keeps its counts for the statistics.
    private func giveUp(_ pool: LocalPool) {
        // A caller may have taken a sandbox of it at this moment: it keeps that until it closes it.
        former.end(pool) { pool in
            await pool.slots.drain()
            await pool.stop()
        }
    }

    /// The statistics of all pools together.
    var statistics: PoolStatistics {
        pools.running.map(\.value.slots.statistics).reduce(former.total.statistics, +)
    }

    /// The details of all pools together.
    var poolDetails: PoolDetails {
        pools.running.map(\.value.details).reduce(former.total, +)
    }

    /// Ends all pools; a second caller waits for the same end.
    func shutDown() async {
        await pools.shutDown {
            await $0.stop()
        } finish: { [self] in
            for pool in former.ending { await pool.stop() }
        }
    }

    /// Makes each pool end when its last sandbox is closed. The backend calls this when it is released, after
    /// which no caller can acquire.
    func abandon() {
        // Does nothing in a forked child or after a shutdown.
        guard (try? pools.check()) != nil else { return }
        for (_, pool) in pools.running {
            Task.detached {
                await pool.slots.drain()
                await pool.stop()
            }
        }
    }
}
