/// The engine, or the process that owns the containers, is killed.

#if Docker
import Foundation
import Glibc
import Sandbox
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite(
    "Crashes of the engine",
    .enabled(if: EngineWorld.engine != nil, "scripts/engines/docker-tests.sh starts the engine"),
    .timeLimit(.minutes(3)))
struct EngineCrashTests {
    @Test("The engine crashes and comes back in the middle of runs")
    func engineCrash() async throws {
        try await EngineControl.withEngine(named: "crash") { engine in
            try await engine.load("static")
            var configuration = ContainerWorld.configuration(engine.host)
            configuration.pool.minimum = 2
            configuration.pool.maximum = 3
            configuration.runDeadlineGrace = .seconds(2)
            let backend = try DockerBackend(configuration: configuration)
            try await CrashTests.expectWorks(backend, "before")
            for round in ["crash", "restart"] {
                let limits = Limits(wallTime: .seconds(30))
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 {
                        group.addTask {
                            await CrashTests.expectLoss(within: .seconds(16) + CrashTests.slack, round) {
                                try await backend.run(victim: "sleep_forever", limits: limits)
                            }
                        }
                    }
                    _ = await ContainerWorld.eventually { backend.statistics.inUse == 3 }
                    try? await Task.sleep(for: .milliseconds(300))
                    do {
                        if round == "crash" {
                            try await engine.kill()
                        } else {
                            try await engine.restart()
                        }
                    } catch {
                        Issue.record(error)
                    }
                }
                if round == "crash" {
                    for _ in 0..<3 {
                        await CrashTests.expectLoss(
                            within: .seconds(3) + CrashTests.slack, "while it is down",
                            codes: [.backendUnavailable]
                        ) { try await backend.run(victim: "nothing") }
                    }
                    try await engine.start()
                }
                for number in 0..<4 {
                    try await CrashTests.expectWorks(backend, "after a \(round), \(number)")
                }
            }
            try await CrashTests.expectNothingLeft(backend)
            let client = EngineClient(address: try EngineAddress(parsing: engine.host))
            defer { client.close() }
            // No other test uses this engine, so nothing at all may be left there.
            let left = try await ContainerWorld.leftovers([:], client)
            #expect(left.isEmpty)
        }
    }

    enum Successor: String, CaseIterable { case backend, cleanup, cleanupAtOnce }

    @Test("A killed process's containers end by themselves, and the next process removes the rest")
    func ownerKilled() async throws {
        // An engine of its own, since any other test's backend would remove the leftovers.
        try await EngineControl.withEngine(named: "owner") { engine in
            try await engine.load("static")
            let client = EngineClient(address: try EngineAddress(parsing: engine.host))
            defer { client.close() }
            for successor in Successor.allCases { try await Self.kill(engine, client, successor) }
            try await Self.desert(engine, client)
            #expect(try await ContainerWorld.leftovers([:], client).isEmpty)
        }
    }

    /// Leaves what another boot of this host would have left, and what belongs to another host.
    private static func desert(_ engine: EngineControl, _ client: EngineClient) async throws {
        let owner = ContainerOwner(host: "another-boot", pid: 1, start: 1, backend: 1)
        var labels = owner.labels(.agent, pool: "")
        _ = try await client.volumes.create("deserted-today", labels: labels)
        // The label's time is by another clock: the reconciler must not use it.
        labels[ContainerOwner.createdLabel] = "\(ProcessFacts.secondsSince1970 - 100_000)"
        _ = try await client.volumes.create("deserted", labels: labels)
        var spec = ContainerSpec(image: ContainerWorld.image)
        (spec.command, spec.labels) = (["/bin/greet"], labels)
        let container = try await client.containers.create(spec).id
        for _ in 0..<2 {
            let found = try await DockerBackend.cleanup(ContainerWorld.configuration(engine.host))
            #expect(found == DockerBackend.Cleanup(), "\(found)")
            try await client.containers.remove(container)
        }
        for name in ["deserted", "deserted-today"] { try await client.volumes.remove(name) }
    }

    /// Runs the command, kills it in the middle of its run, and checks what becomes of its container and
    /// volume.
    private static func kill(_ engine: EngineControl, _ client: EngineClient, _ successor: Successor)
        async throws
    {
        let sleeper = try await Programs.path("sleep_forever")
        let owner = Process()
        owner.executableURL = URL(fileURLWithPath: SandboxCommand.path)
        owner.arguments = [
            "exec", "--backend", "docker", "--in", "\(sleeper):victim", "--wall-time", "60", "--",
            "./victim",
        ]
        owner.environment = [
            "DOCKER_HOST": engine.host, "SANDBOX_IMAGE": ContainerWorld.image, "PATH": "/usr/bin:/bin",
        ]
        owner.standardInput = FileHandle.nullDevice
        try owner.run()
        let pid = owner.processIdentifier
        let labels = [ContainerOwner.pidLabel: "\(pid)", ContainerOwner.hostLabel: ProcessFacts.host]
        let runs = try await ContainerWorld.eventually(.seconds(30)) {
            try await client.containers.list(labels: labels, all: false).count == 1
        }
        #expect(runs, "the owner made no container")
        try await Task.sleep(for: .milliseconds(200))
        Glibc.kill(pid, SIGKILL)
        owner.waitUntilExit()
        if successor != .cleanupAtOnce {
            let ended = try await ContainerWorld.eventually {
                try await ContainerWorld.containers(labels, client).isEmpty
            }
            #expect(ended, "the container of a dead owner runs on")
            let volumes = try await client.volumes.list(labels: labels)
            #expect(volumes.count == 1, "the killed process cannot have removed its volume")
        }
        let configuration = ContainerWorld.configuration(engine.host)
        switch successor {
        case .backend:
            let backend = try DockerBackend(configuration: configuration)
            try await CrashTests.expectWorks(backend, "the next one")
            let isClean = try await ContainerWorld.eventually(.seconds(5)) {
                try await ContainerWorld.leftovers(labels, client).isEmpty
            }
            #expect(isClean)
            await backend.shutdown()
        case .cleanup, .cleanupAtOnce:
            let removed = try await DockerBackend.cleanup(configuration).removed
            #expect(removed.contains { $0.hasPrefix("volume swift-sandbox-\(pid)-") }, "\(removed)")
            #expect(try await ContainerWorld.leftovers(labels, client).isEmpty)
        }
    }
}

enum SandboxCommand {
    /// The command's path: beside the test bundle, which is the running program or loaded from its folder.
    static let path: String = {
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        while folder.path != "/" {
            folder = folder.deletingLastPathComponent()
            let candidate = folder.appendingPathComponent("sandbox").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        }
        return ".build/debug/sandbox"
    }()
}
#endif
