/// The engines of a backend: one for each image and root file system mode, started with its first sandbox.

import Glibc
import Synchronization

final class LocalEngines: Sendable {
    private enum Engine {
        case starting(Task<Result<LocalEngine, SandboxError>, Never>)
        case running(LocalEngine)
    }

    private struct State {
        var engines: [EngineKey: Engine] = [:]
        /// Of the running ones, the one used longest ago first.
        var order: [EngineKey] = []
        var process = getpid()
        var ending: Task<Void, Never>?
    }

    /// Above it, the engine that was used longest ago and has no sandbox in use is stopped.
    private static let most = 8

    private let configuration: LocalBackend.Configuration
    private let images = ImageStore()
    private let state = Mutex(State())

    init(_ configuration: LocalBackend.Configuration) { self.configuration = configuration }

    /// The engine if it runs.
    func running(_ key: EngineKey) -> LocalEngine? {
        state.withLock { state in
            if case .running(let engine)? = state.engines[key] { return engine }
            return nil
        }
    }

    /// The engine, started or started anew. Several first callers share one start.
    func running(_ image: Image, _ rootfs: Rootfs) async throws(SandboxError) -> LocalEngine {
        try state.withLock { state throws(SandboxError) in try Self.check(state) }
        // At once for all but an archive that is new or was replaced.
        let prepared = try await images.prepare(image)
        let key = EngineKey(image: image, digest: prepared.digest, rootfs: rootfs)
        return try await running(key, prepared)
    }

    private func running(_ key: EngineKey, _ image: PreparedImage) async throws(SandboxError) -> LocalEngine {
        let (engine, idle) = try state.withLock { state throws(SandboxError) -> (Engine, [LocalEngine]) in
            try Self.check(state)
            if case .running(let engine)? = state.engines[key], engine.supervisor.isLost {
                state.engines[key] = nil
            }
            let idle = state.engines[key] == nil ? Self.removeIdle(&state) : []
            state.order.removeAll { $0 == key }
            state.order.append(key)
            if let engine = state.engines[key] {
                image.hold.release()
                return (engine, idle)
            }
            let configuration = configuration
            let engine = Engine.starting(
                Task { () -> Result<LocalEngine, SandboxError> in
                    do throws(SandboxError) {
                        return .success(try await LocalEngine.start(key, image, configuration))
                    } catch {
                        return .failure(error)
                    }
                })
            state.engines[key] = engine
            return (engine, idle)
        }
        for engine in idle { await engine.stop() }
        switch engine {
        case .running(let engine): return engine
        case .starting(let task):
            let result = await task.value
            state.withLock { state in
                guard case .starting(task)? = state.engines[key] else { return }
                state.engines[key] = (try? result.get()).map(Engine.running)
            }
            return try result.get()
        }
    }

    private static func check(_ state: State) throws(SandboxError) {
        guard state.process == getpid() else {
            throw SandboxError(
                .forkedEmbedder, message: "this process was forked from the one that made the backend",
                hint: "make a new LocalBackend in the child")
        }
        guard state.ending == nil else {
            throw SandboxError(.shutDown, message: "the backend was shut down", hint: "make a new backend")
        }
    }

    private static func removeIdle(_ state: inout State) -> [LocalEngine] {
        var removed: [LocalEngine] = []
        for key in state.order where state.engines.count >= most {
            guard case .running(let engine)? = state.engines[key], engine.pool.statistics.inUse == 0 else {
                continue
            }
            state.engines[key] = nil
            removed.append(engine)
        }
        state.order.removeAll { state.engines[$0] == nil }
        return removed
    }

    /// Of all engines together.
    var statistics: PoolStatistics {
        running.map(\.value.pool.statistics).reduce(PoolStatistics(), +)
    }

    /// Of all engines together.
    var poolDetails: PoolDetails {
        running.map { key, engine in engine.pool.details.named("\(key.image), \(key.rootfs.rawValue)") }
            .reduce(PoolDetails(), +)
    }

    private var running: [(key: EngineKey, value: LocalEngine)] {
        state.withLock { state in
            state.order.compactMap { key in
                if case .running(let engine)? = state.engines[key] { return (key, engine) }
                return nil
            }
        }
    }

    /// Ends everything; a second caller waits for the same end.
    func shutDown() async {
        let ending = state.withLock { state -> Task<Void, Never> in
            if let ending = state.ending { return ending }
            let engines = Array(state.engines.values)
            let ending = Task {
                for engine in engines {
                    switch engine {
                    case .running(let engine): await engine.stop()
                    case .starting(let task):
                        if case .success(let engine) = await task.value { await engine.stop() }
                    }
                }
            }
            state.engines = [:]
            state.ending = ending
            return ending
        }
        await ending.value
    }

    /// Nobody will ask again: each engine ends when its last sandbox is closed.
    func abandon() {
        let engines = state.withLock { state -> [LocalEngine] in
            guard state.process == getpid(), state.ending == nil else { return [] }
            return state.engines.values.compactMap { engine in
                if case .running(let engine) = engine { return engine }
                return nil
            }
        }
        for engine in engines {
            Task.detached {
                await engine.pool.drain()
                await engine.stop()
            }
        }
    }
}
