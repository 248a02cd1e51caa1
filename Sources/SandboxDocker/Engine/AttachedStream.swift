/// The connection of a container's standard streams.

#if Docker
package import NIOCore
import SandboxRuntime

/// Receives what a container writes.
package protocol AttachedStreamHandler: AnyObject, Sendable {
    /// Receives a piece of a stream, never an empty one. Called on the event loop, which waits for it to
    /// return; possibly before `attach` has returned.
    func received(_ stream: StreamKind, _ bytes: ByteBuffer)

    /// The stream has ended. Called exactly once for each `attach` that succeeded, on the event loop.
    ///
    /// - Parameter error: nil if the engine ended the stream between two frames, as at the container's
    ///   end, or if ``AttachedStream/close()`` was called.
    func ended(_ error: EngineError?)
}

/// A container's standard input, and the means to end or slow down its output. It stays open until its
/// handler's `ended` was called, even without a reference. May be used from any thread.
package final class AttachedStream: Sendable {
    private let channel: any Channel
    private let connection: NIOLoopBound<AttachedConnection>
    private let operation: String

    init(channel: any Channel, operation: String, _ connection: NIOLoopBound<AttachedConnection>) {
        self.channel = channel
        self.operation = operation
        self.connection = connection
    }

    /// The loop that calls the handler.
    package var eventLoop: any EventLoop { channel.eventLoop }

    /// False while more than 64 KiB are waiting to be sent.
    package var isWritable: Bool { channel.isWritable }

    /// Sends `bytes` at once, in the order of the calls. Bytes not sent when the stream ends are lost.
    package func write(_ bytes: ByteBuffer) {
        onLoop { $0.gate.write(bytes, promise: nil) }
    }

    /// Sends large content piece after piece, each when the system has taken the one before. Then, or when a piece
    /// could not be sent, calls `done` on the event loop.
    ///
    /// Needs no task: however busy the caller's tasks are, what was begun is sent.
    package func write(
        _ pieces: ArraySlice<ByteBuffer>, then done: @escaping @Sendable (Result<Void, EngineError>) -> Void
    ) {
        guard let piece = pieces.first else { return done(.success(())) }
        onLoop { connection in
            let promise = connection.channel.eventLoop.makePromise(of: Void.self)
            connection.gate.write(piece, promise: promise)
            promise.futureResult.whenComplete { result in
                switch result {
                case .success: self.write(pieces.dropFirst(), then: done)
                case .failure(let error):
                    done(
                        .failure(
                            EngineError(
                                .interrupted, operation: self.operation, message: connectionWords(error))))
                }
            }
        }
    }

    /// Sends large content piece after piece, and returns when the system has taken all of it.
    ///
    /// - Throws: `.interrupted` if the stream ends before.
    package func writeAll(_ pieces: [ByteBuffer]) async throws(EngineError) {
        try await Waiter.wait { waiter in write(pieces[...]) { waiter.resume(returning: $0) } }.get()
    }

    /// Ends the container's standard input after all bytes written so far; its output goes on.
    package func closeInput() {
        onLoop { connection in
            let loop = connection.channel.eventLoop
            let sent = loop.makePromise(of: Void.self)
            let bound = NIOLoopBound(connection, eventLoop: loop)
            connection.gate.write(ByteBuffer(), promise: sent)
            sent.futureResult.whenSuccess { bound.value.gate.closeOutput() }
        }
    }

    /// Turns reading off or on. Bytes read already, at most some 64 KiB, still arrive; while reading is off,
    /// the end of the stream is not noticed.
    package func setReading(_ isReading: Bool) {
        _ = channel.setOption(.autoRead, value: isReading)
    }

    /// Ends the stream, not the container.
    package func close() {
        onLoop { $0.close() }
    }

    private func onLoop(_ body: @escaping @Sendable (AttachedConnection) -> Void) {
        if channel.eventLoop.inEventLoop {
            body(connection.value)
        } else {
            channel.eventLoop.execute { body(self.connection.value) }
        }
    }
}

/// An attached connection's state on the event loop.
final class AttachedConnection {
    let gate: ConnectionGate
    let channel: any Channel
    private let operation: String
    private var handler: (any AttachedStreamHandler)?
    private var frames = StreamDemultiplexer()

    init(
        _ handler: any AttachedStreamHandler, gate: ConnectionGate, operation: String,
        channel: any Channel
    ) {
        self.handler = handler
        self.gate = gate
        self.operation = operation
        self.channel = channel
    }

    func feed(_ bytes: ByteBuffer) {
        var bytes = bytes
        do throws(StreamDemultiplexer.MalformedHeader) {
            while let handler, let piece = try frames.next(in: &bytes) {
                handler.received(piece.stream, piece.bytes)
            }
        } catch {
            let digits = String(error.header, radix: 16)
            finish(self.error(.malformedAnswer, "the stream has a frame with the header 0x\(digits)"))
            channel.close(promise: nil)
        }
    }

    /// The other side has ended its direction.
    func end(isClosed: Bool) {
        if isClosed {
            finish(error(.closed, "the client was closed"))
        } else if frames.isBetweenFrames {
            finish(nil)
        } else {
            finish(error(.interrupted, "the stream ended inside of a frame"))
        }
    }

    func close() {
        finish(nil)
        channel.close(promise: nil)
    }

    /// Calls the handler's `ended`, once.
    func finish(_ error: EngineError?) {
        let handler = handler
        self.handler = nil
        handler?.ended(error)
    }

    func abandon() { handler = nil }

    func error(_ kind: EngineError.Kind, _ message: String) -> EngineError {
        EngineError(kind, operation: operation, message: message)
    }
}
#endif
