/// Starts what a backend needs at its first use, once for each key.

import Glibc
package import SandboxAPI

/// Values that start at a caller's first request; concurrent first callers share one start. When there are
/// too many values, those that are not in use are given up, the least recently requested first.
///
/// A ``StartOnceStateMachine`` decides under a lock; the work is done outside the lock.
package final class StartOnce<Key: Hashable & Sendable, Value: AnyObject & Sendable>: Sendable {
    private typealias Start = Task<Result<Value, SandboxError>, Never>
    private typealias Machine = StartOnceStateMachine<Key, Value, Start, Task<Void, Never>>

    private let process = getpid()
    private let backend: String
    private let isUsed: @Sendable (Value) -> Bool
    private let machine = Locked(Machine(most: 8))

    /// - Parameters:
    ///   - backend: names the backend in messages.
    ///   - isUsed: whether a value is in use and must not be given up.
    package init(backend: String, isUsed: @escaping @Sendable (Value) -> Bool) {
        self.backend = backend
        self.isUsed = isUsed
    }

    /// - Throws: `.forkedEmbedder`, `.shutDown`.
    package func check() throws(SandboxError) {
        guard process == getpid() else { throw .forkedEmbedder(backend) }
        if isShutDown { throw .backendShutDown }
    }

    /// Returns the value of a key, without waiting if it is running.
    ///
    /// - Parameters:
    ///   - timeout: how long this caller waits for a start; `nil`: as long as it takes.
    ///   - isLost: whether a running value cannot be used any more.
    ///   - onShared: called, before any waiting, when this caller's `start` will not be called.
    ///   - onGivenUp: ends a value that is lost, or was given up for this one.
    ///   - start: starts the value, in a task that a shutdown cancels.
    /// - Throws: what `start` throws; `.cancelled`, as soon as the caller's task is cancelled;
    ///   `.acquireTimedOut`.
    package func value(
        _ key: Key, within timeout: Duration? = nil, isLost: (Value) -> Bool = { _ in false },
        onShared: () -> Void = {}, onGivenUp: (Value) -> Void,
        start: @escaping @Sendable () async throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        try check()
        let answer = machine.withLock { machine in
            machine.ask(key, isLost: isLost, isUsed: isUsed) { number in begin(key, number, start) }
        }
        guard let answer else { throw .backendShutDown }
        answer.givenUp.forEach(onGivenUp)
        switch answer.found {
        case .running(let value):
            onShared()
            return value
        case .starting(let start, let isNew):
            if !isNew { onShared() }
            return try await value(of: start, key, timeout)
        }
    }

    private func begin(
        _ key: Key, _ number: Int, _ start: @escaping @Sendable () async throws(SandboxError) -> Value
    ) -> Start {
        Task { [self] () -> Result<Value, SandboxError> in
            var result: Result<Value, SandboxError>
            do throws(SandboxError) { result = .success(try await start()) } catch {
                result = .failure(error)
            }
            machine.withLock { $0.started(key, number, try? result.get()) }
            return result
        }
    }

    private func value(
        of start: Start, _ key: Key, _ timeout: Duration?
    ) async throws(SandboxError) -> Value {
        switch await Awaited(start, within: timeout) {
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

    /// Returns the value of a key if it is running.
    package func running(_ key: Key) -> Value? { machine.withLock { $0.running(key) } }

    /// All running values, the least recently requested first.
    package var running: [(key: Key, value: Value)] { machine.withLock { $0.running } }

    /// Forgets a running value; the next caller gets a new one.
    ///
    /// - Returns: false when it was forgotten before.
    package func remove(_ key: Key, _ value: Value) -> Bool { machine.withLock { $0.remove(key, value) } }

    package var isShutDown: Bool { machine.withLock { $0.isShutDown } }

    /// Ends all values; a second caller waits for the same end.
    ///
    /// - Parameters:
    ///   - end: called for each value, all concurrently.
    ///   - finish: called after that.
    package func shutDown(
        _ end: @escaping @Sendable (Value) async -> Void, finish: @escaping @Sendable () async -> Void = {}
    ) async {
        let ending = machine.withLock { machine in
            machine.shutDown { running, starting in
                Task {
                    await withTaskGroup(of: Void.self) { group in
                        for value in running { group.addTask { await end(value) } }
                        for start in starting {
                            group.addTask {
                                start.cancel()
                                if case .success(let value) = await start.value { await end(value) }
                            }
                        }
                    }
                    await finish()
                }
            }
        }
        await ending.value
    }
}
