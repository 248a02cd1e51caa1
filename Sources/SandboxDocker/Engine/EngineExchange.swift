/// One request on its way: who waits for the answer, and on which connection it is.

#if Docker
import NIOCore
import SandboxAPI
import SandboxRuntime

/// A request and whoever waits for its answer. It has exactly one result: the first one.
final class EngineExchange: Sendable {
    typealias Answer = Result<EngineAnswer, EngineError>

    private struct State: Sendable {
        var waiter: Waiter<Answer>?
        var result: Answer?
        var channel: (any Channel)?
    }

    let request: EngineRequest
    let apiVersion: String?
    /// Called on the event loop when the head of a successful answer has come.
    let accepted: (@Sendable () -> Void)?
    /// Takes the body of a successful answer piece by piece, on the event loop.
    let receive: (@Sendable (ByteBuffer) throws(EngineError) -> Void)?
    private let state = Locked(State())

    init(
        _ request: EngineRequest, apiVersion: String?, accepted: (@Sendable () -> Void)?,
        receive: (@Sendable (ByteBuffer) throws(EngineError) -> Void)?
    ) {
        self.request = request
        self.apiVersion = apiVersion
        self.accepted = accepted
        self.receive = receive
    }

    var isFinished: Bool { state.withLock { $0.result != nil } }

    /// Calls `start` and waits for the result. Cancellation of the task is one.
    func run(_ start: () -> Void) async -> Answer {
        await withTaskCancellationHandler {
            await Waiter.wait { waiter in
                let early = state.withLock { state in
                    if state.result == nil { state.waiter = waiter }
                    return state.result
                }
                guard let early else { return start() }
                waiter.resume(returning: early)
            }
        } onCancel: {
            finish(.failure(error(.cancelled, "the task was cancelled")))
        }
    }

    /// Tells the exchange its connection; false if it has its result already.
    func begin(on channel: any Channel) -> Bool {
        state.withLock { state in
            guard state.result == nil else { return false }
            state.channel = channel
            return true
        }
    }

    /// Sets the result, unless there is one. A failure closes the connection.
    @discardableResult
    func finish(_ result: Answer) -> Bool {
        let (isFirst, waiter, channel) = state.withLock { state in
            guard state.result == nil else {
                return (false, nil as Waiter<Answer>?, nil as (any Channel)?)
            }
            state.result = result
            defer { (state.waiter, state.channel) = (nil, nil) }
            return (true, state.waiter, state.channel)
        }
        if case .failure = result { channel?.close(promise: nil) }
        waiter?.resume(returning: result)
        return isFirst
    }

    func error(_ kind: EngineError.Kind, _ message: String) -> EngineError {
        EngineError(kind, operation: request.operation, message: message)
    }
}
#endif
