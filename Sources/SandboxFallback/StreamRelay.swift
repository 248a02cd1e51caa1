/// Joins the live output of all tries of a run into one stream for its consumer.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// Stands between the consumer of a streaming run and the tries of that run.
///
/// Each try ``serve(_:)``s its output for as long as it lasts. The consumer's ``next()`` reads from the
/// present try; where that ends, it waits for another, or for ``end()``, after which no try follows. A
/// ``StreamRelayStateMachine`` decides who reads from which.
final class StreamRelay: Sendable {
    private typealias Read = StreamRelayRead<Execution.Output>
    private typealias Machine = StreamRelayStateMachine<Execution.Output, Waiter<Read>, Waiter<Void>>

    private let machine = Locked(Machine())

    /// Claims the right to repeat the run. Refused once the consumer has seen output; if granted, the
    /// consumer reads no more from the present try.
    func claimRetry() -> Bool {
        guard case .granted(let server) = machine.withLock({ $0.claimRetry() }) else { return false }
        server?.resume()
        return true
    }

    // MARK: The consumer

    func next() async -> Execution.Chunk? {
        while case .from(let source, let number) = await read() {
            var iterator = source.makeAsyncIterator()
            if let chunk = await iterator.next() {
                if machine.withLock({ $0.handOut(of: number) }) { return chunk }
            } else {
                machine.withLock { $0.sourceEnded(number) }?.resume()
            }
        }
        return nil
    }

    private func read() async -> Read { await machine.answer { machine, waiter in machine.read(waiter) } }

    /// Ends the relay with the result of the consumer.
    func consumerEnded(_ end: Result<Void, any Error>) {
        machine.withLock { $0.consumerEnded(end) }?.resume()
    }

    // MARK: The tries

    /// Serves this output until it ends, or until the consumer does; throws the consumer's error.
    func serve(_ output: Execution.Output) async throws {
        await Waiter.wait { waiter in
            switch machine.withLock({ $0.serve(output, waiter) }) {
            case .begun(let reader, let read): reader?.resume(returning: read)
            case .consumerEnded: waiter.resume()
            }
        }
        try machine.withLock { $0.consumerEnd }?.get()
    }

    /// Ends the relay: no other try will follow.
    func end() { machine.withLock { $0.end() }?.resume(returning: .end) }
}
#endif
