/// Engines that do not exist, do not answer, or give wrong answers.

#if Docker
import Foundation
import NIOCore
import NIOPosix
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker

@Suite(.serialized, .timeLimit(.minutes(3))) struct EngineFailureTests {
    static let quick = EngineTimeouts(
        connect: .milliseconds(300), answer: .milliseconds(300), slowAnswer: .milliseconds(400),
        silence: .milliseconds(300))

    /// Answers as an engine to the request for its version, and as the test says to all others.
    static func client(
        onPort: Bool = false, timeouts: EngineTimeouts = EngineTimeouts(),
        _ answer: @escaping @Sendable (String) -> [FakeEngine.Step]
    ) async throws -> (EngineClient, FakeEngine) {
        let engine = try await FakeEngine(onPort: onPort) { line in
            if line.hasPrefix("GET /version ") { return FakeEngine.answer(FakeEngine.version) }
            if line.hasPrefix("GET /v1.41/info ") { return FakeEngine.answer("{}") }
            return answer(line)
        }
        let client = EngineClient(address: engine.address, timeouts: timeouts)
        #expect(try await client.connect().apiVersion == "1.41")
        return (client, engine)
    }

    @Test func namesAnAddressWithoutEngine() async throws {
        let missing = EngineClient(address: EngineAddress(.unix(path: "/nonexistent/engine.sock")))
        await expectError(.unreachable, "GET /version", "unix:///nonexistent/engine.sock", "No such file") {
            _ = try await missing.connect()
        }
        let taken = try await FakeEngine(onPort: true) { _ in [] }
        defer { taken.close() }
        guard case .tcp(_, let port) = taken.address.endpoint else { return }
        let refused = EngineClient(address: EngineAddress(.tcp(host: "127.0.0.2", port: port)))
        await expectError(.unreachable, "tcp://127.0.0.2:\(port)", "refused") {
            _ = try await refused.connect()
        }
    }

    @Test func saysHowLongItWaited() async throws {
        let (client, engine) = try await Self.client(timeouts: Self.quick) { _ in [] }
        defer { engine.close() }
        await expectError(.timedOut, "GET /containers/a/json", "no answer", "0.3 s") {
            _ = try await client.containers.inspect("a")
        }
        await expectError(.timedOut, "POST /containers/a/attach", "0.3 s") {
            _ = try await client.containers.attach("a", handler: StreamRecorder())
        }
        await expectError(.timedOut, "POST /containers/a/start", "0.4 s") {
            try await client.containers.start("a")
        }
    }

    @Test func aHeadIsNoAnswer() async throws {
        let (client, engine) = try await Self.client(timeouts: Self.quick) { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")]
        }
        defer { engine.close() }
        await expectError(.timedOut) { _ = try await client.containers.inspect("a") }
    }

    @Test func silenceIsMeasuredFromTheLastSign() async throws {
        let news = #"{"status":"Downloading","id":"layer","progressDetail":{"current":1,"total":2}}"#
        let (client, engine) = try await Self.client(timeouts: Self.quick) { line in
            let head = FakeEngine.Step.send("HTTP/1.1 200 OK\r\n\r\n")
            let parts: [FakeEngine.Step] = (0..<5).flatMap { _ in
                [FakeEngine.Step.pause(.milliseconds(150)), .send(news)]
            }
            return [head] + parts + (line.contains("=slow") ? [] : [.close])
        }
        defer { engine.close() }
        let seen = Mutex<[PullProgress]>([])
        try await client.images.pull(ImageName(parsing: "a")) { news in seen.withLock { $0.append(news) }
        }
        #expect(seen.withLock { $0 }.count == 5)
        #expect(
            seen.withLock { $0 }.first
                == PullProgress(status: "Downloading", layer: "layer", current: 1, total: 2))
        await expectError(.timedOut, "slow:latest", "silent for 0.3 s") {
            try await client.images.pull(ImageName(parsing: "slow"))
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\":", "HTTP/1.1 200 OK\r\nContent-Le", "",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"Id\"\r\n",
    ]) func noticesAnEndInsideOfAnAnswer(_ answer: String) async throws {
        let (client, engine) = try await Self.client { _ in [.send(answer), .close] }
        defer { engine.close() }
        await expectError(.interrupted, "closed the connection") {
            _ = try await client.containers.inspect("a")
        }
        await expectError(.interrupted) { _ = try await client.containers.wait("a") }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ]) func noticesWhatIsNoAnswer(_ answer: String) async throws {
        let (client, engine) = try await Self.client { _ in [.send(answer)] }
        defer { engine.close() }
        await expectError(.malformedAnswer, "GET /containers/a/json") {
            _ = try await client.containers.inspect("a")
        }
    }

    @Test func boundsWhatItReads() async throws {
        let body = ByteBuffer(repeating: UInt8(ascii: " "), count: 17 << 20)
        let (client, engine) = try await Self.client { line in
            let status = line.contains("/a/") ? "200 OK" : "500 Internal Server Error"
            let head = "HTTP/1.1 \(status)\r\nContent-Length: \(body.readableBytes)\r\n\r\n"
            return [.send(head), .sendBytes(body)]
        }
        defer { engine.close() }
        await expectError(.malformedAnswer, "more than 16777216 bytes") {
            _ = try await client.containers.inspect("a")
        }
        await expectError(.refused(status: 500), "HTTP status 500 Internal Server Error") {
            _ = try await client.containers.inspect("b")
        }
    }

    /// An engine may find an error only after it has begun to answer.
    @Test(arguments: [1, 7, 1000]) func anErrorInsideOfAStreamIsOne(_ size: Int) async throws {
        let text =
            #"{"status":"Pulling"}"# + "\r\n"
            + #"{"errorDetail":{"message":"no space \"left\""},"error":"no space"}"#
        let (client, engine) = try await Self.client { _ in
            let bytes = Array(text.utf8)
            let parts = stride(from: 0, to: bytes.count, by: size).map { start in
                let part = bytes[start..<min(start + size, bytes.count)]
                return FakeEngine.Step.send(
                    String(part.count, radix: 16) + "\r\n" + String(decoding: part, as: UTF8.self)
                        + "\r\n")
            }
            return [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")] + parts
                + [.send("0\r\n\r\n")]
        }
        defer { engine.close() }
        await expectError(.refused(status: 200), "POST /images/create", "a/b:c", #"no space "left""#) {
            try await client.images.pull(ImageName(parsing: "a/b:c"))
        }
    }

    @Test func askedAgainOnAConnectionThatWentStale() async throws {
        let count = Mutex(0)
        let (client, engine) = try await Self.client { line in
            let number = count.withLock { count in
                count += 1
                return count
            }
            // The server closes each connection instead of giving its second answer.
            return number == 2 ? [.close] : FakeEngine.answer("[]")
        }
        defer { engine.close() }
        #expect(try await client.containers.list().isEmpty)
        #expect(engine.connectionCount == 1, "one connection serves one request after the other")
        #expect(try await client.containers.list().isEmpty)
        #expect(engine.connectionCount == 2)
        #expect(engine.requests.filter { $0.hasPrefix("GET /v1.41/containers/json?") }.count == 3)
    }

    /// The engine might have done it already.
    @Test func neverAskedTwiceToStart() async throws {
        let (client, engine) = try await Self.client { _ in [.close] }
        defer { engine.close() }
        await expectError(.interrupted) { try await client.containers.start("a") }
        await expectError(.interrupted) {
            _ = try await client.containers.create(ContainerSpec(image: "a"))
        }
        #expect(engine.requests.filter { $0.hasPrefix("POST") }.count == 2)
    }

    @Test func cancellationEndsARequest() async throws {
        let (client, engine) = try await Self.client { _ in [] }
        defer { engine.close() }
        let task = Task { try await client.containers.inspect("a") }
        while engine.requests.count < 3 { try await Task.sleep(for: .milliseconds(1)) }
        task.cancel()
        await expectError(.cancelled, "GET /containers/a/json") { _ = try await task.value }
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.containers.inspect("b")
        }
        await expectError(.cancelled) { _ = try await late.value }
        #expect(engine.requests.count == 3)
    }

    static let heads = [
        "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n",
    ]

    /// The bytes that come in one packet with the head, and those that come after.
    @Test(arguments: heads) func losesNothingBehindTheHead(_ head: String) async throws {
        let frame = "\u{1}\0\0\0\0\0\0\u{3}abc"
        let (client, engine) = try await Self.client { _ in
            [
                .send(head + frame + "\u{2}\0\0"), .pause(.milliseconds(30)), .send("\0\0\0\0\u{1}x"),
                .close,
            ]
        }
        defer { engine.close() }
        for _ in 0..<20 {
            let recorder = StreamRecorder()
            _ = try await client.containers.attach("a", handler: recorder)
            try await recorder.untilEnded()
            #expect(recorder.output == "abc" && recorder.error == "x")
            #expect(recorder.record.ends == 1 && recorder.record.reason == nil)
        }
    }

    @Test(arguments: heads) func losesNothingBetweenHeadAndEnd(_ head: String) async throws {
        let (client, engine) = try await Self.client { _ in
            [.send(head + "\u{1}\0\0\0\0\0\0\u{3}abc"), .close]
        }
        defer { engine.close() }
        for _ in 0..<20 {
            let recorder = StreamRecorder()
            _ = try await client.containers.attach("a", handler: recorder)
            try await recorder.untilEnded()
            #expect(recorder.output == "abc" && recorder.record.reason == nil)
        }
    }

    @Test(arguments: heads) func noticesABrokenStream(_ head: String) async throws {
        let (client, engine) = try await Self.client { line in
            line.contains("/cut/")
                ? [.send(head + "\u{1}\0\0\0\0\0\0\u{5}abc"), .close] : [.send(head + "HTTP/1.1 400 Bad")]
        }
        defer { engine.close() }
        let cut = StreamRecorder()
        _ = try await client.containers.attach("cut", handler: cut)
        try await cut.untilEnded()
        #expect(cut.output == "abc" && cut.record.reason?.kind == .interrupted)
        let broken = StreamRecorder()
        let stream = try await client.containers.attach("broken", handler: broken)
        try await broken.untilEnded()
        #expect(broken.record.reason?.kind == .malformedAnswer && broken.record.ends == 1)
        stream.write(ByteBuffer(string: "x"))
        stream.close()
    }

    @Test func isNotAttachedWhenRefused() async throws {
        let (client, engine) = try await Self.client { _ in
            FakeEngine.answer(#"{"message":"No such container: a"}"#, status: "404 Not Found")
        }
        defer { engine.close() }
        let recorder = StreamRecorder()
        await expectError(.refused(status: 404), "No such container: a") {
            _ = try await client.containers.attach("a", handler: recorder)
        }
        #expect(recorder.record.ends == 0)
    }

    @Test func speaksOverAPort() async throws {
        let (client, engine) = try await Self.client(onPort: true) { _ in FakeEngine.answer("[]") }
        defer { engine.close() }
        #expect(try await client.containers.list(labels: ["a": "b"]).isEmpty)
    }

    @Test func waitsForARemovalUnderWay() async throws {
        let count = Mutex(0)
        let (client, engine) = try await Self.client { _ in
            let number = count.withLock { count in
                count += 1
                return count
            }
            return number < 4
                ? FakeEngine.answer(
                    #"{"message":"removal of container a is already in progress"}"#,
                    status: "409 Conflict")
                : FakeEngine.answer(#"{"message":"No such container: a"}"#, status: "404 Not Found")
        }
        defer { engine.close() }
        try await client.containers.remove("a")
        #expect(engine.requests.last == "DELETE /v1.41/containers/a?force=1&v=1 HTTP/1.1")
        #expect(count.withLock { $0 } == 4)
    }
}
#endif
