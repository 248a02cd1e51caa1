/// An engine that accepts connections and never answers: callers wait only until a sign of life is overdue.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker
@testable import SandboxFallback
import NIOHTTP1
import SandboxRuntime

@Suite(.timeLimit(.minutes(3))) struct SilentEngineTests {
    /// Far more than is needed, and far less than the answers may take here.
    private static let soon = Duration.seconds(15)

    /// A configuration for an engine that never answers, whose answers may take an hour.
    private static func withSilence(
        sign: Duration, _ body: (DockerConfiguration, FakeEngine) async throws -> Void
    ) async throws {
        let engine = try await FakeEngine { _ in [] }
        var configuration = ContainerWorld.configuration("\(engine.address)")
        configuration.engineTimeouts = EngineTimeouts(
            sign: sign, answer: .seconds(3600), slowAnswer: .seconds(3600))
        try await body(configuration, engine)
        engine.close()
    }

    @Test func callersAreToldTogether() async throws {
        try await Self.withSilence(sign: .milliseconds(300)) { configuration, _ in
            let backend = try DockerBackend(configuration: configuration)
            let start = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        await expectSandboxError(.backendUnavailable, "does not answer", "0.3 s") {
                            _ = try await backend.acquire(SandboxOptions())
                        }
                    }
                }
            }
            #expect(.now - start < Self.soon)
            await backend.shutdown()
            #expect(.now - start < Self.soon)
        }
    }

    /// With the default timeouts a fallback costs one ping, and none while the breaker is open.
    @Test(.enabled("this host makes no sandboxes") { await FallbackWorld.isPossible })
    func aFallbackLooksOnce() async throws {
        try await Self.withSilence(sign: EngineTimeouts().sign) { configuration, engine in
            let second = LocalBackend(.init(minimum: 0, maximum: 1))
            let backend = try FallbackBackend(
                primary: try DockerBackend(configuration: configuration), secondary: second)
            let start = ContinuousClock.now
            let first = try await backend.acquire(SandboxOptions())
            #expect(first.provenance.fallbackReason?.contains("does not answer") == true)
            #expect(.now - start < Self.soon)
            await first.close()
            let asked = engine.requests.count
            for _ in 0..<5 { await (try await backend.acquire(SandboxOptions())).close() }
            #expect(backend.breakerPosition == .open && engine.requests.count == asked)
            await backend.shutdown()
        }
    }

    @Test func aCancelledFirstAcquireLeavesAtOnce() async throws {
        try await Self.withSilence(sign: .seconds(3600)) { configuration, engine in
            let backend = try DockerBackend(configuration: configuration)
            let caller = Task { () -> SandboxError.Code? in
                do throws(SandboxError) {
                    _ = try await backend.acquire(SandboxOptions())
                    return nil
                } catch {
                    return error.code
                }
            }
            #expect(await ContainerWorld.eventually { !engine.requests.isEmpty })
            let start = ContinuousClock.now
            caller.cancel()
            #expect(await caller.value == .cancelled)
            // A shut-down is quick, too, since there are no containers to remove.
            await backend.shutdown()
            #expect(.now - start < Self.soon)
        }
    }

    @Test func aCleanUpSaysSo() async throws {
        try await Self.withSilence(sign: .milliseconds(300)) { configuration, _ in
            await expectSandboxError(.backendUnavailable, "does not answer") {
                _ = try await DockerBackend.cleanup(configuration)
            }
        }
    }

    /// A slow engine is not a silent one: while it answers pings, the backend waits for it.
    @Test func aSlowEngineIsWaitedFor() async throws {
        let engine = try await FakeEngine { line in
            if line.contains("/_ping") {
                return [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")]
            }
            let body = line.contains("/version") ? FakeEngine.version : "{}"
            return [
                .pause(.seconds(2)),
                .send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"),
            ]
        }
        let client = EngineClient(
            address: engine.address, timeouts: EngineTimeouts(sign: .milliseconds(400)))
        #expect(try await client.connect().engineVersion == "fake")
        #expect(engine.requests.contains { $0.contains("/_ping") })
        client.close()
        engine.close()
    }
}

@Suite(
    .serialized, .enabled(if: EngineWorld.engine != nil, "scripts/engines/docker-tests.sh starts the engine"),
    .timeLimit(.minutes(3)))
struct FrozenEngineTests {
    @Test func waitersAndAShutDownDoNotWaitForIt() async throws {
        try await EngineControl.withEngine(named: "frozen") { engine in
            try await engine.load("static")
            var configuration = ContainerWorld.configuration(engine.host)
            (configuration.pool.minimum, configuration.pool.maximum) = (1, 3)
            let backend = try DockerBackend(configuration: configuration)
            let held = try await backend.acquire(SandboxOptions())
            _ = await ContainerWorld.eventually { backend.statistics.available > 0 }
            let other = try await backend.acquire(SandboxOptions())
            try engine.freeze()
            defer { try? engine.thaw() }
            // While no other sandbox can be made, one in use is no reason to wait.
            let start = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        await expectSandboxError(.backendUnavailable, "does not answer") {
                            _ = try await backend.acquire(SandboxOptions())
                        }
                    }
                }
            }
            #expect(.now - start < .seconds(25))
            #expect(backend.statistics.inUse == 2)
            let end = ContinuousClock.now
            await backend.shutdown()
            #expect(.now - end < .seconds(25))
            await held.close()
            await other.close()
            // Once the engine runs again, no program runs any more, since the streams have ended. The next
            // backend may remove what the engine makes only now, without waiting for this process's end.
            try engine.thaw()
            let client = EngineClient(address: try EngineAddress(parsing: engine.host))
            defer { client.close() }
            #expect(
                try await ContainerWorld.eventually {
                    _ = try await DockerBackend.cleanup(configuration)
                    return try await ContainerWorld.leftovers(backend.owner.ownLabels, client).isEmpty
                })
        }
    }

    @Test func aPausedIdleContainerIsPassedOver() async throws {
        try await ContainerWorld.withBackend(
            ContainerWorld.Change {
                ($0.pool.minimum, $0.pool.maximum) = (0, 4)
                $0.idlePatience = .milliseconds(300)
            }
        ) { backend in
            let first = try await backend.run(victim: "nothing").provenance.sandbox
            #expect(await ContainerWorld.eventually { backend.statistics.available == 1 })
            try await ContainerWorld.withClient(backend) { client in
                // The only container, so that the next caller gets it.
                try await client.send(
                    EngineRequest(
                        method: .POST, path: "/containers/\(first)/pause", patience: .total(.seconds(30)))
                )
                // The pool does not check an agent again that was heard from in the last 20 ms, since each
                // run would pay for that.
                try await Task.sleep(for: .milliseconds(100))
                let next = try await backend.run(victim: "nothing")
                #expect(next.outcome == .exited(code: 0), "\(next.told)")
                #expect(next.provenance.sandbox != first)
                #expect(
                    try await ContainerWorld.eventually {
                        try await !ContainerWorld.containers(backend.owner.ownLabels, client)
                            .contains(first)
                    }, "the paused one stays")
            }
        }
    }
}
#endif
