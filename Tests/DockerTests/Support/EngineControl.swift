/// An engine that a test may kill.

#if Docker
    import Foundation

    /// A private engine beside the shared one, so that nobody else's test sees it fail.
    struct EngineControl: Sendable {
        struct Failure: Error, CustomStringConvertible {
            let description: String
        }

        let script: String
        let directory: String
        /// As in `DOCKER_HOST`.
        var host: String { "unix://\(directory)/docker.sock" }

        /// Starts an engine without images in a folder beside the shared engine's, and ends it after `body`; if the
        /// process dies before, `docker-tests.sh` ends it.
        static func withEngine<Value>(
            named name: String, isolation: isolated (any Actor)? = #isolation,
            _ body: (EngineControl) async throws -> Value
        ) async throws -> Value {
            guard let script = EngineWorld.engineScript, let shared = EngineWorld.engineDirectory else {
                throw Failure(
                    description:
                        "there is no SANDBOX_TEST_ENGINE_DIR; scripts/docker-tests.sh -- COMMAND sets it")
            }
            let engine = EngineControl(script: script, directory: "\(shared)-\(name)")
            try await engine.start()
            let result: Result<Value, any Error>
            do {
                result = .success(try await body(engine))
            } catch {
                result = .failure(error)
            }
            try await engine.run(script, "stop", directory)
            return try result.get()
        }

        /// Starts dockerd, or after `kill` again: containers that ran are dead then, all data is there. Under a second.
        func start() async throws { try await run(script, "start", directory) }

        /// SIGKILL to dockerd alone, as a crash: containers run on, unattended, until `start`.
        func kill() async throws { try await run(script, "kill", directory) }

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

        /// Runs a command to its end, off the concurrency pool's threads; throws with its output if it fails.
        private func run(_ command: String...) async throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = command
            process.standardInput = FileHandle.nullDevice
            // A file, since what the engine inherits of a pipe would keep it open.
            let log = FileManager.default.temporaryDirectory.appendingPathComponent(
                "sandbox-engine-\(UUID().uuidString)")
            _ = FileManager.default.createFile(atPath: log.path, contents: nil)
            defer { try? FileManager.default.removeItem(at: log) }
            let output = try FileHandle(forWritingTo: log)
            defer { try? output.close() }
            process.standardOutput = output
            process.standardError = output
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<Void, any Error>) in
                process.terminationHandler = { _ in continuation.resume() }
                do {
                    try process.run()
                } catch {
                    process.terminationHandler = nil
                    continuation.resume(throwing: error)
                }
            }
            guard process.terminationStatus == 0 else {
                let words = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
                throw Failure(
                    description:
                        "\(command.joined(separator: " ")): status \(process.terminationStatus): \(words)")
            }
        }
    }
#endif
