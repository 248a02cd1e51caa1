/// HTTP on one connection to an engine: sends a request, and collects or forwards the answer.

#if Docker
import NIOCore
import NIOHTTP1
import NIOPosix

/// Carries out one exchange after the other. Used only on its event loop.
final class EngineConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// The state of the exchange under way.
    private struct Progress {
        var exchange: EngineExchange
        var head: HTTPResponseHead?
        var body = ByteBuffer()
        /// Whether the request was written completely; an answer may come before that.
        var isSent = false
        var timer: Scheduled<Void>?
        /// When the engine last gave a sign of life.
        var lastSign = NIODeadline.now()
    }

    private let connections: EngineConnections
    private let gate: ConnectionGate
    private var context: ChannelHandlerContext?
    private var progress: Progress?

    init(connections: EngineConnections, gate: ConnectionGate) {
        self.connections = connections
        self.gate = gate
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: The request

    func begin(_ exchange: EngineExchange) {
        guard let context, context.channel.isActive else {
            exchange.finish(.failure(lost(exchange)))
            return
        }
        guard exchange.begin(on: context.channel) else { return giveBack(context) }
        progress = Progress(exchange: exchange)
        startTimer(context)
        let request = exchange.request
        var head = HTTPRequestHead(
            version: .http1_1, method: request.method,
            uri: request.target(apiVersion: exchange.apiVersion))
        head.headers.add(name: "Host", value: connections.hostHeader)
        head.headers.add(name: "User-Agent", value: "swift-sandbox")
        if request.attachment != nil {
            head.headers.add(name: "Connection", value: "Upgrade")
            head.headers.add(name: "Upgrade", value: "tcp")
            gate.awaitsHead = true
        }
        switch request.body {
        case .none:
            if request.method == .POST || request.method == .PUT {
                head.headers.add(name: "Content-Length", value: "0")
            }
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            finishRequest(context)
        case .bytes(let bytes, let type):
            head.headers.add(name: "Content-Type", value: type)
            head.headers.add(name: "Content-Length", value: String(bytes.readableBytes))
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
            finishRequest(context)
        case .file(let path, let type):
            head.headers.add(name: "Content-Type", value: type)
            send(path, head, context)
        }
    }

    private func finishRequest(_ context: ChannelHandlerContext) {
        progress?.isSent = true
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Sends a file, in pieces as the connection takes them.
    private func send(_ path: String, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        UploadedFile.open(path, on: loop).whenComplete { result in
            let (handler, context) = bound.value
            guard case .success(let file) = result else {
                if case .failure(let error) = result {
                    handler.fail(.malformedAnswer, "cannot read \(path): \(connectionWords(error))")
                }
                return
            }
            var head = head
            head.headers.add(name: "Content-Length", value: String(file.size))
            context.write(handler.wrapOutboundOut(.head(head)), promise: nil)
            file.forEachChunk(on: loop) { chunk in
                let (handler, context) = bound.value
                // An early answer ends the request.
                guard handler.progress != nil else {
                    return loop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                handler.progress?.lastSign = .now()
                return context.writeAndFlush(handler.wrapOutboundOut(.body(.byteBuffer(chunk))))
            }.whenComplete { result in
                let (handler, context) = bound.value
                guard handler.progress != nil else { return }
                switch result {
                case .success: handler.finishRequest(context)
                case .failure where !context.channel.isActive: break
                case .failure(let error):
                    handler.fail(.malformedAnswer, "cannot read \(path): \(connectionWords(error))")
                }
            }
        }
    }

    // MARK: The answer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let exchange = progress?.exchange else {
            // No request is under way; only the end of the head that handed the connection over may come.
            if gate.attached == nil { context.close(promise: nil) }
            return
        }
        progress?.lastSign = .now()
        switch unwrapInboundIn(data) {
        case .head(let head):
            gate.awaitsHead = false
            progress?.head = head
            let isUpgrade = head.status == .switchingProtocols
            guard (200..<300).contains(head.status.code) || isUpgrade else { return }
            exchange.accepted?()
            if exchange.request.attachment != nil { attach(exchange, head, context) }
        case .body(let bytes): take(bytes, exchange)
        case .end: complete(exchange, context)
        }
    }

    private func take(_ bytes: ByteBuffer, _ exchange: EngineExchange) {
        var bytes = bytes
        let isSuccess = progress?.head.map { (200..<300).contains($0.status.code) } ?? false
        if isSuccess, let receive = exchange.receive {
            do throws(EngineError) {
                try receive(bytes)
            } catch {
                progress?.timer?.cancel()
                progress = nil
                exchange.finish(.failure(error))
            }
            return
        }
        let maximum = isSuccess ? EngineAnswer.maximumBody : EngineAnswer.maximumErrorBody
        let room = maximum - (progress?.body.readableBytes ?? 0)
        if bytes.readableBytes > room {
            if isSuccess { return fail(.malformedAnswer, "the answer has more than \(maximum) bytes") }
            // A truncated error is still reported.
            bytes = bytes.getSlice(at: bytes.readerIndex, length: max(room, 0)) ?? ByteBuffer()
        }
        progress?.body.writeBuffer(&bytes)
    }

    private func complete(_ exchange: EngineExchange, _ context: ChannelHandlerContext) {
        guard let progress, let head = progress.head else { return }
        progress.timer?.cancel()
        self.progress = nil
        // First, so that the next request finds the connection.
        if head.isKeepAlive, progress.isSent {
            giveBack(context)
        } else {
            context.close(promise: nil)
        }
        exchange.finish(.success(answer(head, progress.body)))
    }

    private func answer(
        _ head: HTTPResponseHead, _ body: ByteBuffer, stream: AttachedStream? = nil
    ) -> EngineAnswer {
        EngineAnswer(
            status: Int(head.status.code), reason: head.status.reasonPhrase, headers: head.headers,
            body: body, stream: stream)
    }

    private func giveBack(_ context: ChannelHandlerContext) {
        connections.giveBack(
            EngineConnection(
                channel: context.channel, handler: NIOLoopBound(self, eventLoop: context.eventLoop),
                isUsed: true))
    }

    // MARK: Attaching

    /// From this head on the connection belongs to the container.
    private func attach(
        _ exchange: EngineExchange, _ head: HTTPResponseHead, _ context: ChannelHandlerContext
    ) {
        guard let handler = exchange.request.attachment else { return }
        progress?.timer?.cancel()
        progress = nil
        let attached = AttachedConnection(
            handler, gate: gate, operation: exchange.request.operation, channel: context.channel)
        let stream = AttachedStream(
            channel: context.channel, operation: exchange.request.operation,
            NIOLoopBound(attached, eventLoop: context.eventLoop))
        gate.attached = attached
        if !exchange.finish(.success(answer(head, ByteBuffer(), stream: stream))) {
            // The caller was cancelled meanwhile, so the stream has no owner, and its handler is not called.
            attached.abandon()
            context.close(promise: nil)
        }
    }

    // MARK: What goes wrong

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The connection ended within an answer, which ``channelInactive(context:)`` reports.
        if case HTTPParserError.invalidEOFState = error { return context.close(promise: nil) }
        if !connections.isClosed, progress != nil {
            let kind: EngineError.Kind = error is HTTPParserError ? .malformedAnswer : .interrupted
            let message =
                kind == .malformedAnswer
                ? "the engine does not speak HTTP: \(error)"
                : "the connection to \(connections.address) broke: \(connectionWords(error))"
            fail(kind, message)
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let progress {
            progress.timer?.cancel()
            self.progress = nil
            progress.exchange.finish(.failure(lost(progress.exchange)))
        }
        context.fireChannelInactive()
    }

    private func fail(_ kind: EngineError.Kind, _ message: String) {
        guard let progress else { return }
        progress.timer?.cancel()
        self.progress = nil
        progress.exchange.finish(.failure(progress.exchange.error(kind, message)))
    }

    private func lost(_ exchange: EngineExchange) -> EngineError {
        if connections.isClosed { return exchange.error(.closed, "the client was closed") }
        return exchange.error(
            .interrupted, "\(connections.address) closed the connection before its answer was complete")
    }

    // MARK: Time

    private func startTimer(_ context: ChannelHandlerContext) {
        switch progress?.exchange.request.patience {
        case .total(let limit):
            schedule(context, in: limit) { handler, _ in
                handler.fail(
                    .timedOut, "no answer from \(handler.connections.address) within \(limit.words)")
            }
        case .silence(let limit):
            schedule(context, in: limit) { handler, context in handler.checkSilence(context, limit) }
        case .forever, nil: break
        }
    }

    private func checkSilence(_ context: ChannelHandlerContext, _ limit: Duration) {
        guard let progress else { return }
        let left = progress.lastSign + TimeAmount(limit) - .now()
        guard left > .zero else {
            return fail(.timedOut, "\(connections.address) has been silent for \(limit.words)")
        }
        schedule(context, in: .nanoseconds(left.nanoseconds)) { handler, context in
            handler.checkSilence(context, limit)
        }
    }

    private func schedule(
        _ context: ChannelHandlerContext, in time: Duration,
        _ body: @escaping @Sendable (EngineConnectionHandler, ChannelHandlerContext) -> Void
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        progress?.timer = context.eventLoop.scheduleTask(in: TimeAmount(time)) {
            let (handler, context) = bound.value
            body(handler, context)
        }
    }
}
#endif
