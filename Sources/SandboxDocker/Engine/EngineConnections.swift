/// The connections to an engine: makes them, keeps idle ones, and ends all of them with the client.

#if Docker
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SandboxAPI
import SandboxRuntime

/// A connection that speaks HTTP, one exchange after the other.
struct EngineConnection: Sendable {
    let channel: any Channel
    let handler: NIOLoopBound<EngineConnectionHandler>
    /// Whether the connection has answered a request before.
    var isUsed = false

    /// Starts an exchange; its result is in the exchange.
    func begin(_ exchange: EngineExchange) {
        channel.eventLoop.execute { handler.value.begin(exchange) }
    }
}

/// Makes, keeps and closes connections.
final class EngineConnections: Sendable {
    private static let maximumIdle = 4
    /// A device between client and engine may drop a connection that is idle for long.
    private static let maximumIdleTime = Duration.seconds(20)

    private struct State {
        var isClosed = false
        var open: [ObjectIdentifier: any Channel] = [:]
        var idle: [(connection: EngineConnection, since: ContinuousClock.Instant)] = []
        var tls: NIOSSLContext?
    }

    let address: EngineAddress
    private let timeouts: EngineTimeouts
    private let group: any EventLoopGroup
    private let state = Locked(State())

    init(address: EngineAddress, timeouts: EngineTimeouts, group: any EventLoopGroup) {
        self.address = address
        self.timeouts = timeouts
        self.group = group
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The engine's name in a request's header.
    var hostHeader: String {
        switch address.endpoint {
        case .unix: "docker"
        case .tcp(let host, let port): (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
        }
    }

    /// Closes all connections, and every one made later.
    func close() {
        let channels = state.withLock { state in
            state.isClosed = true
            state.idle = []
            return Array(state.open.values)
        }
        for channel in channels { channel.close(promise: nil) }
    }

    // MARK: Idle connections

    func takeIdle() -> EngineConnection? {
        let (taken, stale) = state.withLock { state in
            let oldest = ContinuousClock.now - Self.maximumIdleTime
            let stale = state.idle.filter { $0.since < oldest }
            state.idle.removeAll { $0.since < oldest }
            return (state.idle.popLast()?.connection, stale)
        }
        for (connection, _) in stale { connection.channel.close(promise: nil) }
        return taken
    }

    /// Keeps a connection whose last exchange is complete.
    func giveBack(_ connection: EngineConnection) {
        let isKept = state.withLock { state in
            guard !state.isClosed, state.idle.count < Self.maximumIdle, connection.channel.isActive else {
                return false
            }
            state.idle.append((connection, .now))
            return true
        }
        if !isKept { connection.channel.close(promise: nil) }
    }

    private func register(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isOpen = state.withLock { state in
            if !state.isClosed { state.open[id] = channel }
            return !state.isClosed
        }
        guard isOpen else { return false }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { state in
                state.open[id] = nil
                state.idle.removeAll { ObjectIdentifier($0.connection.channel) == id }
            }
        }
        return true
    }

    // MARK: New connections

    /// Connects for `exchange` and starts it.
    ///
    /// - Parameter patience: the bound for the connection alone, where it is less than usual.
    func connect(for exchange: EngineExchange, within patience: Duration? = nil) {
        let patience = min(patience ?? timeouts.connect, timeouts.connect)
        let loop = group.next()
        let promise = loop.makePromise(of: Void.self)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(patience))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.setUp(channel, ready: promise) }
            }
        let connected =
            switch address.endpoint {
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port):
                bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .channelOption(.socketOption(.so_keepalive), value: 1).connect(host: host, port: port)
            }
        let timer = loop.scheduleTask(in: TimeAmount(patience)) {
            promise.fail(ChannelError.connectTimeout(TimeAmount(patience)))
        }
        connected.whenFailure { promise.fail($0) }
        connected.and(promise.futureResult).whenComplete { result in
            timer.cancel()
            switch result {
            case .success((let channel, _)):
                self.connected(channel, exchange)
            case .failure(let error):
                connected.whenSuccess { $0.close(promise: nil) }
                exchange.finish(.failure(self.unreachable(error, exchange)))
            }
        }
    }

    private func connected(_ channel: any Channel, _ exchange: EngineExchange) {
        guard register(channel) else {
            channel.close(promise: nil)
            exchange.finish(.failure(exchange.error(.closed, "the client was closed")))
            return
        }
        do {
            let handler = try channel.pipeline.syncOperations.handler(type: EngineConnectionHandler.self)
            EngineConnection(
                channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop)
            )
            .begin(exchange)
        } catch {
            channel.close(promise: nil)
            exchange.finish(.failure(unreachable(error, exchange)))
        }
    }

    /// Called on the event loop. Completes `ready` as soon as requests may be sent.
    private func setUp(_ channel: any Channel, ready: EventLoopPromise<Void>) throws {
        let pipeline = channel.pipeline.syncOperations
        if case .tcp(let host, _) = address.endpoint, let tls = address.tls {
            // An address is not a server name; the certificate has to list it as an address.
            let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
            let context = try context(tls)
            try pipeline.addHandlers(
                NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host),
                TLSHandshakeHandler(ready))
        } else {
            ready.succeed()
        }
        let gate = ConnectionGate(connections: self)
        try pipeline.addHandlers(
            gate, HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()),
            EngineConnectionHandler(connections: self, gate: gate))
    }

    private func context(_ files: EngineAddress.TLS) throws -> NIOSSLContext {
        if let made = state.withLock({ $0.tls }) { return made }
        let made = try NIOSSLContext(configuration: .engine(files))
        state.withLock { $0.tls = made }
        return made
    }

    private func unreachable(_ error: any Error, _ exchange: EngineExchange) -> EngineError {
        if isClosed { return exchange.error(.closed, "the client was closed") }
        if case ChannelError.connectTimeout = error {
            return exchange.error(
                .timedOut, "no connection to \(address) within \(timeouts.connect.words)")
        }
        return exchange.error(.unreachable, "cannot connect to \(address): \(connectionWords(error))")
    }
}

extension Duration {
    /// Text for people: `2 s`, `0.25 s`.
    var words: String {
        let (seconds, fraction) = components
        let milliseconds = fraction / 1_000_000_000_000_000
        guard milliseconds > 0 else { return "\(seconds) s" }
        var digits = String(String(milliseconds + 1000).dropFirst())
        while digits.last == "0" { digits.removeLast() }
        return "\(seconds).\(digits) s"
    }
}
#endif
