/// Engines that answer but cannot do what they are asked: the caller gets the engine's message, and no false
/// outcome.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker

@Suite(.serialized, .timeLimit(.minutes(3))) struct BrokenEngineTests {
    private static func withBackend(
        named name: String, options: [String],
        _ body: (DockerBackend) async throws -> Void
    ) async throws {
        guard EngineWorld.engineScript != nil, EngineWorld.images != nil else {
            return skip("there is no engine; scripts/engines/docker-tests.sh -- COMMAND starts one")
        }
        try await EngineControl.withEngine(named: name, options: options) { engine in
            try await engine.load("static")
            var configuration = ContainerWorld.configuration(engine.host)
            configuration.pool = PoolConfiguration(minimum: 0, maximum: 3)
            configuration.pool.maximumBackoff = .milliseconds(200)
            let backend = try DockerBackend(configuration: configuration)
            try await body(backend)
            try await CrashTests.expectNothingLeft(backend)
        }
    }

    private static let writing = Limits(wallTime: .seconds(30), fileSize: 1 << 30, disk: 1 << 30)

    /// Writes this many MiB below the writable root.
    private static func fill(_ sandbox: any SandboxLease, megabytes: Int, limits: Limits = writing)
        async throws
        -> RunResult
    {
        try await sandbox.run(victim: "write_file", ["/big", "\(megabytes << 20)", "9"], limits: limits)
    }

    @Test(
        "X14: a full disk of the engine is an error, and meeting the program's own disk limit is an outcome")
    func fullDisk() async throws {
        try await Self.withBackend(named: "full", options: ["--disk=96m"]) { backend in
            let options = SandboxOptions(rootfs: .writable)
            // A write for which there is room succeeds.
            try await backend.withSandbox(options) { sandbox in
                let result = try await Self.fill(sandbox, megabytes: 8)
                #expect(result.outcome == .exited(code: 0), "\(result.told)")
            }
            try await backend.withSandbox(options) { sandbox in
                let limits = Limits(wallTime: .seconds(30), fileSize: 1 << 30, disk: 16 << 20)
                let result = try await Self.fill(sandbox, megabytes: 200, limits: limits)
                #expect(result.outcome == .limitExceeded(.disk), "\(result.told)")
            }
            // The files go with the container.
            #expect(await ContainerWorld.eventually { backend.statistics.total == 0 })
            try await backend.withSandbox(options) { sandbox in
                let error = await #expect(throws: SandboxError.self) {
                    _ = try await Self.fill(sandbox, megabytes: 200)
                }
                #expect(error?.code == .hostOutOfDisk, "\(error.map { "\($0)" } ?? "")")
                #expect(error?.message.contains("the engine's data directory") == true)
                #expect(error?.provenance?.kind == .docker)
                // X4: no other container can be made meanwhile, and the error has the engine's reason.
                let words = await #expect(throws: SandboxError.self) {
                    _ = try await backend.acquire(SandboxOptions(rootfs: .writable))
                }
                #expect(
                    words?.message.contains("no space left on device") == true,
                    "\(words.map { "\($0)" } ?? "")")
            }
            // Without the full container there is room again.
            #expect(await ContainerWorld.eventually { backend.statistics.total == 0 })
            try await CrashTests.expectWorks(backend, "afterwards")
        }
    }

    @Test(
        "X4: the error of a failing runtime has the engine's message",
        arguments: ["/bin/false", "/nowhere/runc"])
    func brokenRuntime(path: String) async throws {
        try await Self.withBackend(named: "runtime", options: ["--runtime=\(path)"]) { backend in
            for _ in 0..<2 {
                let error = await #expect(throws: SandboxError.self) {
                    _ = try await backend.acquire(SandboxOptions())
                }
                let told = error.map { "\($0)" } ?? ""
                #expect(error?.code == .engineRefused, "\(told)")
                #expect(error?.message.contains("runtime") == true, "\(told)")
                #expect(error?.message.contains("went away") == false, "\(told)")
            }
        }
    }
}
#endif
