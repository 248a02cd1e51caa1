/// What a backend starts with its first use, one for each key.

import Glibc
package import SandboxAPI

/// Values that are started when somebody asks for them; several first callers share one start. When there are too many, those
/// that nobody uses go, the one asked for longest ago first.
package final class StartOnce<Key: Hashable & Sendable, Value: AnyObject & Sendable>: Sendable {
    private enum Entry {
        /// With a number of its own.
        case starting(Task<Result<Value, SandboxError>, Never>, Int)
        case running(Value)
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        /// The one asked for longest ago first.
        var order: [Key] = []
        var ending: Task<Void, Never>?
        var lastStart = 0
    }

    private let most = 8
    private let process = getpid()
    private let backend: String
    private let isUsed: @Sendable (Value) -> Bool
    private let state = Locked(State())

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
    ///   - timeout: how long this caller waits for a start; nil: for as long as it takes.
    ///   - isLost: whether one that runs is of no use any more.
    ///   - onShared: called when `start` is not, before anything is waited for.
    ///   - onGivenUp: ends one that is lost, or was given up for this one.
    ///   - start: its task is cancelled by a shut-down.
    /// - Throws: what `start` throws; `.cancelled`, as soon as the caller's task is; `.acquireTimedOut`.
    package func value(
        _ key: Key, within timeout: Duration? = nil, isLost: (Value) -> Bool = { _ in false },
        onShared: () -> Void = {}, onGivenUp: (Value) -> Void,
        start: @escaping @Sendable () async throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        let (entry, givenUp) = try state.withLock { state throws(SandboxError) -> (Entry, [Value]) in
            try check(state)
            var givenUp: [Value] = []
            if case .running(let value)? = state.entries[key], isLost(value) {
                state.entries[key] = nil
                givenUp.append(value)
            }
            if state.entries[key] == nil { givenUp += removeIdle(&state) }
            if state.order.last != key {
                state.order.removeAll { $0 == key }
                state.order.append(key)
            }
            if let entry = state.entries[key] {
                onShared()
                return (entry, givenUp)
            }
            state.lastStart += 1
            let number = state.lastStart
            let entry = Entry.starting(
                Task { [self] () -> Result<Value, SandboxError> in
                    var result: Result<Value, SandboxError>
                    do throws(SandboxError) { result = .success(try await start()) } catch {
                        result = .failure(error)
                    }
                    started(key, number, result)
                    return result
                }, number)
            state.entries[key] = entry
            return (entry, givenUp)
        }
        givenUp.forEach(onGivenUp)
        switch entry {
        case .running(let value): return value
        case .starting(let task, _):
            return try await value(of: task, key, timeout)
        }
    }

    private func value(
        of task: Task<Result<Value, SandboxError>, Never>, _ key: Key, _ timeout: Duration?
    ) async throws(SandboxError) -> Value {
        switch await Awaited(task, within: timeout) {
        case .value(let result):
            return try result.get()
        case .cancelled:
            throw SandboxError(.cancelled, message: "the task was cancelled before \(backend) had started")
        case .timedOut:
            throw SandboxError(
                .acquireTimedOut, stage: "start",
                message: "\(backend) did not start for \(key) within \(timeout.map { "\($0)" } ?? "")",
                hint: "try again later, or raise the pool's acquireTimeout")
        }
    }

    /// A start is over, whether or not anybody still waits for it.
    private func started(
        _ key: Key, _ number: Int, _ result: Result<Value, SandboxError>
    ) {
        state.withLock { state in
            guard case .starting(_, number)? = state.entries[key] else { return }
            state.entries[key] = (try? result.get()).map(Entry.running)
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
                            case .starting(let task, _):
                                task.cancel()
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
