/// Checks whether an engine whose answer is due still answers anything.

#if Docker
import SandboxAPI
import SandboxRuntime

/// A slow answer may be in order: pulling an image, or starting a container on a busy host. So while a
/// request waits longer than a moment, the client pings the engine, and gives up the request only if the
/// engine does not answer the ping.
final class EngineWatch: Sendable {
    private struct State {
        var waiting: [Int: EngineExchange] = [:]
        var last = 0
        var isWatching = false
    }

    /// The time between two pings, and before the first.
    private static let pause = Duration.milliseconds(500)
    private let state = Locked(State())
    private let ask: @Sendable () async -> EngineError?

    /// - Parameter ask: sends a ping; returns an error when the engine did not answer in time.
    init(ask: @escaping @Sendable () async -> EngineError?) { self.ask = ask }

    /// Registers an exchange that waits for an answer.
    func begin(_ exchange: EngineExchange) -> Int {
        let (number, mustStart) = state.withLock { state in
            state.last += 1
            state.waiting[state.last] = exchange
            defer { state.isWatching = true }
            return (state.last, !state.isWatching)
        }
        if mustStart { Task.detached { await self.watch() } }
        return number
    }

    func end(_ number: Int) { state.withLock { $0.waiting[number] = nil } }

    private func watch() async {
        while true {
            try? await Task.sleep(for: Self.pause)
            // Exchanges that began after the ping are judged by the next one.
            let latest = state.withLock { state in
                if state.waiting.isEmpty { state.isWatching = false }
                return state.isWatching ? state.last : nil
            }
            guard let latest else { return }
            guard let silence = await ask() else { continue }
            let waiting = state.withLock { state in state.waiting.filter { $0.key <= latest } }
            for exchange in waiting.values {
                exchange.finish(.failure(exchange.error(silence.kind, silence.message)))
            }
        }
    }
}
#endif
