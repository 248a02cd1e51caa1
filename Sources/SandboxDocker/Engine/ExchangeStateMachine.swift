/// One request on its way: who waits for its answer, which connection it is on, and its one result. Pure.

#if Docker

/// A request has exactly one result, the first one: an answer, a failure, or the cancellation of its task.
///
/// `Success` is an answer, `Waiter` whoever waits for the result, `Connection` what is closed when there is no answer.
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

    /// Its task waits for the result from now on.
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

    /// A connection is about to carry the request.
    ///
    /// - Returns: false when it has its result already: the connection is free for another one.
    mutating func begin(on connection: Connection) -> Bool {
        guard case .open(let waiter, _) = phase else { return false }
        phase = .open(waiter: waiter, connection: connection)
        return true
    }

    enum Finish {
        /// It had its result.
        case repeated
        /// What to close, and then whom to tell.
        case first(close: Connection?, waiter: Waiter?)
    }

    /// The result, unless there is one. After a failure nobody knows what else comes on the connection.
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
