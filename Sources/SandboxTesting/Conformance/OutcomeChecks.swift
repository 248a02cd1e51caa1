/// Checks of outcomes and provenance.

import Glibc
import SandboxAPI

enum OutcomeChecks {
    static let all = [
        exitCodes, signals, endOfStreams, notFound, notRunnable, badCommands, provenance, errors,
    ]

    static let exitCodes = ConformanceCheck("The exit status is the program's own") { it in
        try await it.withSandbox { sandbox in
            for code: Int32 in [0, 1, 42, 126, 127, 255] {
                let result = try await sandbox.run(
                    it.shell("exit \(code)"), limits: ConformanceContext.patient)
                it.expect(result, exited: code, stdout: "", stderr: "")
                it.check(result.outcome.isSuccess == (code == 0), "isSuccess of status \(code)")
                it.check(result.limitsHit.isEmpty, "limits hit: \(result.limitsHit)")
            }
        }
    }

    static let signals = ConformanceCheck("A signal that a program sends itself is told as that") { it in
        try await it.withSandbox { sandbox in
            for signal in [SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1] {
                let command = it.shell("kill -\(signal) $$; exit 7")
                let result = try await sandbox.run(command, limits: ConformanceContext.patient)
                it.expect(result, .signaled(signal: signal))
            }
            // A signal that ends a child is only a status for the program.
            let result = try await sandbox.run(
                it.shell("\(it.tools.shell) -c 'kill -9 $$'; exit 3"), limits: ConformanceContext.patient)
            it.expect(result, exited: 3)
        }
    }

    static let endOfStreams = ConformanceCheck("The end of the streams is not the end of the program") { it in
        let result = try await it.run("echo before; exec >&- 2>&-; \(it.tools.sleep) 0.2; exit 5")
        it.expect(result, exited: 5, stdout: "before\n")
    }

    static let notFound = ConformanceCheck("What is not there is executableNotFound") { it in
        try await it.withSandbox { sandbox in
            for name in ["./missing", "/no/such/program", "no-such-program", "missing/program"] {
                await it.expectError(.executableNotFound) { try await sandbox.run(Command(name)) }
            }
            let result = try await sandbox.run(it.shell("exit 4"), limits: ConformanceContext.patient)
            it.expect(result, exited: 4)
        }
    }

    static let notRunnable = ConformanceCheck("What is there and cannot be executed is executableNotRunnable")
    { it in
        try await it.withSandbox { sandbox in
            try await sandbox.write("#!\(it.tools.shell)\n", to: "plain")
            try await sandbox.write("x", to: "directory/file")
            try await sandbox.write("neither a binary nor a script", to: "text", executable: true)
            try await sandbox.write("#!/no/such/interpreter\n", to: "script", executable: true)
            for name in ["./plain", "./directory", "./text", "./script"] {
                await it.expectError(.executableNotRunnable) { try await sandbox.run(Command(name)) }
            }
        }
    }

    static let badCommands = ConformanceCheck("A command that no kernel would take is an error") { it in
        try await it.withSandbox { sandbox in
            let shell = it.tools.shell
            for command in [
                Command(""), Command("a\0b"), Command(shell, ["a\0b"]),
                Command(shell, environment: ["A": "a\0b"]), Command(shell, environment: ["": "b"]),
                Command(shell, environment: ["A=B": "c"]),
            ] {
                await it.expectError(.invalidArgument) { try await sandbox.run(command) }
            }
            await it.expectError(.fileNotFound) {
                try await sandbox.run(Command(shell, directory: "missing"))
            }
            await it.expectError(.invalidPath) { try await sandbox.run(Command(shell, directory: "../..")) }
        }
    }

    static let provenance = ConformanceCheck("A result says who answered, and under which limits and layers")
    { it in
        let limits = Limits(wallTime: .seconds(77), memory: 99 << 20, processes: 17, output: 12345)
        try await it.withSandbox { sandbox in
            let result = try await sandbox.run(it.shell("exit 0"), limits: limits)
            it.expect(result, exited: 0)
            it.check(result.limits == limits, "limits \(result.limits) in place of \(limits)")
            it.check(result.provenance == sandbox.provenance, "provenance \(result.provenance)")
            it.check(result.isolation == sandbox.isolation, "isolation \(result.isolation)")
            let provenance = result.provenance
            it.check(provenance.kind == it.capabilities.kind, "kind \(provenance.kind)")
            it.check(provenance.hostPID == getpid(), "process \(provenance.hostPID)")
            it.check(provenance.library == libraryVersion, "library \(provenance.library)")
            it.check(provenance.attempt >= 1, "attempt \(provenance.attempt)")
            for (name, text) in [
                ("requested", provenance.requested), ("instance", provenance.instance),
                ("sandbox", provenance.sandbox), ("image", provenance.image),
            ] {
                it.check(!text.isEmpty, "provenance has no \(name)")
            }
        }
    }

    static let errors = ConformanceCheck("Errors say who answered, too") { it in
        try await it.withSandbox { sandbox in
            func check(_ body: () async throws -> Void) async {
                do {
                    try await body()
                    it.fail("there was no error")
                } catch let error as SandboxError {
                    var expected = sandbox.provenance
                    if it.combinesBackends, let attempt = error.provenance?.attempt {
                        expected.attempt = max(attempt, expected.attempt)
                    }
                    it.check(
                        error.provenance == expected, "provenance \(String(describing: error.provenance))")
                } catch {
                    it.fail("\(error)")
                }
            }
            await check { _ = try await sandbox.run(Command("./missing")) }
            await check { _ = try await sandbox.read("missing", maxBytes: 1) }
            await check { try await sandbox.write("x", to: "../x") }
            await check { _ = try await sandbox.run(it.shell("exit 0"), limits: Limits(memory: 0)) }
        }
    }
}
