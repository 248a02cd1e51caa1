/// Tests that the tests' own engine can crash and be started again.

#if Docker
import Foundation
import Testing

@Suite(.enabled(if: EngineWorld.engine != nil, "scripts/engines/docker-tests.sh starts the engine"))
struct EngineControlTests {
    @Test(.timeLimit(.minutes(2)))
    func comesBackAfterACrashAndAfterARestart() async throws {
        let directory = try await EngineControl.withEngine(named: "control") { engine in
            try await engine.load("static")
            try await engine.kill()
            await #expect(throws: EngineControl.Failure.self) { try await engine.load("static") }
            try await engine.start()
            try await engine.restart()
            try await engine.load("static")
            return engine.directory
        }
        #expect(!FileManager.default.fileExists(atPath: directory))
    }
}
#endif
