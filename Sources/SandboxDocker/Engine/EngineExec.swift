/// Runs a further command in a container, as `docker exec` does.

#if Docker
import NIOCore
import SandboxAPI
import SandboxRuntime
import NIOHTTP1

extension EngineContainers {
    /// Runs `command` in a running container and collects its output.
    ///
    /// - Throws: `.malformedAnswer` if the output exceeds 16 MiB.
    package func exec(_ id: String, command: [String]) async throws(EngineError) -> ExecResult {
        struct Command: Encodable {
            var command: [String]
            var attachStdout = true
            var attachStderr = true

            enum CodingKeys: String, CodingKey {
                case command = "Cmd"
                case attachStdout = "AttachStdout"
                case attachStderr = "AttachStderr"
            }
        }
        struct Created: Decodable {
            var id: String

            enum CodingKeys: String, CodingKey { case id = "Id" }
        }
        struct State: Decodable {
            var exitCode: Int?

            enum CodingKeys: String, CodingKey { case exitCode = "ExitCode" }
        }

        let patience = EngineRequest.Patience.total(client.timeouts.slowAnswer)
        var create = EngineRequest(
            method: .POST, path: "/containers/\(EngineRequest.segment(id))/exec", patience: patience)
        create.body = .bytes(
            try EngineJSON.encode(Command(command: command), operation: create.operation),
            type: "application/json")
        let made = try await client.decoded(Created.self, create)
        let path = "/exec/\(EngineRequest.segment(made.id))"

        let collector = StreamCollector()
        var start = EngineRequest(method: .POST, path: path + "/start", patience: patience)
        start.body = .bytes(
            try EngineJSON.encode(["Detach": false, "Tty": false], operation: start.operation),
            type: "application/json")
        start.attachment = collector
        let stream = try await client.attached(start)
        let streams = try await collector.wait(for: stream, operation: start.operation)

        let inspect = EngineRequest(
            method: .GET, path: path + "/json", patience: patience, isRepeatable: true)
        guard let exitCode = try await client.decoded(State.self, inspect).exitCode else {
            throw EngineError(
                .malformedAnswer, operation: inspect.operation,
                message: "the command's streams ended, but it has no exit code")
        }
        return ExecResult(
            exitCode: exitCode, standardOutput: streams.output, standardError: streams.error)
    }
}

/// Collects both streams until they end.
private final class StreamCollector: AttachedStreamHandler {
    private struct State: Sendable {
        var output: [UInt8] = []
        var error: [UInt8] = []
        var isTooMuch = false
        var end: Result<Void, EngineError>?
        var waiter: Waiter<Void>?
    }

    private let state = Locked(State())

    func received(_ stream: StreamKind, _ bytes: ByteBuffer) {
        state.withLock { state in
            guard state.output.count + state.error.count + bytes.readableBytes <= EngineAnswer.maximumBody
            else {
                state.isTooMuch = true
                return
            }
            if stream == .standardError {
                state.error += bytes.readableBytesView
            } else {
                state.output += bytes.readableBytesView
            }
        }
    }

    func ended(_ error: EngineError?) {
        let waiter = state.withLock { state in
            state.end = error.map { .failure($0) } ?? .success(())
            return state.waiter.take()
        }
        waiter?.resume()
    }

    func wait(
        for stream: AttachedStream, operation: String
    ) async throws(EngineError) -> (output: [UInt8], error: [UInt8]) {
        await withTaskCancellationHandler {
            await state.answer { state, waiter in
                if state.end != nil { return () }
                state.waiter = waiter
                return nil
            }
        } onCancel: {
            stream.close()
        }
        if Task.isCancelled {
            throw EngineError(.cancelled, operation: operation, message: "the task was cancelled")
        }
        let (end, isTooMuch) = state.withLock { ($0.end, $0.isTooMuch) }
        try end?.get()
        if isTooMuch {
            throw EngineError(
                .malformedAnswer, operation: operation,
                message: "the command wrote more than \(EngineAnswer.maximumBody) bytes")
        }
        return state.withLock { ($0.output, $0.error) }
    }
}
#endif
