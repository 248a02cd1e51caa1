/// Each part that can fail does so at the wrong moment: each time there is a typed error or the right result,
/// in bounded time, and nothing is left.

#if Docker
import Foundation
import NIOCore
import Sandbox
import Testing

@testable import SandboxDocker
import NIOHTTP1
import SandboxRuntime

/// What happens to a container from outside.
enum Blow: String, CaseIterable, Sendable {
    /// SIGKILL to its first process, by the host.
    case killAgent
    case dockerKill, dockerStop, dockerRemove, dockerPause

    func strike(_ container: String, _ client: EngineClient) async throws {
        switch self {
        case .killAgent:
            let pid = Int32(try await client.containers.inspect(container).pid)
            if pid > 1 { kill(pid, SIGKILL) }
        case .dockerKill: try await client.containers.kill(container)
        case .dockerStop: try await client.containers.act("stop", container)
        case .dockerRemove: try await client.containers.remove(container)
        case .dockerPause: try await client.containers.act("pause", container)
        }
    }
}

extension EngineContainers {
    /// A request that the library itself never sends.
    func act(_ verb: String, _ id: String) async throws {
        try await client.send(
            EngineRequest(
                method: .POST, path: "/containers/\(id)/\(verb)", patience: .total(.seconds(20))),
            successes: [304, 404, 409])
    }
}

@Suite("Crashes", .timeLimit(.minutes(5)))
struct CrashTests {
    /// How much longer than its bound a call may take on a busy machine.
    static let slack = Duration.seconds(8)
    static let losses: Set<SandboxError.Code> = [.containerLost, .backendUnavailable]

    /// Expects an error of ``losses`` within a time; a result is a failure.
    static func expectLoss(
        within patience: Duration, _ what: String, codes: Set<SandboxError.Code> = losses,
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> RunResult
    ) async {
        let start = ContinuousClock.now
        do {
            let result = try await body()
            Issue.record("\(what): a result, \(result.told)", sourceLocation: sourceLocation)
        } catch let error as SandboxError {
            #expect(codes.contains(error.code), "\(what): \(error)", sourceLocation: sourceLocation)
            #expect(
                error.provenance?.kind == .docker, "\(what): \(error)", sourceLocation: sourceLocation)
        } catch {
            Issue.record(error, "\(what)", sourceLocation: sourceLocation)
        }
        #expect(
            .now - start < patience, "\(what): \(ContinuousClock.now - start)",
            sourceLocation: sourceLocation)
    }

    static func expectWorks(
        _ backend: any SandboxBackend, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let result = try await backend.run(victim: "exit_code", ["7"])
        #expect(
            result.outcome == .exited(code: 7), "\(what): \(result.told)", sourceLocation: sourceLocation)
    }

    /// Shuts the backend down and expects that the engine has nothing of it.
    static func expectNothingLeft(
        _ backend: DockerBackend, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        await backend.shutdown()
        let owner = backend.owner
        let labels = [
            ContainerOwner.pidLabel: "\(owner.pid)", ContainerOwner.backendLabel: "\(owner.backend)",
        ]
        try await ContainerWorld.withClient(backend) { client in
            let left = try await ContainerWorld.leftovers(labels, client)
            #expect(left.isEmpty, sourceLocation: sourceLocation)
            let volumes = try await client.volumes.list().map(\.name).filter {
                $0.hasPrefix(owner.name + "-")
            }
            #expect(volumes.isEmpty, sourceLocation: sourceLocation)
        }
    }

    @Test("A container's labels name its owner")
    func labels() async throws {
        try await ContainerWorld.withBackend { backend in
            let result = try await backend.run(victim: "nothing")
            try await ContainerWorld.withClient(backend) { client in
                let labels = try await client.containers.inspect(result.provenance.sandbox).labels
                let expected = backend.owner.labels(
                    .sandbox, pool: "\(ContainerWorld.image), read-only",
                    engine: backend.configuration.engineHost ?? "")
                for (label, value) in expected where label != ContainerOwner.createdLabel {
                    #expect(labels[label] == value, "\(label)")
                }
                #expect(Int(labels[ContainerOwner.createdLabel] ?? "") ?? 0 > 1_700_000_000)
                #expect(labels[ContainerOwner.pidLabel] == "\(getpid())")
                #expect(labels[ContainerOwner.hostLabel] == ProcessFacts.host)
                let volumes = try await client.volumes.list(labels: [
                    ContainerOwner.pidLabel: "\(getpid())"
                ])
                let own = volumes.first { $0.name == backend.owner.volumeName }
                #expect(own?.labels[ContainerOwner.purposeLabel] == "agent")
            }
            try await Self.expectNothingLeft(backend)
        }
    }

    @Test("A blow in the middle of a run", arguments: Blow.allCases)
    func duringRun(blow: Blow) async throws {
        try await ContainerWorld.withBackend(.init { $0.runDeadlineGrace = .seconds(2) }) { backend in
            try await Self.expectWorks(backend, "before")
            let limits = Limits(wallTime: .seconds(2))
            try await ContainerWorld.withClient(backend) { client in
                try await backend.withSandbox { sandbox in
                    let container = sandbox.provenance.sandbox
                    await Self.expectLoss(
                        within: .seconds(4) + Self.slack, "\(blow)", codes: [.containerLost]
                    ) {
                        async let strike: Void = {
                            try await Task.sleep(for: .milliseconds(300))
                            try await blow.strike(container, client)
                        }()
                        let result = try await sandbox.run(victim: "sleep_forever", limits: limits)
                        try await strike
                        return result
                    }
                    // Further calls to a lost sandbox fail at once.
                    await Self.expectLoss(within: .seconds(1) + Self.slack, "a second run") {
                        try await sandbox.run(victim: "nothing", limits: limits)
                    }
                }
            }
            try await Self.expectWorks(backend, "after")
            try await Self.expectNothingLeft(backend)
        }
    }

    @Test("A blow to a container that waits for a caller", arguments: Blow.allCases)
    func whileIdle(blow: Blow) async throws {
        try await ContainerWorld.withBackend(.init { $0.runDeadlineGrace = .seconds(2) }) { backend in
            let container = try await backend.run(victim: "nothing").provenance.sandbox
            try await ContainerWorld.withClient(backend) { client in
                #expect(await ContainerWorld.eventually { backend.statistics.available == 1 })
                try await blow.strike(container, client)
            }
            // The engine does not report a pause: the pool notices it before the next caller gets the
            // container. The pool does not check an agent again that was heard from in the last 20 ms, since
            // each run would pay for that.
            if blow == .dockerPause {
                try await Task.sleep(for: .milliseconds(100))
            } else {
                #expect(
                    await ContainerWorld.eventually { backend.statistics.destroyed == 1 },
                    "\(backend.statistics)")
            }
            let next = try await backend.run(victim: "exit_code", ["7"])
            #expect(
                next.outcome == .exited(code: 7) && next.provenance.sandbox != container, "\(next.told)")
            try await Self.expectNothingLeft(backend)
        }
    }

    enum Call: String, CaseIterable { case write, read, run, close }

    @Test("A blow between two calls of a sandbox", arguments: Blow.allCases, Call.allCases)
    func betweenCalls(blow: Blow, call: Call) async throws {
        try await ContainerWorld.withBackend(.init { $0.runDeadlineGrace = .seconds(2) }) { backend in
            try await ContainerWorld.withClient(backend) { client in
                try await backend.withSandbox { sandbox in
                    try await sandbox.write([1, 2, 3], to: "file")
                    try await blow.strike(sandbox.provenance.sandbox, client)
                    if call == .close { return }
                    await Self.expectLoss(within: .seconds(5) + Self.slack, "\(call) after \(blow)") {
                        switch call {
                        case .write:
                            try await sandbox.write([UInt8](repeating: 1, count: 1 << 20), to: "other")
                        case .read: _ = try await sandbox.read("file", maxBytes: 10)
                        case .run, .close: break
                        }
                        // A sandbox that was lost during a call stays lost, and so does one whose limits must
                        // change.
                        return try await sandbox.run(
                            Command("./file"), limits: Limits(wallTime: .seconds(1), disk: 64 << 20))
                    }
                }
            }
            try await Self.expectWorks(backend, "after \(call)")
            try await Self.expectNothingLeft(backend)
        }
    }

    @Test("A pause that ends in time costs nothing but time")
    func shortPause() async throws {
        try await ContainerWorld.withBackend { backend in
            try await ContainerWorld.withClient(backend) { client in
                try await backend.withSandbox { sandbox in
                    async let pause: Void = {
                        try await Task.sleep(for: .milliseconds(200))
                        try await client.containers.act("pause", sandbox.provenance.sandbox)
                        try await Task.sleep(for: .milliseconds(400))
                        try await client.containers.act("unpause", sandbox.provenance.sandbox)
                    }()
                    let result = try await sandbox.run(victim: "sleep_for", ["500"])
                    try await pause
                    #expect(result.outcome == .exited(code: 0), "\(result.told)")
                }
            }
            try await Self.expectNothingLeft(backend)
        }
    }

    @Test("The agent's volume is removed while no container uses it")
    func volumeLost() async throws {
        try await ContainerWorld.withBackend(
            .init {
                $0.pool.minimum = 0
                $0.pool.maxUses = 1
            }
        ) { backend in
            try await Self.expectWorks(backend, "before")
            try await ContainerWorld.withClient(backend) { client in
                let name = backend.owner.volumeName
                #expect(await ContainerWorld.eventually(.seconds(30)) { backend.statistics.total == 0 })
                try await client.volumes.remove(name)
                _ = try? await backend.run(victim: "nothing")
                try await Self.expectWorks(backend, "after")
                let volume = try await client.volumes.list().first { $0.name == name }
                #expect(volume.flatMap { ContainerOwner(labels: $0.labels) } == backend.owner)
            }
            try await Self.expectNothingLeft(backend)
        }
    }

    @Test("Callers cancelled at any moment leave nothing on the engine")
    func lostAnswers() async throws {
        try await ContainerWorld.withBackend(
            .init {
                $0.pool = PoolConfiguration(
                    minimum: 0, maximum: 4, idleTimeout: .milliseconds(50), maxUses: 1)
            }
        ) { backend in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<50 {
                            let acquire = Task { try await backend.acquire(SandboxOptions()) }
                            try? await Task.sleep(for: .milliseconds(Int.random(in: 0...120)))
                            acquire.cancel()
                            if case .success(let sandbox) = await acquire.result { await sandbox.close() }
                        }
                    }
                }
            }
            try await Self.expectWorks(backend, "after")
            try await Self.expectNothingLeft(backend)
        }
    }
}
#endif
