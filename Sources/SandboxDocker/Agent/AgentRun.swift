/// One run in a container: converts frames to its output, and its input to frames.

#if Docker
import CIsolate
import Glibc
import NIOCore
import SandboxAPI
import SandboxRuntime

/// A run under way behind an ``AgentConnection``.
final class AgentRun: ConnectedRun {
    let output: RunOutput
    private let connection: AgentConnection
    private let command: Command
    private let onEnd: @Sendable () -> Void
    let serial: UInt64
    private let window = InputWindow()
    private let feeder = Locked<Task<Void, Never>?>(nil)
    private let file = Locked<HostFile?>(nil)
    /// The error of a live input's sequence.
    private let broken = Locked<SandboxError?>(nil)

    /// Bytes of each stream that the agent may send ahead of a streaming consumer.
    static let streamingCredit = RunOutput.highWater / 2

    init(
        _ connection: AgentConnection, serial: UInt64, _ request: PlacedRequest,
        onEnd: @escaping @Sendable () -> Void
    ) {
        self.connection = connection
        self.serial = serial
        self.onEnd = onEnd
        command = request.command
        let isStreaming = request.isStreaming
        output = RunOutput(
            bound: request.limits.output, isStreaming: isStreaming, tellsEnds: request.tellsEnds
        ) { [connection] taken in
            // Collected and discarded output needs no credit: the agent may send all of it.
            // A piece that only tells the end of a stream took none.
            if isStreaming, taken?.bytes.isEmpty != true { connection.send(Self.credit(taken)) }
        }
    }

    private static func credit(_ taken: Execution.Chunk?) -> ByteBuffer {
        var buffer = ByteBuffer()
        func write(_ stream: isolate_agent_stream, _ bytes: UInt32) {
            let credit = isolate_agent_credit(stream: stream.rawValue, bytes: bytes)
            buffer.writeFrame(ISOLATE_FRAME_CREDIT, credit)
        }
        if let taken {
            let stream = taken.stream == .stdout ? ISOLATE_AGENT_STDOUT : ISOLATE_AGENT_STDERR
            write(stream, UInt32(taken.bytes.count))
        } else {
            write(ISOLATE_AGENT_STDOUT, .max)
            write(ISOLATE_AGENT_STDERR, .max)
        }
        return buffer
    }

    // MARK: On the event loop

    func wrote(_ bytes: ByteBuffer, _ stream: Execution.Chunk.Stream) {
        if bytes.readableBytes == 0 { return output.end(stream) }
        // The agent keeps to the output limit; for one that does not, the embedder ends the run.
        if output.take(Array(bytes.readableBytesView), from: stream) {
            connection.endRun(serial, ISOLATE_END_OUTPUT)
        }
    }

    func inputTaken(_ bytes: Int) {
        // The agent says by 0 that the program reads no more.
        if bytes == 0 { window.close() } else { window.add(bytes) }
    }

    func ended(_ end: Result<isolate_run_record, SandboxError>, exceeded: UInt32) {
        if exceeded & ISOLATE_AGENT_STDOUT_EXCEEDED.rawValue != 0 { output.markExceeded(.stdout) }
        if exceeded & ISOLATE_AGENT_STDERR_EXCEEDED.rawValue != 0 { output.markExceeded(.stderr) }
        stopInput()
        onEnd()
        output.finish(end, of: command, disk: "the engine's data directory")
    }

    // MARK: On the caller's side

    func closeOutput(_ stream: Execution.Chunk.Stream) {
        let number = stream == .stdout ? ISOLATE_AGENT_STDOUT : ISOLATE_AGENT_STDERR
        var buffer = ByteBuffer()
        buffer.writeFrame(ISOLATE_FRAME_CREDIT, isolate_agent_credit(stream: number.rawValue, bytes: 0))
        connection.send(buffer)
    }

    func look() async -> RunLook? {
        do throws(SandboxError) {
            return RunLook(try await connection.control(ISOLATE_LOOK).status)
        } catch {
            return nil
        }
    }

    func kill() { connection.endRun(serial, ISOLATE_END_CANCEL) }

    func stopInput() {
        window.close()
        feeder.withLock { feeder in
            feeder?.cancel()
            feeder = nil
        }
    }

    var inputFailure: SandboxError? { file.withLock { $0?.failure } ?? broken.withLock { $0 } }

    /// Sends the content that the request announced; no other frame may come in between.
    func feed(content: [[UInt8]]) async {
        let frames = content.flatMap(AgentContent.frames)
        // Sent even if the caller is cancelled, since the request announced it.
        if !frames.isEmpty { await connection.send(frames) }
    }

    /// Feeds stdin while the program reads it.
    func feed(_ input: AgentInput) {
        if case .file(let source) = input { file.withLock { $0 = source } }
        let task = Task { [self] in
            do {
                try await input.send { piece in
                    guard await window.take(piece.count) else { return false }
                    connection.send(Self.input(piece))
                    return true
                }
            } catch {
                // Once the run is over the rest is not needed, and the task is cancelled.
                if !window.isClosed { broken.withLock { $0 = .inputFailed(error) } }
            }
            if !window.isClosed { connection.send(Self.input([])) }
        }
        let isOver = feeder.withLock { feeder in
            if !window.isClosed { feeder = task }
            return window.isClosed
        }
        if isOver { task.cancel() }
    }

    private static func input(_ bytes: ArraySlice<UInt8>) -> ByteBuffer {
        var buffer = ByteBuffer()
        bytes.withUnsafeBytes { buffer.writeFrame(ISOLATE_FRAME_INPUT, $0) }
        return buffer
    }
}

/// The room for stdin that is on its way to a program.
private final class InputWindow: Sendable {
    private struct State: Sendable {
        var room = Int(ISOLATE_AGENT_INPUT_WINDOW)
        var isClosed = false
        var waiter: (bytes: Int, granted: Waiter<Bool>)?
    }

    private let state = Locked(State())

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Waits until there is room for this many bytes; false when the program no longer reads.
    func take(_ bytes: Int) async -> Bool {
        await state.answer { state, waiter in
            if state.isClosed { return false }
            if state.room >= bytes {
                state.room -= bytes
                return true
            }
            state.waiter = (bytes, waiter)
            return nil
        }
    }

    func add(_ bytes: Int) {
        let waiter = state.withLock { state -> Waiter<Bool>? in
            state.room = min(state.room + bytes, Int(ISOLATE_AGENT_INPUT_WINDOW))
            guard let waiter = state.waiter, state.room >= waiter.bytes else { return nil }
            state.room -= waiter.bytes
            state.waiter = nil
            return waiter.granted
        }
        waiter?.resume(returning: true)
    }

    func close() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            state.isClosed = true
            return state.waiter?.granted
        }
        waiter?.resume(returning: false)
    }
}

/// A stdin that is read as the program reads it.
enum AgentInput: Sendable {
    case file(HostFile)
    case stream(InputChunks)

    /// Passes on piece by piece until `body` returns false or there are no more.
    func send(_ body: (ArraySlice<UInt8>) async -> Bool) async throws {
        switch self {
        case .file(let file):
            while !Task.isCancelled {
                let bytes = file.read(AgentContent.pieceSize)
                guard !bytes.isEmpty, await body(bytes[...]) else { return }
            }
        case .stream(let stream):
            try await stream.send { chunk in
                var rest = chunk[...]
                while !rest.isEmpty {
                    guard await body(rest.prefix(AgentContent.pieceSize)) else { return false }
                    rest = rest.dropFirst(AgentContent.pieceSize)
                }
                return true
            }
        }
    }
}
#endif
