/// The public conformance suite on a real engine: on the Docker backend, and on a fallback that has it first or second.

#if Docker
import Sandbox
import SandboxDocker
import SandboxFallback
import SandboxTesting
import Testing

/// The backends; each check has one of its own.
private enum Conformance {
    static let docker = BackendConformance(rootfsModes: Set(Rootfs.allCases)) { try makeDocker() }
    static let dockerFirst = fallback { (try makeDocker(), makeLocal()) }
    static let localFirst = fallback { (makeLocal(), try makeDocker()) }

    private static func makeDocker() throws -> DockerBackend {
        var configuration = DockerConfiguration()
        configuration.engineHost = EngineWorld.engine
        configuration.image = "cpp-runner"
        configuration.pullPolicy = .never
        configuration.pool.minimum = 0
        configuration.logger = .silent
        return try DockerBackend(configuration: configuration)
    }

    private static func makeLocal() -> LocalBackend { LocalBackend(.init(minimum: 0, maximum: 4)) }

    private static func fallback(
        _ make: @escaping @Sendable () throws -> (any SandboxBackend, any SandboxBackend)
    ) -> BackendConformance {
        var configuration = FallbackBackend.Configuration()
        configuration.logger = .silent
        let silent = configuration
        var conformance = BackendConformance(rootfsModes: Set(Rootfs.allCases)) {
            let (first, second) = try make()
            return try FallbackBackend(primary: first, secondary: second, silent)
        }
        conformance.combinesBackends = true
        return conformance
    }
}

@Suite(
    "The public suite on a Docker Engine", .timeLimit(.minutes(3)),
    .enabled(if: EngineWorld.engine != nil, "scripts/engines/docker-tests.sh starts the engine"))
struct PublicSuiteTests {
    @Test("The Docker backend", arguments: await Conformance.docker.checks)
    func docker(check: ConformanceCheck) async throws {
        try await check.run(on: Conformance.docker)
    }

    @Test(
        "Docker, and where that does not work the local backend",
        arguments: await Conformance.dockerFirst.checks)
    func dockerFirst(check: ConformanceCheck) async throws {
        try await check.run(on: Conformance.dockerFirst)
    }

    @Test(
        "The local backend, and where that does not work Docker",
        arguments: await Conformance.localFirst.checks)
    func localFirst(check: ConformanceCheck) async throws {
        try await check.run(on: Conformance.localFirst)
    }
}
#endif
