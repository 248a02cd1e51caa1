/// An engine that a test may kill.

#if Docker
import Foundation
import Glibc

/// A private engine beside the shared one, so that no other test sees it fail.
struct EngineControl: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let script: String
    let directory: String
    /// See `scripts/engines/engine.sh`.
    var options: [String] = []
    /// As in `DOCKER_HOST`.
    var host: String { "unix://\(directory)/docker.sock" }

    /// Starts an engine without images in a folder beside the shared engine's, and ends it after `body`; if the
    /// process dies before, `docker-tests.sh` ends it.
    static func withEngine<Value>(
        named name: String, options: [String] = [], isolation: isolated (any Actor)? = #isolation,
        _ body: (EngineControl) async throws -> Value
    ) async throws -> Value {
        guard let script = EngineWorld.engineScript, let shared = EngineWorld.engineDirectory else {
            throw Failure(
                description:
                    "there is no SANDBOX_TEST_ENGINE_DIR; scripts/engines/docker-tests.sh -- COMMAND sets it")
        }
        let engine = EngineControl(
            script: script, directory: "\(shared)-\(name)", options: options)
        try await engine.start()
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(engine))
        } catch {
            result = .failure(error)
        }
        try await engine.run(script, "stop", engine.directory)
        return try result.get()
    }

    /// Starts dockerd, also after `kill`: its containers are dead then, all data is kept. Takes less than a
    /// second.
    func start() async throws { try await run([script, "start", directory] + options) }

    /// SIGKILL to dockerd alone, as a crash: containers run on, unattended, until `start`.
    func kill() async throws { try await run(script, "kill", directory) }

    /// SIGSTOP to dockerd, which then accepts connections and does not answer, until `thaw`.
    func freeze() throws { try signal(SIGSTOP) }

    func thaw() throws { try signal(SIGCONT) }

    private func signal(_ number: Int32) throws {
        let text = try String(contentsOfFile: "\(directory)/pid", encoding: .utf8)
        guard let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            Glibc.kill(pid, number) == 0
        else { throw Failure(description: "no engine to signal in \(directory): '\(text)'") }
    }

    /// SIGTERM and a new start; containers have as long to end as they were created with, at most 15 s.
    func restart() async throws { try await run(script, "restart", directory) }

    /// Loads an archive of `EngineWorld.images`: `static` and `musl` in 0.1 s, a runner's in 5 s.
    func load(_ image: String) async throws {
        guard let images = EngineWorld.images else {
            throw Failure(description: "there is no SANDBOX_TEST_IMAGES")
        }
        try await run(
            "docker", "--host", host, "load", "--quiet", "--input", "\(images)/\(image).docker.tar")
    }

    /// Runs a command to its end; throws with its output if it fails.
    private func run(_ command: String...) async throws { try await run(command) }

    private func run(_ command: [String]) async throws {
        let log = FileManager.default.temporaryDirectory.path + "/sandbox-engine-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: log) }
        let status = await ChildProcess.run(["timeout", "120"] + command, log: log)
        guard status == 0 else {
            let words = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw Failure(
                description: "\(command.joined(separator: " ")): wait status \(status): \(words)")
        }
    }
}
#endif
