/// What a backend starts with its first use, one for each key.

import Glibc
import Synchronization

/// Values that are started when somebody asks for them; several first callers share one start. When there are too many, those
/// that nobody uses go, the one asked for longest ago first.
package final class StartOnce<Key: Hashable & Sendable, Value: AnyObject & Sendable>: Sendable {
    private enum Entry {
        case starting(Task<Result<Value, SandboxError>, Never>)
        case running(Value)
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        /// The one asked for longest ago first.
        var order: [Key] = []
        var ending: Task<Void, Never>?
    }

    private let most = 8
    private let process = getpid()
    private let backend: String
    private let isUsed: @Sendable (Value) -> Bool
    private let state = Mutex(State())

    /// - Parameters:
    ///   - backend: for messages.
    ///   - isUsed: whether a value may not be given up.
    package init(backend: String, isUsed: @escaping @Sendable (Value) -> Bool) {
        self.backend = backend
        self.isUsed = isUsed
    }

    /// - Throws: `.forkedEmbedder`, `.shutDown`.
    package func check() throws(SandboxError) {
        try state.withLock { state throws(SandboxError) in try check(state) }
    }

    private func check(_ state: State) throws(SandboxError) {
        guard process == getpid() else { throw .forkedEmbedder(backend) }
        guard state.ending == nil else { throw .backendShutDown }
    }

    /// The value of a key; at once when it runs.
    ///
    /// - Parameters:
    ///   - isLost: whether one that runs is of no use any more; it is forgotten.
    ///   - onShared: called when `start` is not, before anything is waited for.
    ///   - onIdle: ends one that was given up for this one.
    package func value(
        _ key: Key, isLost: (Value) -> Bool = { _ in false }, onShared: () -> Void = {},
        onIdle: (Value) async -> Void, start: @escaping @Sendable () async throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        let (entry, idle) = try state.withLock { state throws(SandboxError) -> (Entry, [Value]) in
            try check(state)
            if case .running(let value)? = state.entries[key], isLost(value) { state.entries[key] = nil }
            let idle = state.entries[key] == nil ? removeIdle(&state) : []
            if state.order.last != key {
                state.order.removeAll { $0 == key }
                state.order.append(key)
            }
            if let entry = state.entries[key] {
                onShared()
                return (entry, idle)
            }
            let entry = Entry.starting(
                Task { () -> Result<Value, SandboxError> in
                    do throws(SandboxError) { return .success(try await start()) } catch {
                        return .failure(error)
                    }
                })
            state.entries[key] = entry
            return (entry, idle)
        }
        for value in idle { await onIdle(value) }
        switch entry {
        case .running(let value): return value
        case .starting(let task):
            let result = await task.value
            state.withLock { state in
                guard case .starting(task)? = state.entries[key] else { return }
                state.entries[key] = (try? result.get()).map(Entry.running)
            }
            return try result.get()
        }
    }

    private func removeIdle(_ state: inout State) -> [Value] {
        var removed: [Value] = []
        for key in state.order where state.entries.count >= most {
            guard case .running(let value)? = state.entries[key], !isUsed(value) else { continue }
            state.entries[key] = nil
            removed.append(value)
        }
        state.order.removeAll { state.entries[$0] == nil }
        return removed
    }

    /// The value of a key if it runs.
    package func running(_ key: Key) -> Value? {
        state.withLock { state in
            if case .running(let value)? = state.entries[key] { return value }
            return nil
        }
    }

    /// All that run, the one asked for longest ago first.
    package var running: [(key: Key, value: Value)] {
        state.withLock { state in
            state.order.compactMap { key in
                if case .running(let value)? = state.entries[key] { return (key, value) }
                return nil
            }
        }
    }

    /// Forgets one that runs; the next caller gets a new one.
    ///
    /// - Returns: false when it was forgotten before.
    package func remove(_ key: Key, _ value: Value) -> Bool {
        state.withLock { state in
            guard case .running(let known)? = state.entries[key], known === value else { return false }
            state.entries[key] = nil
            state.order.removeAll { $0 == key }
            return true
        }
    }

    package var isShutDown: Bool { state.withLock { $0.ending != nil } }

    /// Ends everything; a second caller waits for the same end.
    ///
    /// - Parameters:
    ///   - end: called for each value, all at a time.
    ///   - finish: called after that.
    package func shutDown(
        _ end: @escaping @Sendable (Value) async -> Void, finish: @escaping @Sendable () async -> Void = {}
    ) async {
        let ending = state.withLock { state -> Task<Void, Never> in
            if let ending = state.ending { return ending }
            let entries = Array(state.entries.values)
            let ending = Task {
                await withTaskGroup(of: Void.self) { group in
                    for entry in entries {
                        group.addTask {
                            switch entry {
                            case .running(let value): await end(value)
                            case .starting(let task):
                                if case .success(let value) = await task.value { await end(value) }
                            }
                        }
                    }
                }
                await finish()
            }
            state.entries = [:]
            state.ending = ending
            return ending
        }
        await ending.value
    }
}
