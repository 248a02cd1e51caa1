/// Joins the live output of all tries of a run into one stream for its consumer.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// Stands between the consumer of a streaming run and the tries of that run.
///
/// Each try ``serve(_:)``s its output for as long as it lasts. The consumer's ``next()`` reads from the
/// present try; where that ends, it waits for another, or for ``end()``, after which no try follows.
final class StreamRelay: Sendable {
    private struct State: Sendable {
        var source: Execution.Output?
        /// Numbers the tries.
        var generation = 0
        var isOver = false
        var wasHandedOut = false
        /// How the consumer ended.
        var consumer: Result<Void, any Error>?
        /// The waiting consumer, while there is no try to read from.
        var reader: Waiter<Void>?
        /// The try that is being read from.
        var server: Waiter<Void>?
    }

    private let state = Locked(State())

    /// Claims the right to repeat the run: refused once the consumer has seen output. If granted, the present
    /// try is not read from any more.
    func claimRetry() -> Bool {
        let (isFree, server) = state.withLock { state in
            if state.wasHandedOut { return (false, Waiter<Void>?.none) }
            state.generation += 1
            state.source = nil
            defer { state.server = nil }
            return (true, state.server)
        }
        server?.resume()
        return isFree
    }

    // MARK: The consumer

    func next() async -> Execution.Chunk? {
        while let (source, generation) = await waitForSource() {
            var iterator = source.makeAsyncIterator()
            if let chunk = await iterator.next() {
                let isCurrent = state.withLock { state in
                    if state.generation == generation { state.wasHandedOut = true }
                    return state.generation == generation
                }
                if isCurrent { return chunk }
                continue
            }
            let server = state.withLock { state -> Waiter<Void>? in
                guard state.generation == generation else { return nil }
                state.source = nil
                defer { state.server = nil }
                return state.server
            }
            server?.resume()
        }
        return nil
    }

    /// - Returns: `nil` when there will be no more output.
    private func waitForSource() async -> (Execution.Output, Int)? {
        while true {
            let (source, isOver) = state.withLock { state in
                (state.source.map { ($0, state.generation) }, state.isOver)
            }
            if let source { return source }
            if isOver { return nil }
            await state.answer { state, waiter in
                if state.source != nil || state.isOver { return () }
                state.reader = waiter
                return nil
            }
        }
    }

    /// The consumer ended.
    func consumerEnded(_ end: Result<Void, any Error>) {
        let server = state.withLock { state in
            state.consumer = end
            state.isOver = true
            defer { state.server = nil }
            return state.server
        }
        server?.resume()
    }

    // MARK: The tries

    /// Serves this output until it ends, or until the consumer does; throws the consumer's error.
    func serve(_ output: Execution.Output) async throws {
        await Waiter.wait { waiter in
            let (reader, isDone) = state.withLock { state in
                if state.consumer != nil { return (Waiter<Void>?.none, true) }
                state.generation += 1
                state.source = output
                state.server = waiter
                defer { state.reader = nil }
                return (state.reader, false)
            }
            reader?.resume()
            if isDone { waiter.resume() }
        }
        try state.withLock { $0.consumer }?.get()
    }

    /// No other try will follow.
    func end() {
        let reader = state.withLock { state in
            state.isOver = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }
}
#endif
