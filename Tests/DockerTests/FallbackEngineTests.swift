/// Falling back from a real engine: it is down, stops, lacks an image, and comes back.

#if Docker
import Foundation
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker
@testable import SandboxFallback
import SandboxRuntime

@Suite(
    .serialized, .timeLimit(.minutes(3)),
    .enabled("this host makes no sandboxes; MUST_WORK=1 runs these anyway") { await FallbackWorld.isPossible }
)
struct FallbackEngineTests {
    private final class Events: Sendable {
        private let heard = Mutex<[FallbackEvent]>([])
        var all: [FallbackEvent] { heard.withLock { $0 } }
        func append(_ event: FallbackEvent) { heard.withLock { $0.append(event) } }
    }

    private static func backend(
        _ host: String, _ events: Events, pause: Duration, image: String = "cpp-runner"
    ) throws -> FallbackBackend {
        var docker = DockerConfiguration()
        docker.engineHost = host
        docker.image = image
        docker.pullPolicy = .never
        docker.pool.minimum = 0
        docker.logger = .silent
        var configuration = FallbackBackend.Configuration()
        configuration.logger = .silent
        configuration.breaker = CircuitBreaker.Policy(initialPause: pause)
        configuration.onFallback = { events.append($0) }
        return try FallbackBackend(
            primary: try DockerBackend(configuration: docker), secondary: LocalBackend(), configuration)
    }

    private static func echo(_ word: String) -> Command { Command("/bin/sh", ["-c", "echo \(word)"]) }

    @Test func anEngineThatComesAndGoes() async throws {
        guard EngineWorld.engineScript != nil, EngineWorld.images != nil else {
            return skip("there is no engine; scripts/engines/docker-tests.sh -- COMMAND starts one")
        }
        try await EngineControl.withEngine(named: "fb") { engine in
            try await engine.load("cpp-runner")
            try await engine.kill()
            let events = Events()
            let backend = try Self.backend(engine.host, events, pause: .milliseconds(300))

            // The engine is down at the start.
            let down = try await backend.run(Self.echo("down"))
            #expect(down.stdoutText == "down\n" && down.provenance.kind == .local)
            #expect(down.provenance.requested == "auto")
            #expect(down.provenance.fallbackReason?.contains(engine.directory) == true)

            // The engine runs.
            try await engine.start()
            try await Task.sleep(for: .milliseconds(400))
            let up = try await backend.run(Self.echo("up"))
            #expect(up.stdoutText == "up\n" && up.provenance.kind == .docker)
            #expect(up.provenance.fallbackReason == nil && up.provenance.requested == "auto")

            // The engine dies in the middle of a run that has a file.
            let gone = try await backend.withSandbox { sandbox in
                try await sandbox.write("content", to: "file")
                async let result = sandbox.run(
                    Command("/bin/sh", ["-c", "cat file; echo apart >&2; sleep 3; exit 4"]))
                try await Task.sleep(for: .milliseconds(300))
                try await engine.kill()
                return try await result
            }
            #expect(gone.outcome == .exited(code: 4) && gone.stdoutText == "content")
            #expect(gone.stderrText == "apart\n")
            #expect(gone.provenance.kind == .local && gone.provenance.attempt == 2, "\(gone.provenance)")
            #expect(gone.provenance.fallbackReason?.isEmpty == false)
            #expect(events.all.last?.isRetry == true && events.all.last?.code == .containerLost)

            // The engine comes back twice, the second time without an image.
            try await engine.start()
            try await Task.sleep(for: .milliseconds(700))
            var back = try await backend.run(Self.echo("back"))
            for _ in 0..<20 where back.provenance.kind == .local {
                try await Task.sleep(for: .milliseconds(100))
                back = try await backend.run(Self.echo("back"))
            }
            #expect(back.stdoutText == "back\n" && back.provenance.kind == .docker)
            #expect(back.provenance.fallbackReason == nil)
            await backend.shutdown()

            let other = try Self.backend(
                engine.host, events, pause: .milliseconds(300), image: "own/missing:1")
            let lacking = try await other.run(Self.echo("lacking"))
            #expect(lacking.stdoutText == "lacking\n" && lacking.provenance.kind == .local)
            #expect(lacking.provenance.fallbackReason?.contains("own/missing:1") == true)
            #expect(events.all.last?.code == .imageUnavailable)
            await other.shutdown()
        }
    }

    /// The address of a dead engine, at which every connection is counted.
    @Test func aDeadEngineIsNotAskedAgainAndAgain() async throws {
        let engine = try await FakeEngine { _ in [.close] }
        defer { engine.close() }
        guard case .unix(let path) = engine.address.endpoint else { return }
        let events = Events()
        let backend = try Self.backend("unix://\(path)", events, pause: .seconds(60))
        for number in 0..<20 {
            let result = try await backend.run(Self.echo("\(number)"))
            #expect(result.stdoutText == "\(number)\n" && result.provenance.kind == .local)
            #expect(result.provenance.fallbackReason?.isEmpty == false)
        }
        let attempts = engine.connectionCount
        // One request, which may be repeated on a new connection.
        #expect((1...2).contains(attempts), "\(engine.requests)")
        #expect(events.all.map(\.wasTried) == [true] + Array(repeating: false, count: 19))
        #expect(backend.breakerPosition == .open)
        await backend.shutdown()
        #expect(engine.connectionCount == attempts)
    }
}
#endif
