/// A server of the tests' own, whose answers each test chooses.

#if Docker
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

@testable import SandboxDocker

/// Listens on a socket, or on a port of the loopback.
final class FakeEngine: Sendable {
    /// The server's action on a connection after a request.
    enum Step: Sendable {
        case send(String)
        case sendBytes(ByteBuffer)
        case pause(Duration)
        case close
    }

    static let version = #"{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"fake","Os":"linux"}"#

    let address: EngineAddress
    private let server: any Channel
    private let path: String
    private let observer = Observer()

    /// The first lines of the requests so far.
    var requests: [String] { observer.requests.withLock { $0 } }
    var connectionCount: Int { observer.connections.withLock { $0 } }

    /// - Parameter answer: the steps for a request; its argument is the request's first line.
    init(
        tls: NIOSSLContext? = nil, onPort: Bool = false,
        _ answer: @escaping @Sendable (String) -> [Step]
    ) async throws {
        let observer = observer
        path =
            FileManager.default.temporaryDirectory.path + "/sandbox-fe-\(UUID().uuidString.prefix(8))"
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                observer.connections.withLock { $0 += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(Handler(answer, observer))
                }
            }
        if tls != nil || onPort {
            server = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            address = EngineAddress(.tcp(host: "127.0.0.1", port: server.localAddress?.port ?? 0))
        } else {
            server = try await bootstrap.bind(unixDomainSocketPath: path).get()
            address = EngineAddress(.unix(path: path))
        }
    }

    /// Ends the server. Called explicitly, since a test may drop the last reference before its client is
    /// done.
    func close() {
        server.close(promise: nil)
        // The server's end unlinks it, too, whichever comes first.
        unlink(path)
    }

    /// An answer with a body of a known length.
    static func answer(_ body: String, status: String = "200 OK", more: String = "") -> [Step] {
        [.send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(more)\r\n\(body)")]
    }

    private final class Observer: Sendable {
        let requests = Mutex<[String]>([])
        let connections = Mutex(0)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: @Sendable (String) -> [Step]
        private let observer: Observer
        private var text = ""

        init(_ answer: @escaping @Sendable (String) -> [Step], _ observer: Observer) {
            self.answer = answer
            self.observer = observer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            guard let end = text.range(of: "\r\n\r\n") else { return }
            let length =
                text.range(of: "Content-Length: ").flatMap {
                    Int(text[$0.upperBound...].prefix { $0.isNumber })
                }
                ?? 0
            guard text[end.upperBound...].utf8.count >= length else { return }
            let line = String(text.prefix { $0 != "\r\n" })
            text = ""
            observer.requests.withLock { $0.append(line) }
            perform(answer(line)[...], context)
        }

        private func perform(_ steps: ArraySlice<Step>, _ context: ChannelHandlerContext) {
            var steps = steps
            while let step = steps.popFirst() {
                switch step {
                case .send(let text):
                    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
                case .sendBytes(let bytes): context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
                case .close: context.close(promise: nil)
                case .pause(let time):
                    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                    let rest = steps
                    context.eventLoop.scheduleTask(in: TimeAmount(time)) {
                        bound.value.0.perform(rest, bound.value.1)
                    }
                    return
                }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
#endif
