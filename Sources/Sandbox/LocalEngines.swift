/// The engines of a backend: one for each image, root file system mode and network, started with its first sandbox.

import SandboxAPI
import SandboxImages
import SandboxRuntime

final class LocalEngines: Sendable {
    private let configuration: LocalBackend.Configuration
    private let images = ImageStore()
    private let engines = StartOnce<EngineKey, LocalEngine>(backend: "LocalBackend") { engine in
        engine.pool.statistics.inUse > 0
    }
    private let former = FormerPools<LocalEngine> { $0.details }

    init(_ configuration: LocalBackend.Configuration) { self.configuration = configuration }

    /// The engine if it runs.
    func running(_ key: EngineKey) -> LocalEngine? { engines.running(key) }

    /// The engine, started or started anew. Several first callers share one start.
    func running(_ options: SandboxOptions) async throws(SandboxError) -> LocalEngine {
        try engines.check()
        try configuration.validate()
        // At once for all but an archive that is new or was replaced.
        let prepared = try await images.prepare(options.image)
        let key = EngineKey(
            image: options.image, digest: prepared.digest, rootfs: options.rootfs, network: options.network)
        let configuration = configuration
        return try await engines.value(
            key, within: configuration.pool.acquireTimeout, isLost: { $0.supervisor.isLost },
            onShared: { prepared.hold.release() },
            onGivenUp: { giveUp($0) },
            start: { () async throws(SandboxError) -> LocalEngine in
                try await LocalEngine.start(key, prepared, configuration)
            })
    }

    /// Lost, or one too many: it serves nobody any more, and what it counted stays counted.
    private func giveUp(_ engine: LocalEngine) {
        former.end(engine) { engine in
            await engine.stop()
            await engine.pool.drain()
        }
    }

    /// Of all engines together.
    var statistics: PoolStatistics {
        engines.running.map(\.value.pool.statistics).reduce(former.total.statistics, +)
    }

    /// Of all engines together.
    var poolDetails: PoolDetails {
        engines.running.map(\.value.details).reduce(former.total, +)
    }

    /// Ends everything; a second caller waits for the same end.
    func shutDown() async {
        await engines.shutDown {
            await $0.stop()
        } finish: { [self] in
            for engine in former.ending { await engine.stop() }
        }
    }

    /// Nobody will ask again: each engine ends when its last sandbox is closed.
    func abandon() {
        // Not in a forked child, nor after a shut-down.
        guard (try? engines.check()) != nil else { return }
        for (_, engine) in engines.running {
            Task.detached {
                await engine.pool.drain()
                await engine.stop()
            }
        }
    }
}
