/// Tests that each check can fail: backends with a fault do not pass it.
import Sandbox
import Testing

@testable import SandboxTesting

@Suite("Faults that the public suite finds", .requires(.standard), .timeLimit(.minutes(5)))
struct FaultTests {
    @Test(arguments: Fault.allCases.filter { $0 != .environmentLeaks })
    func isFound(fault: Fault) async throws {
        await withKnownIssue {
            try await fault.check.run(on: BackendConformance { FaultyBackend(fault) })
        }
    }

    @Test(
        .enabled(
            if: !InputChecks.embeddersVariables().isEmpty, "this process has no variable that could leak"))
    func aLeakOfTheEnvironmentIsFound() async throws { try await isFound(fault: .environmentLeaks) }

    @Test func whatCannotBeMadeFails() async throws {
        let conformance = BackendConformance { throw SandboxError(.setupFailed, message: "no backend") }
        #expect(await conformance.checks.count == ConformanceCheck.everything.count)
        await #expect(throws: SandboxError.self) { try await conformance.run() }
    }
}
