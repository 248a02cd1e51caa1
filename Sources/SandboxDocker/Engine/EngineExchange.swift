/// One request to the engine under way: its content, and the task that waits for the answer.

#if Docker
import NIOCore
import SandboxAPI
import SandboxRuntime

/// A request to the engine and the task that waits for its answer. Only the first result counts;
/// ``ExchangeStateMachine`` decides which one that is.
final class EngineExchange: Sendable {
    typealias Answer = Result<EngineAnswer, EngineError>

    let request: EngineRequest
    let apiVersion: String?
    /// Called on the event loop when the head of a successful answer has arrived.
    let accepted: (@Sendable () -> Void)?
    /// Takes the body of a successful answer piece by piece, on the event loop.
    let receive: (@Sendable (ByteBuffer) throws(EngineError) -> Void)?
    private let machine = Locked(ExchangeStateMachine<EngineAnswer, Waiter<Answer>, any Channel>())

    init(
        _ request: EngineRequest, apiVersion: String?, accepted: (@Sendable () -> Void)?,
        receive: (@Sendable (ByteBuffer) throws(EngineError) -> Void)?
    ) {
        self.request = request
        self.apiVersion = apiVersion
        self.accepted = accepted
        self.receive = receive
    }

    var isFinished: Bool { machine.withLock { $0.isFinished } }

    /// Calls `start` and waits for the result. Cancelling the task is a result, too.
    func run(_ start: () -> Void) async -> Answer {
        await withTaskCancellationHandler {
            await Waiter.wait { waiter in
                guard let early = machine.withLock({ $0.wait(waiter) }) else { return start() }
                waiter.resume(returning: early)
            }
        } onCancel: {
            finish(.failure(error(.cancelled, "the task was cancelled")))
        }
    }

    /// Sets the connection that carries the request; returns false when the request has its result already.
    func begin(on channel: any Channel) -> Bool { machine.withLock { $0.begin(on: channel) } }

    /// Sets the result, unless there is one already. A failure closes the connection.
    @discardableResult
    func finish(_ result: Answer) -> Bool {
        guard case .first(let channel, let waiter) = machine.withLock({ $0.finish(result) }) else {
            return false
        }
        channel?.close(promise: nil)
        waiter?.resume(returning: result)
        return true
    }

    func error(_ kind: EngineError.Kind, _ message: String) -> EngineError {
        EngineError(kind, operation: request.operation, message: message)
    }
}
#endif
