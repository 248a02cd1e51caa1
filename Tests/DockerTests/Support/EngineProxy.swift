/// A proxy between a backend and its engine that records the requests.

#if Docker
import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A socket whose connections are passed on to an engine's, byte by byte, until the test cuts them.
final class EngineProxy: Sendable {
    let path: String
    /// As in `DOCKER_HOST`.
    var host: String { "unix://\(path)" }
    private let server: any Channel
    private let notes: Notes

    /// The first lines of the requests so far, in their order.
    var requests: [String] { notes.requests.withLock { $0 } }
    /// How many bytes went to the engine.
    var sent: Int { notes.sent.load(ordering: .relaxed) }
    /// How many connections there were.
    var connectionCount: Int { notes.count.load(ordering: .relaxed) }

    /// - Parameter engine: the socket of an engine.
    init(to engine: String) async throws {
        let notes = Notes()
        self.notes = notes
        path = FileManager.default.temporaryDirectory.path + "/sandbox-ep-\(UUID().uuidString.prefix(8))"
        server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                notes.count.add(1, ordering: .relaxed)
                notes.open.withLock { $0.append(channel) }
                return ClientBootstrap(group: channel.eventLoop)
                    .connect(unixDomainSocketPath: engine)
                    .flatMapThrowing { peer in
                        try channel.pipeline.syncOperations.addHandler(Relay(to: peer, notes))
                        try peer.pipeline.syncOperations.addHandler(Relay(to: channel, nil))
                        channel.setOption(.autoRead, value: true).whenComplete { _ in }
                    }
                    .flatMapError { _ in channel.close() }
            }
            .bind(unixDomainSocketPath: path).get()
    }

    /// Runs `body` with a proxy for the engine at `address`, a `unix://` one.
    static func with<Value>(
        _ address: String, isolation: isolated (any Actor)? = #isolation,
        _ body: (EngineProxy) async throws -> Value
    ) async throws -> Value {
        let proxy = try await EngineProxy(to: String(address.dropFirst("unix://".count)))
        defer { proxy.close() }
        return try await body(proxy)
    }

    /// Has requests wait on their way to the engine.
    ///
    /// - Parameter time: gets a request's first line; `nil`: not at all.
    func delay(_ time: @escaping @Sendable (String) -> TimeAmount?) { notes.delay.withLock { $0 = time } }

    /// Ends all present connections; new ones are accepted.
    func cut() { for channel in notes.open.withLock({ $0 }) { channel.close(promise: nil) } }

    func close() {
        server.close(promise: nil)
        cut()
        try? FileManager.default.removeItem(atPath: path)
    }

    private final class Notes: Sendable {
        let requests = Mutex<[String]>([])
        let open = Mutex<[any Channel]>([])
        let delay = Mutex<@Sendable (String) -> TimeAmount?>({ _ in nil })
        let count = Atomic<Int>(0)
        let sent = Atomic<Int>(0)
    }

    private final class Relay: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let peer: any Channel
        private let notes: Notes?

        init(to peer: any Channel, _ notes: Notes?) {
            self.peer = peer
            self.notes = notes
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            if let notes {
                notes.sent.add(bytes.readableBytes, ordering: .relaxed)
                let start =
                    bytes.getString(at: bytes.readerIndex, length: min(bytes.readableBytes, 300)) ?? ""
                let line = start.prefix { $0 != "\r\n" }
                if line.hasSuffix("HTTP/1.1") {
                    notes.requests.withLock { $0.append(String(line)) }
                    if let delay = notes.delay.withLock({ $0(String(line)) }) {
                        // A connection carries one request at a time, so nothing overtakes this one.
                        _ = context.eventLoop.scheduleTask(in: delay) { [peer] in
                            peer.writeAndFlush(bytes, promise: nil)
                        }
                        return
                    }
                }
            }
            peer.writeAndFlush(bytes, promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { peer.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
#endif
