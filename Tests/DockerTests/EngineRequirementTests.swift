/// `.requires(.engine)` where there is an engine, and where there is none.

#if Docker
import Foundation
import SandboxTesting
import Testing

private let isProbing = ProcessInfo.processInfo.environment["SANDBOX_TEST_ENGINE_PROBE"] == "1"

/// Run by ``EngineRequirementTests`` in processes of their own: a process asks for its engine once.
@Suite(.enabled(if: isProbing, "EngineRequirementTests runs it in a process of its own"))
struct EngineProbeTests {
    @Test(.requires(.engine)) func theProbe() { print("the probe ran") }
}

@Suite(
    .timeLimit(.minutes(1)),
    .enabled(if: EngineWorld.engine != nil, "scripts/engines/docker-tests.sh starts the engine"))
struct EngineRequirementTests {
    /// This test bundle with nothing but the probe; its status, and what it wrote.
    private static func probe(host: String, mustWork: Bool) async throws -> (status: Int32, text: String) {
        let log = FileManager.default.temporaryDirectory.path + "/sandbox-probe-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: log) }
        let status = await ChildProcess.run(
            [
                "env", "SANDBOX_TEST_ENGINE_PROBE=1", "DOCKER_HOST=\(host)", "MUST_WORK=\(mustWork ? 1 : 0)",
                "timeout", "50", try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
                "--testing-library", "swift-testing", "--filter", "EngineProbeTests",
            ], log: log)
        return (status, try String(contentsOfFile: log, encoding: .utf8))
    }

    @Test(arguments: [false, true]) func aTestRunsWhereTheEngineIs(mustWork: Bool) async throws {
        let (status, text) = try await Self.probe(host: try #require(EngineWorld.engine), mustWork: mustWork)
        #expect(status == 0 && text.contains("the probe ran") && !text.contains("skipped"), "\(text)")
    }

    @Test func itIsSkippedWhereThereIsNone() async throws {
        let (status, text) = try await Self.probe(host: "unix:///nonexistent/docker.sock", mustWork: false)
        #expect(status == 0 && !text.contains("the probe ran"), "\(text)")
        #expect(
            text.contains("this host lacks a Docker Engine: nobody listens at unix:///nonexistent"), "\(text)"
        )
    }

    @Test func withMustWorkItFails() async throws {
        let (status, text) = try await Self.probe(host: "unix:///nonexistent/docker.sock", mustWork: true)
        #expect(status != 0 && !text.contains("the probe ran"), "\(text)")
        #expect(text.contains("MUST_WORK=1, but this host lacks a Docker Engine"), "\(text)")
    }
}
#endif
