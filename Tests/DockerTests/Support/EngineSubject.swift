/// A real engine to test against, Docker or Podman, with an image and a recorder of a container's output.

#if Docker
import Foundation
import NIOCore
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker

/// The services that implement the Engine API here.
enum EngineKind: String, CaseIterable, Sendable {
    case docker, podman

    var address: String? { self == .docker ? EngineWorld.engine : EngineWorld.podman }
    var variable: String { self == .docker ? "SANDBOX_TEST_ENGINE" : "SANDBOX_TEST_PODMAN" }
}

/// Skips a test with a reason; with MUST_WORK=1 in the environment that is a failure.
func skip(_ reason: String, sourceLocation: SourceLocation = #_sourceLocation) {
    if ProcessInfo.processInfo.environment["MUST_WORK"] == "1" {
        Issue.record("MUST_WORK=1, but: \(reason)", sourceLocation: sourceLocation)
    } else {
        print("skipped: \(sourceLocation.fileName):\(sourceLocation.line): \(reason)")
    }
}

/// A client of a real engine, and an image there that has a shell and `cat`.
struct EngineSubject: Sendable {
    static let label = "swift-sandbox-engine-test"
    private static let archive = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "images/python-runner.docker.tar").path

    let kind: EngineKind
    let client: EngineClient
    let info: EngineInfo
    let image: String
    /// The name of this test's containers and volumes.
    let name = "sandbox-test-\(UUID().uuidString.lowercased().prefix(13))"

    /// Runs `body` with a client, and removes what `body` left; skips the test where there is no engine.
    static func with(
        _ kind: EngineKind, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (EngineSubject) async throws -> Void
    ) async throws {
        guard let address = kind.address else {
            return skip("there is no engine; \(kind.variable) names it", sourceLocation: sourceLocation)
        }
        let client = EngineClient(address: try EngineAddress(parsing: address))
        defer { client.close() }
        let info = try await client.connect()
        guard let image = try await image(of: client) else {
            return skip(
                "there is no \(archive); scripts/images.sh --docker python-runner makes it",
                sourceLocation: sourceLocation)
        }
        let subject = EngineSubject(kind: kind, client: client, info: info, image: image)
        do {
            try await body(subject)
        } catch {
            try? await subject.clean()
            throw error
        }
        try await subject.clean()
    }

    private static func image(of client: EngineClient) async throws -> String? {
        let names = ["python-runner:latest", "localhost/python-runner:latest"]
        for name in names where try await client.images.inspect(name) != nil { return name }
        guard FileManager.default.fileExists(atPath: archive) else { return nil }
        try await client.images.load(file: archive)
        for name in names where try await client.images.inspect(name) != nil { return name }
        return nil
    }

    private func clean() async throws {
        for container in try await client.containers.list(labels: [Self.label: name]) {
            try await client.containers.remove(container.id)
        }
        for volume in try await client.volumes.list(labels: [Self.label: name]) {
            try await client.volumes.remove(volume.name)
        }
    }

    /// A small container that runs `script`.
    func spec(_ script: String) -> ContainerSpec {
        var spec = ContainerSpec(image: image)
        spec.entrypoint = ["/bin/sh", "-c", script]
        spec.labels = [Self.label: name]
        spec.memory = 64 << 20
        spec.memoryAndSwap = 64 << 20
        spec.pids = 32
        // Podman's own default is more than some hosts allow.
        spec.resourceLimits = [
            .init(name: "nofile", soft: 1024, hard: 1024), .init(name: "nproc", soft: 1024, hard: 1024),
        ]
        return spec
    }

    /// Makes a container, attaches, starts it and waits until its streams end.
    func run(_ script: String, input: [UInt8]? = nil) async throws -> (id: String, StreamRecorder) {
        let id = try await client.containers.create(spec(script)).id
        let recorder = StreamRecorder()
        let stream = try await client.containers.attach(id, handler: recorder)
        try await client.containers.start(id)
        if let input { try await stream.writeAll([ByteBuffer(bytes: input)]) }
        stream.closeInput()
        try await recorder.untilEnded()
        return (id, recorder)
    }
}

/// Records a container's output.
final class StreamRecorder: AttachedStreamHandler {
    struct Record: Sendable {
        var output: [UInt8] = []
        var error: [UInt8] = []
        /// How often the stream ended, and the last reason.
        var ends = 0
        var reason: EngineError?
    }

    private let state = Mutex(Record())

    var record: Record { state.withLock { $0 } }
    var output: String { String(decoding: record.output, as: UTF8.self) }
    var error: String { String(decoding: record.error, as: UTF8.self) }

    func received(_ stream: StreamKind, _ bytes: ByteBuffer) {
        state.withLock { state in
            if stream == .standardError {
                state.error += bytes.readableBytesView
            } else {
                state.output += bytes.readableBytesView
            }
        }
    }

    func ended(_ error: EngineError?) {
        state.withLock { state in
            state.ends += 1
            state.reason = error
        }
    }

    func untilEnded() async throws { try await until("the stream has ended") { $0.ends > 0 } }

    func until(
        _ what: String, seconds: Double = 20, _ condition: @Sendable (Record) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !condition(record) {
            guard .now < deadline else { throw Late(what: "\(what), but: \(output) \(error)") }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    struct Late: Error { var what: String }
}

/// Expects `body` to throw an error of `kind` that has all of `words` in it.
func expectError(
    _ kind: EngineError.Kind, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("no error, expected \(kind)", sourceLocation: sourceLocation)
    } catch let error as EngineError {
        #expect(error.kind == kind, "\(error)", sourceLocation: sourceLocation)
        for word in words {
            #expect(
                error.description.contains(word), "\(error): expected '\(word)'",
                sourceLocation: sourceLocation)
        }
    } catch {
        Issue.record(error, "expected \(kind)", sourceLocation: sourceLocation)
    }
}
#endif
