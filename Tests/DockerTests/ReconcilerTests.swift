/// Tests what the reconciler removes, with a fake engine's answers.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker

@Suite(.timeLimit(.minutes(1))) struct ReconcilerTests {
    private static let elsewhere = ContainerOwner(host: "another-boot", pid: 1, start: 1, backend: 1)

    private static func json(_ labels: [String: String]) -> String {
        "{"
            + labels.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(
                separator: ",") + "}"
    }

    /// An engine with a clock of its own, a container and a volume of an owner elsewhere.
    private static func engine(
        time: String, created: Int64, volume: String, status: String = "204 No Content"
    ) async throws -> FakeEngine {
        let labels = json(elsewhere.labels(.sandbox, pool: ""))
        return try await FakeEngine { line in
            let body =
                if line.contains("/version") {
                    FakeEngine.version
                } else if line.contains("/info") {
                    "{\"SystemTime\": \"\(time)\", \"ID\": \"A:B\"}"
                } else if line.contains("/containers/json") {
                    "[{\"Id\": \"c1\", \"State\": \"created\", \"Created\": \(created), \"Labels\": \(labels)}]"
                } else if line.hasPrefix("GET") && line.contains("/volumes") {
                    "{\"Volumes\": [{\"Name\": \"v1\", \"CreatedAt\": \"\(volume)\", \"Labels\": \(labels)}]}"
                } else {
                    ""
                }
            return FakeEngine.answer(body, status: line.hasPrefix("DELETE") ? status : "200 OK")
        }
    }

    private static func cleanUp(_ engine: FakeEngine) async throws -> DockerBackend.Cleanup {
        defer { engine.close() }
        return try await DockerBackend.cleanup(ContainerWorld.configuration("\(engine.address)"))
    }

    /// Both times are the engine's, whatever its clock shows.
    @Test(arguments: ["1999-12-31T23:59:59", "2030-06-01T12:00:00"])
    func desertionIsJudgedByTheEnginesClockAlone(_ text: String) async throws {
        let now = try #require(EngineTime.seconds(text + "Z"))
        let young = try await Self.engine(time: text + ".5Z", created: now - 5, volume: text + "Z")
        #expect(try await Self.cleanUp(young) == DockerBackend.Cleanup())
        let old = try await Self.engine(
            time: text + ".5Z", created: now - Reconciler.desertion - 1,
            volume: "1998-01-01T00:00:00+02:00")
        #expect(try await Self.cleanUp(old).removed == ["container c1", "volume v1"])
    }

    @Test func whatTheEngineListsAndDoesNotHaveIsNotRemoved() async throws {
        let engine = try await Self.engine(
            time: "2030-01-01T00:00:00Z", created: 5, volume: "2030-01-01T00:00:00Z",
            status: "404 Not Found")
        let found = try await Self.cleanUp(engine)
        #expect(found.removed == [] && found.ghosts == ["container c1"])
    }

    @Test func timesOfEngines() {
        #expect(EngineTime.seconds("1970-01-01T00:00:00Z") == 0)
        #expect(EngineTime.seconds("2000-02-29T12:34:56.123456789Z") == 951_827_696)
        #expect(EngineTime.seconds("2026-11-29T11:00:00+01:00") == 1_795_946_400)
        #expect(EngineTime.seconds("2026-11-29T11:00:00-00:30") == 1_795_951_800)
        for text in [
            "", "2026-11-29", "2026-11-29T11:00:00", "2026-13-29T11:00:00Z", "x026-11-29T11:00:00Z",
        ] {
            #expect(EngineTime.seconds(text) == nil, "\(text)")
        }
    }
}
#endif
