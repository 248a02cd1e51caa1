/// Runs the built command with a real engine: `--backend docker` and `auto`, `pool`, `cleanup`, `doctor`.

#if CLI && Docker
import Foundation
import Testing

@testable import SandboxCLI

extension EndToEnd {
    @Suite struct Docker {
        /// The engine's address, `SANDBOX_TEST_ENGINE` of `scripts/engines/docker-tests.sh`.
        private static let engine = ProcessInfo.processInfo.environment["SANDBOX_TEST_ENGINE"]

        /// Runs the command with the engine in its environment; returns `nil`, and skips with a reason, where
        /// there is none.
        private func run(
            _ arguments: String..., variables: String = "",
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws -> Invocation? {
            guard let engine = Self.engine else {
                if ProcessInfo.processInfo.environment["MUST_WORK"] == "1" {
                    Issue.record(
                        "MUST_WORK=1, but: no SANDBOX_TEST_ENGINE", sourceLocation: sourceLocation)
                } else {
                    print(
                        "skipped: \(sourceLocation.fileName):\(sourceLocation.line): no SANDBOX_TEST_ENGINE"
                    )
                }
                return nil
            }
            return try SandboxProcess.run(
                arguments, through: "export DOCKER_HOST=\(engine) \(variables); exec \"$@\"")
        }

        @Test(arguments: ["docker", "auto"]) func whoAnswered(_ backend: String) throws {
            guard
                let run = try run(
                    "exec", "--backend", backend, "--json", "--", "sh", "-c",
                    "echo out; echo err >&2; exit 3")
            else { return }
            #expect(run.status == 0 && run.err == "")
            let result = try run.json
            #expect(result["outcome"]?["kind"] == "exited" && result["outcome"]?["code"] == 3)
            #expect(result["stdout"] == "out\n" && result["stderr"] == "err\n")
            let who = try #require(result["backend"])
            #expect(who["kind"] == "docker" && who["fallbackReason"] == .null)
            #expect(who["requested"]?.text == backend)
            #expect(who["instance"]?.text?.contains(":docker-") == true)
            #expect(who["sandbox"]?.text?.utf8.count == 64)
            #expect(who["imageDigest"]?.text?.hasPrefix("sha256:") == true)
            #expect(who["engine"]?.keys == ["id", "address"])
            #expect(who["image"]?.text?.isEmpty == false)
            if SchemaCheck.isThere {
                #expect(try SchemaCheck.violations(of: [run.stdout], .result) == [])
            }
        }

        @Test func statuses() throws {
            let cases: [([String], Int32)] = [
                (["sh", "-c", "exit 42"], 42), (["sh", "-c", "kill -SEGV $$"], 139),
                (["nonexistent"], 127), (["/etc/passwd"], 126),
            ]
            for (program, status) in cases {
                guard let engine = Self.engine else { return }
                let run = try SandboxProcess.run(
                    ["exec", "--backend", "docker", "--"] + program,
                    through: "export DOCKER_HOST=\(engine); exec \"$@\"")
                #expect(run.status == status, "\(program): \(run.err)")
            }
            guard
                let late = try run(
                    "exec", "--backend", "docker", "--wall-time", "0.3", "--", "sleep", "9")
            else { return }
            #expect(late.status == 124 && late.err == "sandbox: wall time limit exceeded (0.3 s)\n")
            let missing = try run(
                "exec", "--backend", "docker", "--image", "127.0.0.1:1/no/image:5", "--", "true")
            #expect(missing?.status == 125 && missing?.err.contains("127.0.0.1:1/no/image:5") == true)
        }

        @Test func sources() throws {
            let folder = try ScratchFolder()
            let cpp = try folder.put(
                "main.cpp",
                "#include <cstdio>\nint main() { int n; scanf(\"%d\", &n); printf(\"%d\\n\", n * 2); }\n")
            let number = try folder.put("in", "21")
            guard let run = try run("run", "--backend", "docker", "--stdin", number, cpp) else { return }
            #expect(run.status == 0 && run.out == "42\n", "\(run.err)")
            let wrong = try folder.put("wrong.cpp", "int main() { return x; }\n")
            #expect(try self.run("run", "--backend", "docker", wrong)?.status == 122)
            let python = try folder.put("main.py", "print(6 * 7)\n")
            // Each language has an image of its own.
            let byDefault = try self.run("run", "--backend", "docker", "--json", python)
            #expect(try byDefault?.json["stdout"] == "42\n", "\(byDefault?.err ?? "")")
            #expect(try byDefault?.json["backend"]?["image"] == "python-runner")
            let lacking = try self.run(
                "run", "--backend", "docker", "--image", "sandbox-test/static", python)
            #expect(lacking?.err.contains("is not in the image sandbox-test/static") == true)
            let plain = try self.run("run", "--backend", "auto", "--image", "python-runner", python)
            #expect(plain?.status == 0 && plain?.out == "42\n" && plain?.err == "")
        }

        #if Judge
        /// Submission and validator in containers: passes, conversations, checkers. Chosen are submissions that do not wait.
        @Test(arguments: [
            ("relay", []), ("minimum", []),
            ("guess", ["accepted/halves.cpp", "run_time_error/hostile.cpp", "wrong_answer/words.cpp"]),
            ("whispers", ["accepted/shift.py", "run_time_error/second.py", "wrong_answer/forgetful.py"]),
        ])
        func judge(problem: String, submissions: [String]) throws {
            guard let engine = Self.engine else { return }
            let directory = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../Problems/" + problem).standardized.path
            let run = try SandboxProcess.run(
                ["judge", "--backend", "docker", "--image", "container-host", "--json", "--jobs", "2"]
                    + [directory] + submissions.map { "submissions/" + $0 },
                through: "export DOCKER_HOST=\(engine); exec \"$@\"")
            #expect(run.status == 0, "\(run.err)\(run.out)")
            let judged = try run.json
            #expect(judged["allAsExpected"] == true)
            let count = judged["submissions"]?.elements?.count ?? 0
            #expect(submissions.isEmpty ? count > 2 : count == submissions.count)
        }
        #endif

        @Test func autoFallsBackAndSaysSo() throws {
            let run = try SandboxProcess.run(
                ["exec", "--backend", "auto", "--json", "--", "echo", "here"], through: withoutEngine)
            #expect(run.status == 0 && run.err.hasPrefix("sandbox: docker is not used: "))
            let who = try #require(try run.json["backend"])
            #expect(who["kind"] == "local" && who["requested"] == "auto")
            #expect(who["fallbackReason"]?.text?.contains("/no/such/engine.sock") == true)
        }

        /// The local backend serves what this engine lacks, and the reason is printed once, however many
        /// sandboxes the run takes.
        @Test func autoFallsBackFromWhatTheEngineLacks() throws {
            let strong = try run(
                "exec", "--backend", "auto", "--isolation", "strong", "--json", "--", "echo", "here")
            guard let strong else { return }
            #expect(try strong.json["backend"]?["kind"] == "local", "\(strong.err)")
            #expect(
                try strong.json["backend"]?["fallbackReason"]?.text?.contains("userNamespace") == true)
            let small = try run(
                "exec", "--backend", "auto", "--memory", "4M", "--json", "--", "echo", "here")
            #expect(try small?.json["stdout"] == "here\n" && small?.json["backend"]?["kind"] == "local")
            let folder = try ScratchFolder()
            let cpp = try folder.put("main.cpp", "int main() { return 7; }\n")
            let twice = try SandboxProcess.run(["run", "--backend", "auto", cpp], through: withoutEngine)
            #expect(twice.status == 7)
            #expect(twice.err.split(separator: "\n").count == 1, "\(twice.err)")
            let nonsense = try SandboxProcess.run(
                ["run", "--backend", "auto", cpp], through: "export DOCKER_HOST=nonsense; exec \"$@\"")
            #expect(
                nonsense.status == 7 && nonsense.err.contains("docker is not used"), "\(nonsense.err)")
        }

        @Test func cleanupOfAnEngineThatDoesNotAnswerFails() throws {
            // A socket exists, but no engine behind it. (Without a socket the command has no engine to clean
            // up.)
            let folder = try ScratchFolder()
            let socket = try folder.put("engine.sock", "")
            let run = try SandboxProcess.run(
                ["cleanup"], through: "export DOCKER_HOST=unix://\(socket); exec \"$@\"")
            #expect(run.status == 125 && run.err.contains("engine.sock"), "\(run.err)")
            #expect(!run.out.contains("nothing to remove"))
        }

        @Test func pool() throws {
            guard let run = try run("pool", "--json", variables: "POOL_MIN_SIZE=2 POOL_MAX_SIZE=3") else {
                return
            }
            #expect(run.status == 0 && run.err == "")
            let pool = try run.json
            // Two are ready besides the one that the command acquired.
            #expect(pool["available"] == pool["total"] && pool["inUse"] == 0 && pool["acquired"] == 1)
            let sandboxes = try #require(pool["sandboxes"]?.elements)
            #expect((2...3).contains(sandboxes.count))
            #expect(sandboxes[0]["pool"]?.text?.contains("cpp-runner") == true)
            if SchemaCheck.isThere {
                #expect(try SchemaCheck.violations(of: [run.stdout], .pool) == [])
            }
        }

        @Test func cleanupAfterAKilledCommand() throws {
            guard let engine = Self.engine else { return }
            let killed = try SandboxProcess.run(
                [
                    "exec", "--backend", "docker", "--wall-time", "50", "--", "sh", "-c",
                    "echo ready; sleep 40",
                ],
                through: "export DOCKER_HOST=\(engine); exec \"$@\"", onOutput: { kill($0, SIGKILL) })
            #expect(killed.status == -SIGKILL)
            guard let run = try run("cleanup") else { return }
            #expect(run.status == 0, "\(run.err)")
            // Its container ended with it; at least its volume is left.
            #expect(run.out.contains("volume swift-sandbox-"), "\(run.out)")
            let again = try self.run("cleanup")
            #expect(
                again?.status == 0 && again?.out.contains("swift-sandbox-") == false,
                "\(again?.out ?? "")")
        }

        @Test func doctor() throws {
            guard let run = try run("doctor", "--json") else { return }
            #expect(
                run.out.contains("\"docker\"") && run.out.contains("Docker ")
                    && run.out.contains("API 1.") && run.out.contains("level standard"))
        }
    }
}
#endif
