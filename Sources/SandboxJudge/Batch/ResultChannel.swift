/// Hands the results of a batch to its consumer, at most so many ahead of it.

#if Judge
import SandboxRuntime

/// One sender (the batch), one receiver (the iterator). The sender waits while the receiver is behind by `capacity`.
final class ResultChannel: Sendable {
    private struct State: Sendable {
        var results: [TestResult] = []
        var sender: Waiter<Bool>?
        var receiver: Waiter<Void>?
        /// How the batch ended; no result comes after it.
        var end: Result<Void, SandboxError>?
        var isClosed = false
    }

    private let capacity: Int
    private let state = Locked(State())

    init(capacity: Int) { self.capacity = capacity }

    /// Returns false when nobody receives any more.
    func send(_ result: TestResult) async -> Bool {
        let receiver = state.withLock { state -> Waiter<Void>? in
            state.results.append(result)
            return state.receiver.take()
        }
        receiver?.resume()
        return await state.answer { state, waiter -> Bool? in
            if state.isClosed { return false }
            if state.results.count < capacity { return true }
            state.sender = waiter
            return nil
        }
    }

    /// The batch has ended, and all of it is gone.
    func finish(_ end: Result<Void, SandboxError>) {
        let receiver = state.withLock { state -> Waiter<Void>? in
            state.end = end
            return state.receiver.take()
        }
        receiver?.resume()
    }

    /// The next result; `nil` at the end of the batch. For one receiver.
    func next() async throws(SandboxError) -> TestResult? {
        await state.answer { state, waiter -> Void? in
            if !state.results.isEmpty || state.end != nil { return () }
            state.receiver = waiter
            return nil
        }
        let (result, end, sender) = state.withLock { state in
            let result = state.results.isEmpty ? nil : state.results.removeFirst()
            return (result, state.end, state.sender.take())
        }
        sender?.resume(returning: true)
        if let result { return result }
        try end?.get()
        return nil
    }

    /// Nobody receives any more: the sender need not wait, and what is not received is dropped.
    func close() {
        let sender = state.withLock { state -> Waiter<Bool>? in
            state.isClosed = true
            return state.sender.take()
        }
        sender?.resume(returning: false)
    }
}
#endif
