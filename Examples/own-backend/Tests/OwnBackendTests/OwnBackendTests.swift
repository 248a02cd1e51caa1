/// Runs the public conformance suite on the backend, which passes all checks that its capabilities promise.
import Glibc
import OwnBackend
import SandboxAPI
import SandboxTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct OwnBackendTests {
    static let conformance = BackendConformance { try SpawnBackend() }

    @Test(arguments: await conformance.checks) func conforms(check: ConformanceCheck) async throws {
        try await check.run(on: Self.conformance)
    }

    /// Directories deeper than there are descriptors, and one that its owner may not enter.
    @Test func leavesNothingBehind() async throws {
        let backend = try SpawnBackend()
        let deep = "i=0; while test $i -lt 1200; do mkdir d && cd d && : > file; i=$((i + 1)); done"
        let line = "mkdir locked && : > locked/file && chmod 0 locked; \(deep); printf %s \"$HOME\""
        let result = try await backend.withSandbox(SandboxOptions(isolation: .unconfined)) { sandbox in
            let result = try await sandbox.run(Command("/bin/sh", ["-c", line]))
            try await sandbox.remove("d")
            #expect(try await sandbox.list(".", maxEntries: 9).map(\.name) == ["locked"])
            return result
        }
        await backend.shutdown()
        expect(result, exited: 0, stderr: "")
        #expect(!result.stdout.isEmpty && access(result.stdoutText, F_OK) != 0)
    }

    @Test func saysThatItIsolatesNothing() async throws {
        let backend = try SpawnBackend()
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
