/// The live output of a run that may be repeated, as its consumer sees it: one stream, whoever produces it.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// Stands between the consumer of a streaming run and the tries of that run.
///
/// Each try ``serve(_:)``s its output for as long as it lasts. The consumer's ``next()`` reads from the try at
/// hand; where one ends it waits for another, or for ``end()``, which says that there will be none.
final class StreamRelay: Sendable {
    private struct State: Sendable {
        var source: Execution.Output?
        /// Tells the tries apart.
        var generation = 0
        var isOver = false
        var wasHandedOut = false
        /// How the consumer ended.
        var consumer: Result<Void, any Error>?
        /// The consumer, while there is nothing to read from.
        var reader: Waiter<Void>?
        /// The try that is being read from.
        var server: Waiter<Void>?
    }

    private let state = Locked(State())

    /// Whether the run may be repeated: not once the consumer has seen output. If so the try at hand is not
    /// read from any more.
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

    /// - Returns: `nil` when nothing more will come.
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

    /// The consumer wants no more.
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

    /// Has this output read until it ends, or until the consumer does; throws what the consumer threw.
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
