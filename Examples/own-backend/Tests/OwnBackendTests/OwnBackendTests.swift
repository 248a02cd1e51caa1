/// Runs the public conformance suite on the backend, which passes all checks that its capabilities promise.
import OwnBackend
import SandboxAPI
import SandboxTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct OwnBackendTests {
    static let conformance = BackendConformance { SpawnBackend() }

    @Test(arguments: await conformance.checks) func conforms(check: ConformanceCheck) async throws {
        try await check.run(on: Self.conformance)
    }

    @Test func saysThatItIsolatesNothing() async throws {
        let backend = SpawnBackend()
        #expect(backend.capabilities.level == .unconfined && backend.capabilities.layers.isEmpty)
        await expectError(.isolationUnavailable) { try await backend.run(Command("/bin/true")) }
        let result = try await backend.run(
            Command("/bin/echo", ["hello"]), options: SandboxOptions(isolation: .unconfined))
        expect(result, exited: 0, stdout: "hello\n")
        #expect(result.provenance.kind == .spawn && result.provenance.kind.rawValue == "spawn")
        #expect(result.isolation.level == .unconfined && !result.isolation.holes.isEmpty)
        #expect(result.usage.cpuSource == .rusage && result.usage.processesSource.rawValue == "notMeasured")
        await backend.shutdown()
    }
}
