/// One request on its way: who waits for its answer, which connection it is on, and its one result. Pure.

#if Docker

/// A request has exactly one result, the first one: an answer, a failure, or the cancellation of its task.
///
/// `Success` is an answer, `Waiter` the task that waits for the result, `Connection` the connection that a
/// failure closes.
struct ExchangeStateMachine<Success: Sendable, Waiter: Sendable, Connection: Sendable>: Sendable {
    typealias Answer = Result<Success, EngineError>

    private enum Phase {
        case open(waiter: Waiter?, connection: Connection?)
        case finished(Answer)
    }

    private var phase = Phase.open(waiter: nil, connection: nil)

    var isFinished: Bool {
        if case .finished = phase { return true }
        return false
    }

    /// Registers the task that waits for the result.
    ///
    /// - Returns: the result if it is there already, and the request need not be sent; else `nil`.
    mutating func wait(_ waiter: Waiter) -> Answer? {
        switch phase {
        case .finished(let answer): return answer
        case .open(_, let connection):
            phase = .open(waiter: waiter, connection: connection)
            return nil
        }
    }

    /// Sets the connection that is about to carry the request.
    ///
    /// - Returns: false when the request has its result already: the connection is free for another one.
    mutating func begin(on connection: Connection) -> Bool {
        guard case .open(let waiter, _) = phase else { return false }
        phase = .open(waiter: waiter, connection: connection)
        return true
    }

    enum Finish {
        /// There was a result already.
        case repeated
        /// The connection to close first, and then the waiter to notify.
        case first(close: Connection?, waiter: Waiter?)
    }

    /// Sets the result, unless there is one already. A failure closes the connection, since the rest of the
    /// answer could still arrive on it.
    mutating func finish(_ answer: Answer) -> Finish {
        guard case .open(let waiter, let connection) = phase else { return .repeated }
        phase = .finished(answer)
        switch answer {
        case .success: return .first(close: nil, waiter: waiter)
        case .failure: return .first(close: connection, waiter: waiter)
        }
    }
}
#endif
