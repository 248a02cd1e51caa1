/// The entry and exit of a connection's bytes, for HTTP and for attached streams.

#if Docker
import NIOCore

/// Sits between the socket and HTTP. It hides from the decoder all bytes behind a head that hands the
/// connection over to a container: bytes that come with it in one packet, perhaps with the end, belong to the
/// container.
final class ConnectionGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Longer heads are passed on to the decoder, which refuses them.
    private static let maximumHead = 64 << 10

    /// Whether the next head may hand the connection over.
    var awaitsHead = false
    /// The attached stream that the connection belongs to.
    var attached: AttachedConnection?
    /// A part of a head.
    private var pending = ByteBuffer()
    private let connections: EngineConnections
    private var context: ChannelHandlerContext?

    init(connections: EngineConnections) { self.connections = connections }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let attached { return attached.feed(unwrapInboundIn(data)) }
        guard awaitsHead else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        pending.writeBuffer(&bytes)
        while awaitsHead, let length = headLength, let head = pending.readSlice(length: length) {
            // The answer's handler is called in here, and decides what the head means.
            context.fireChannelRead(wrapInboundOut(head))
        }
        if awaitsHead, pending.readableBytes <= Self.maximumHead { return }
        let rest = pending
        pending = ByteBuffer()
        guard rest.readableBytes > 0 else { return }
        if let attached {
            attached.feed(rest)
        } else {
            context.fireChannelRead(wrapInboundOut(rest))
        }
    }

    /// The length up to and including the empty line; nil if that has not come yet.
    private var headLength: Int? {
        let view = pending.readableBytesView
        var matched = 0
        for (offset, byte) in view.enumerated() {
            switch (matched, byte) {
            case (0, UInt8(ascii: "\r")), (2, UInt8(ascii: "\r")), (1, UInt8(ascii: "\n")),
                (3, UInt8(ascii: "\n")):
                matched += 1
                if matched == 4 { return offset + 1 }
            default: matched = byte == UInt8(ascii: "\r") ? 1 : 0
            }
        }
        return nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let attached else { return context.fireErrorCaught(error) }
        attached.finish(
            connections.isClosed
                ? attached.error(.closed, "the client was closed")
                : attached.error(
                    .interrupted,
                    "the connection to \(connections.address) broke: \(connectionWords(error))"))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        attached?.end(isClosed: connections.isClosed)
        if pending.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(pending))
            pending = ByteBuffer()
        }
        context.fireChannelInactive()
    }

    // MARK: Outwards

    func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
    }

    /// Ends only the direction to the engine.
    func closeOutput() { context?.close(mode: .output, promise: nil) }
}
#endif
