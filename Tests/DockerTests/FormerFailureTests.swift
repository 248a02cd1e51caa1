/// Failures of earlier systems, a test for each: S1, S2 and S4.

#if Docker
import Foundation
import Runners
import Sandbox
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite(.serialized, .timeLimit(.minutes(3))) struct FormerFailureTests {
    // MARK: S1, a service with one pool for each language

    @Test("S1: an error names the image that was asked for, and gives the engine's words")
    func errorsNameTheImage() async throws {
        try await DockerSubject.configured { $0.pullPolicy = .missing }.with { subject in
            let image = "127.0.0.1:1/nowhere/thing:7"
            let error = await expectSandboxError(.imageUnavailable, image, "connection refused") {
                _ = try await subject.backend.acquire(SandboxOptions(image: .reference(image)))
            }
            #expect(error?.provenance?.image == image)
            #expect(
                error?.description.contains("cpp-runner") == false,
                "of the wrong image: \(String(describing: error))")
        }
    }

    @Test("S1: every result names the process and the container that answered")
    func everyResultSaysWhoAnswered() async throws {
        try await DockerSubject.with { subject in
            try await subject.backend.withSandbox { sandbox in
                let who = try await sandbox.run(Command("/bin/true")).provenance
                #expect(who == sandbox.provenance)
                #expect(who.kind == .docker && who.requested == "docker" && who.hostPID == getpid())
                #expect(who.instance.contains(":\(getpid()):docker-"))
                #expect(try await subject.client.containers.inspect(who.sandbox).isRunning)
                let error = await expectSandboxError(.executableNotFound) {
                    _ = try await sandbox.run(Command("/nonexistent"))
                }
                #expect(error?.provenance == who)
            }
        }
    }

    @Test("S1: idle reaping never empties the pool below its minimum")
    func reapingKeepsTheMinimum() async throws {
        try await DockerSubject.configured {
            ($0.pool.minimum, $0.pool.maximum, $0.pool.idleTimeout) = (2, 4, .milliseconds(300))
        }.with { subject in
            let sandboxes = try await withThrowingTaskGroup(of: (any SandboxLease).self) { group in
                for _ in 0..<4 { group.addTask { try await subject.backend.acquire(SandboxOptions()) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for sandbox in sandboxes { await sandbox.close() }
            try await subject.until("shrunk to its minimum") { $0.available == 2 && $0.total == 2 }
            // Three more idle timeouts.
            for _ in 0..<100 {
                #expect(subject.backend.statistics.available == 2)
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(try await subject.containers().count == 2)
        }
    }

    @Test("S1: compiling works on a read-only root")
    func compilingOnAReadOnlyRoot() async throws {
        try await DockerSubject.with { subject in
            let report = try await CppRunner().run(
                """
                #include <fstream>
                #include <iostream>
                int main() {
                    int a, b;
                    std::cin >> a >> b;
                    std::ofstream("/usr/written") << a;
                    std::cout << a + b << "\\n" << std::ifstream("/usr/written").good() << "\\n";
                }
                """, stdin: .bytes(Array("3 4".utf8)), on: subject.backend)
            #expect(report.compile?.result.outcome.isSuccess == true)
            #expect(report.result?.stdoutText == "7\n0\n" && report.result?.outcome.isSuccess == true)
        }
    }

    @Test("S1: plotting works on a read-only root")
    func plottingOnAReadOnlyRoot() async throws {
        try await DockerSubject.with(image: "python-runner") { subject in
            let report = try await PythonRunner().run(
                """
                import matplotlib.pyplot as plot
                plot.plot([1, 4, 9])
                plot.savefig("plot.png")
                """, limits: Limits(wallTime: .seconds(30), cpuTime: .seconds(30)),
                outputFiles: ["plot.png"],
                on: subject.backend)
            #expect(report.result?.outcome == .exited(code: 0) && report.result?.stderrText == "")
            let plot = try #require(report.files["plot.png"]?.bytes)
            #expect(plot.starts(with: [0x89] + Array("PNG".utf8)) && plot.count > 5_000)
        }
    }

    @Test("S1: a program cannot forge the end of its output")
    func noForgedEnd() async throws {
        try await DockerSubject.with { subject in
            // The marker of the earlier system, then bytes like the agent's own frames, on every descriptor.
            let ended = String(repeating: "\\000", count: 300)
            let frames = (1...16).map { number -> String in
                let digits = String(number, radix: 8)
                let type = "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                return "printf '" + type + "\\000\\000\\000\\054\\001\\000\\000" + ended + "'"
            }
            let forged = frames.joined(separator: "; ")
            let result = try await subject.shell(
                """
                echo done; echo ERROR::0; echo EXIT_CODE:0
                (\(forged)) | tee -a /proc/1/fd/0 /proc/1/fd/1 /proc/1/fd/2 2>&-
                echo after; echo apart >&2; exit 3
                """)
            #expect(result.outcome == .exited(code: 3))
            #expect(result.stdoutText.hasPrefix("done\nERROR::0\nEXIT_CODE:0\n"))
            #expect(result.stdoutText.hasSuffix("after\n"))
            #expect(result.stdout.count == 26 + frames.count * 308 + 6)
            #expect(result.stderrText.hasSuffix("apart\n"))
            let next = try await subject.shell("echo well")
            #expect(next.stdoutText == "well\n")
        }
    }

    @Test("S1: errors are thrown, not returned as output")
    func errorsAreThrown() async throws {
        try await DockerSubject.with { subject in
            await expectSandboxError(.imageUnavailable) {
                _ = try await subject.backend.run(
                    Command("/bin/true"), options: SandboxOptions(image: .reference("nonexistent/image")))
            }
            await expectSandboxError(.executableNotFound) {
                _ = try await subject.backend.run(Command("nonexistent"))
            }
            await expectSandboxError(.toolchainNotFound) {
                _ = try await PythonRunner().run("print(1)", on: subject.backend)
            }
            // An exit status of the program is a result.
            let result = try await subject.shell("echo wrong >&2; exit 125")
            #expect(result.outcome == .exited(code: 125) && result.stdout.isEmpty)
            #expect(result.stderrText == "wrong\n")
        }
    }

    // MARK: S2, a service that listened to the engine's events

    @Test("S2: the end of a run does not depend on an event, or on the engine's log")
    func noEventsNoLogs() async throws {
        guard let address = EngineWorld.engine else {
            return skip("there is no engine; SANDBOX_TEST_ENGINE names it")
        }
        try await EngineProxy.with(address) { proxy in
            try await DockerSubject.configured { $0.engineHost = proxy.host }.with { subject in
                for number in 0..<20 {
                    let result = try await subject.shell("echo \(number); exit \(number)")
                    #expect(
                        result.outcome == .exited(code: Int32(number))
                            && result.stdoutText == "\(number)\n")
                }
            }
            let asked = proxy.requests
            #expect(asked.contains { $0.contains("/attach") })
            #expect(
                asked.allSatisfy {
                    !$0.contains("/events") && !$0.contains("/logs") && !$0.contains("/wait")
                }, "\(asked)")
        }
    }

    @Test("S2: a run whose container or engine dies ends at once with an error")
    func noRunIsRunningForEver() async throws {
        guard let address = EngineWorld.engine else {
            return skip("there is no engine; SANDBOX_TEST_ENGINE names it")
        }
        try await EngineProxy.with(address) { proxy in
            try await DockerSubject.configured { $0.engineHost = proxy.host }.with { subject in
                for isEngine in [false, true] {
                    let sandbox = try await subject.backend.acquire(SandboxOptions())
                    let start = ContinuousClock.now
                    let error = await expectSandboxError(
                        .containerLost, String(sandbox.provenance.sandbox.prefix(12))
                    ) {
                        _ = try await sandbox.run(
                            Command("/bin/sh", ["-c", "echo ready; sleep 50"]),
                            limits: Limits(wallTime: .seconds(60))
                        ) { execution in
                            for await _ in execution.output {
                                if isEngine {
                                    proxy.cut()
                                } else {
                                    _ = try await subject.client.containers.kill(
                                        sandbox.provenance.sandbox)
                                }
                            }
                        }
                    }
                    #expect(ContinuousClock.now - start < .seconds(15))
                    #expect(error?.provenance == sandbox.provenance)
                    await sandbox.close()
                    // When the engine dies, ready sandboxes and those being made are lost as well, with an
                    // error; then the next runs work.
                    var next: RunResult?
                    for _ in 0..<4 where next == nil {
                        do {
                            next = try await subject.shell("echo next")
                        } catch let error as SandboxError {
                            #expect(isEngine && CrashTests.losses.contains(error.code), "\(error)")
                        }
                    }
                    #expect(next?.stdoutText == "next\n")
                }
            }
        }
    }

    @Test("S2: nothing is removed before its output is collected")
    func removedAfterCollecting() async throws {
        try await DockerSubject.configured { $0.isPoolEnabled = false }.with { subject in
            let sandbox = try await subject.backend.acquire(SandboxOptions())
            // The program has long ended when its output is read.
            let (result, lines) = try await sandbox.run(
                Command("/bin/sh", ["-c", "seq 9000; seq 9000 >&2"])
            ) { execution in
                try await Task.sleep(for: .milliseconds(300))
                var bytes: [[UInt8]] = [[], []]
                for await chunk in execution.output {
                    bytes[chunk.stream == .stdout ? 0 : 1] += chunk.bytes
                }
                return bytes
            }
            await sandbox.close()
            let all = Array((1...9000).map { "\($0)\n" }.joined().utf8)
            #expect(result.outcome.isSuccess && lines[0] == all && lines[1] == all)
        }
    }

    @Test("S2: 1/0 gives its output")
    func divisionByZeroGivesItsOutput() async throws {
        try await DockerSubject.with(image: "python-runner") { subject in
            let report = try await PythonRunner().run("print('before')\n1/0\n", on: subject.backend)
            let result = try #require(report.result)
            #expect(result.outcome == .exited(code: 1) && result.stdoutText == "before\n")
            #expect(result.stderrText.hasSuffix("ZeroDivisionError: division by zero\n"))
            #expect(!result.stderrText.contains("before"))
        }
    }

    @Test("S2: start-up recovers what a dead owner left")
    func startUpRecovers() async throws {
        try await DockerSubject.with { subject in
            // This process's pid with another start time: a dead process whose pid was reused.
            var dead = ContainerOwner.current(backend: 1)
            dead.start += 1
            let labels = dead.labels(.sandbox, pool: "")
            let volume = try await subject.client.volumes.create("\(dead.name)-agent", labels: labels)
            var spec = ContainerSpec(image: "sandbox-test/static")
            spec.labels = labels
            spec.entrypoint = ["/bin/greet"]
            spec.memory = 16 << 20
            spec.memoryAndSwap = 16 << 20
            spec.pids = 4
            spec.mounts = [.init(source: volume.name, target: "/work")]
            let left = try await subject.client.containers.create(spec).id

            #expect(try await subject.shell("echo works").stdoutText == "works\n")
            var isThere = true
            for _ in 0..<2000 where isThere {
                try await Task.sleep(for: .milliseconds(10))
                let containers = try await ContainerWorld.containers(labels, subject.client)
                let volumes = try await subject.client.volumes.list(labels: labels)
                isThere = !containers.isEmpty || !volumes.isEmpty
            }
            #expect(!isThere, "container \(left) or its volume is still there")
            try await subject.client.containers.remove(left)
            try await subject.client.volumes.remove(volume.name)
        }
    }

    // MARK: S4, the lost output of programs that die at once

    @Test("S4: streams stay apart, without a terminal, also of a program that dies at once")
    func streamsStayApart() async throws {
        try await DockerSubject.with { subject in
            let result = try await subject.shell(
                "for i in 0 1 2; do [ -t $i ] && echo terminal; done; printf 'a\\nb'; printf 'c\\r\\n' >&2; kill -9 $$"
            )
            #expect(result.outcome == .signaled(signal: SIGKILL))
            #expect(result.stdoutText == "a\nb" && result.stderrText == "c\r\n")
        }
    }

    @Test("S4: output is not asked for twice, and not of dead containers")
    func outputComesOnce() async throws {
        guard let address = EngineWorld.engine else {
            return skip("there is no engine; SANDBOX_TEST_ENGINE names it")
        }
        try await EngineProxy.with(address) { proxy in
            try await DockerSubject.configured {
                ($0.engineHost, $0.isPoolEnabled) = (proxy.host, false)
            }.with { subject in
                for _ in 0..<3 {
                    let result = try await subject.shell("echo once; exit 1")
                    #expect(result.stdoutText == "once\n")
                }
            }
            let asked = proxy.requests
            let attached = asked.indices.filter { asked[$0].contains("/attach?") }
            let started = asked.indices.filter { asked[$0].contains("/start") }
            // The backend attaches to each container once, before its start.
            #expect(attached.count == 3 && started.count == 3)
            #expect(zip(attached, started).allSatisfy { $0 < $1 }, "\(asked)")
        }
    }
}
#endif
