/// A client of the Docker Engine API, which Podman implements, too.

#if Docker
package import NIOCore
import NIOPosix
import SandboxAPI
import SandboxRuntime
import NIOHTTP1

/// A client of one engine. Its calls are grouped: ``containers``, ``images`` and ``volumes``.
package final class EngineClient: Sendable {
    /// The newest version of the API that this client supports.
    package static let newestVersion = EngineVersion(major: 1, minor: 51)
    /// The oldest version that has all requests of this client.
    package static let oldestVersion = EngineVersion(major: 1, minor: 40)

    package let address: EngineAddress
    package let timeouts: EngineTimeouts
    private let connections: EngineConnections
    private let version = Locked<EngineVersion?>(nil)
    private let watch: EngineWatch

    /// Makes a client without a connection.
    package init(
        address: EngineAddress, timeouts: EngineTimeouts = EngineTimeouts(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.address = address
        self.timeouts = timeouts
        let connections = EngineConnections(address: address, timeouts: timeouts, group: group)
        self.connections = connections
        watch = EngineWatch { await Self.ask(connections, timeouts.sign) }
    }

    deinit { connections.close() }

    package var containers: EngineContainers { EngineContainers(client: self) }
    package var images: EngineImages { EngineImages(client: self) }
    package var volumes: EngineVolumes { EngineVolumes(client: self) }

    /// Agrees with the engine on a version of the API, and requests its facts. Call it before any other
    /// request, and again after the engine was replaced.
    ///
    /// - Throws: `.unreachable`; `.refused(status: 400)` if the two have no version in common.
    package func connect() async throws(EngineError) -> EngineInfo {
        let request = EngineRequest(
            method: .GET, path: "/version", patience: .total(timeouts.answer), isRepeatable: true)
        let answer = try await send(request, isVersioned: false)
        let described = try EngineJSON.decode(
            EngineInfo.Version.self, from: answer.body, operation: request.operation)
        let agreed = try Self.agree(
            newest: described.newest, oldest: described.oldest, operation: request.operation)
        version.withLock { $0 = agreed }
        let info = try await decoded(
            EngineInfo.System.self,
            EngineRequest(
                method: .GET, path: "/info", patience: .total(timeouts.answer), isRepeatable: true))
        return EngineInfo(apiVersion: agreed.description, described, info)
    }

    /// The engine's own clock, in seconds since 1970; nil if the engine does not report it.
    package func time() async throws(EngineError) -> Int64? {
        struct Clock: Decodable {
            var time: String?

            enum CodingKeys: String, CodingKey { case time = "SystemTime" }
        }
        let request = EngineRequest(
            method: .GET, path: "/info", patience: .total(timeouts.answer), isRepeatable: true)
        return try await decoded(Clock.self, request).time.flatMap(EngineTime.seconds)
    }

    package var isClosed: Bool { connections.isClosed }

    /// Whether the engine is not silent: it answers a ping, or no connection can be made at all.
    package func isAnswering() async -> Bool { await Self.ask(connections, timeouts.sign) == nil }

    /// Sends a ping on a connection of its own. Any answer will do.
    private static func ask(_ connections: EngineConnections, _ patience: Duration) async -> EngineError? {
        let request = EngineRequest(method: .GET, path: "/_ping", patience: .total(patience))
        let exchange = EngineExchange(request, apiVersion: nil, accepted: nil, receive: nil)
        let result = await exchange.run { connections.connect(for: exchange, within: patience) }
        // A broken connection is reported by the request that waits on it.
        guard case .failure(let error) = result, error.kind == .timedOut else { return nil }
        return exchange.error(
            .timedOut, "\(connections.address) does not answer: it was silent for \(patience.words)")
    }

    /// Ends all calls under way and all attached streams with `.closed`; calls after it fail the same way.
    package func close() { connections.close() }

    /// The version to use with an engine that supports `oldest` to `newest`.
    static func agree(
        newest: String, oldest: String?, operation: String
    ) throws(EngineError) -> EngineVersion {
        guard let theirs = EngineVersion(newest) else {
            throw EngineError(
                .malformedAnswer, operation: operation,
                message: EngineError.bounded("the engine calls its API's version '\(newest)'"))
        }
        if theirs < oldestVersion {
            throw EngineError(
                .refused(status: 400), operation: operation,
                message: "the engine speaks version \(theirs) of the API at most; "
                    + "\(oldestVersion) is needed: a newer engine is")
        }
        if let least = oldest.flatMap(EngineVersion.init), least > newestVersion {
            throw EngineError(
                .refused(status: 400), operation: operation,
                message: "the engine speaks version \(least) of the API at least, this library "
                    + "\(newestVersion) at most: a newer version of this library is needed")
        }
        return min(theirs, newestVersion)
    }
}

// MARK: Requests

extension EngineClient {
    /// Sends a request and returns its successful answer.
    ///
    /// - Parameters:
    ///   - successes: statuses that are no error although they are not 2xx.
    ///   - accepted: called on the event loop when the head of a successful answer has come.
    ///   - receive: takes the body of a successful answer piece by piece, on the event loop.
    @discardableResult
    func send(
        _ request: EngineRequest, isVersioned: Bool = true, successes: [Int] = [],
        accepted: (@Sendable () -> Void)? = nil,
        receive: (@Sendable (ByteBuffer) throws(EngineError) -> Void)? = nil
    ) async throws(EngineError) -> EngineAnswer {
        let answer = try await exchange(request, isVersioned, accepted, receive)
        guard answer.isSuccess || answer.stream != nil || successes.contains(answer.status) else {
            throw .refusal(
                status: answer.status, reason: answer.reason, body: answer.body,
                operation: request.operation)
        }
        return answer
    }

    /// Sends a request and decodes its answer.
    func decoded<Value: Decodable>(
        _ type: Value.Type, _ request: EngineRequest
    ) async throws(EngineError) -> Value {
        try EngineJSON.decode(
            type, from: try await send(request).body, operation: request.operation)
    }

    /// Sends a request and returns the answer, whatever it is. On a reused connection, which the engine may
    /// just have closed, a repeatable request has a second try.
    private func exchange(
        _ request: EngineRequest, _ isVersioned: Bool, _ accepted: (@Sendable () -> Void)?,
        _ receive: (@Sendable (ByteBuffer) throws(EngineError) -> Void)?
    ) async throws(EngineError) -> EngineAnswer {
        let apiVersion = isVersioned ? version.withLock { $0?.description } : nil
        func makeExchange() -> EngineExchange {
            EngineExchange(request, apiVersion: apiVersion, accepted: accepted, receive: receive)
        }
        if connections.isClosed {
            throw EngineError(.closed, operation: request.operation, message: "the client was closed")
        }
        if request.isRepeatable, let idle = connections.takeIdle() {
            let exchange = makeExchange()
            let number = watch.begin(exchange)
            let result = await exchange.run { idle.begin(exchange) }
            watch.end(number)
            guard case .failure(let error) = result, error.kind == .interrupted else {
                return try result.get()
            }
        }
        let exchange = makeExchange()
        let number = watch.begin(exchange)
        defer { watch.end(number) }
        return try await exchange.run { connections.connect(for: exchange) }.get()
    }
}

/// A version of the Engine API, as `1.41`.
package struct EngineVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var major: Int
    package var minor: Int

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// nil if `text` is no version.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0,
            minor >= 0
        else { return nil }
        self.init(major: major, minor: minor)
    }

    package var description: String { "\(major).\(minor)" }

    package static func < (one: Self, other: Self) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }
}
#endif
