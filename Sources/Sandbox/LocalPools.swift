/// The pools of a backend: one for each image, root file system mode and network, started with its first sandbox.

import SandboxAPI
import SandboxImages
import SandboxRuntime

final class LocalPools: Sendable {
    private let configuration: LocalBackend.Configuration
    private let images = ImageStore()
    private let pools = StartOnce<LocalPoolKey, LocalPool>(backend: "LocalBackend") { pool in
        pool.slots.statistics.inUse > 0
    }
    private let former = FormerPools<LocalPool> { $0.details }

    init(_ configuration: LocalBackend.Configuration) { self.configuration = configuration }

    /// The pool if it runs.
    func running(_ key: LocalPoolKey) -> LocalPool? { pools.running(key) }

    /// The pool, started or started anew. Several first callers share one start.
    func running(_ options: SandboxOptions) async throws(SandboxError) -> LocalPool {
        try pools.check()
        try configuration.validate()
        // At once for all but an archive that is new or was replaced.
        let prepared = try await images.prepare(options.image)
        let key = LocalPoolKey(
            image: options.image, digest: prepared.digest, rootfs: options.rootfs, network: options.network)
        let configuration = configuration
        return try await pools.value(
            key, within: configuration.pool.acquireTimeout, isLost: { $0.supervisor.isLost },
            onShared: { prepared.hold.release() },
            onGivenUp: { giveUp($0) },
            start: { () async throws(SandboxError) -> LocalPool in
                try await LocalPool.start(key, prepared, configuration)
            })
    }

    /// Lost, or one too many: it serves nobody any more, and what it counted stays counted.
    private func giveUp(_ pool: LocalPool) {
        former.end(pool) { pool in
            await pool.stop()
            await pool.slots.drain()
        }
    }

    /// Of all pools together.
    var statistics: PoolStatistics {
        pools.running.map(\.value.slots.statistics).reduce(former.total.statistics, +)
    }

    /// Of all pools together.
    var poolDetails: PoolDetails {
        pools.running.map(\.value.details).reduce(former.total, +)
    }

    /// Ends everything; a second caller waits for the same end.
    func shutDown() async {
        await pools.shutDown {
            await $0.stop()
        } finish: { [self] in
            for pool in former.ending { await pool.stop() }
        }
    }

    /// Nobody will ask again: each pool ends when its last sandbox is closed.
    func abandon() {
        // Not in a forked child, nor after a shut-down.
        guard (try? pools.check()) != nil else { return }
        for (_, pool) in pools.running {
            Task.detached {
                await pool.slots.drain()
                await pool.stop()
            }
        }
    }
}
