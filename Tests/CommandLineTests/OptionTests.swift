/// Tests the parsing of command lines: options, mistakes, and guesses about invalid command lines.

#if CLI
import ArgumentParser
import Runners
import Sandbox
import SandboxRuntime
import Testing

@testable import SandboxCLI

#if Docker
import SandboxDocker
import SandboxFallback
#endif

@Suite struct OptionTests {
    private func parse(_ arguments: String...) throws -> ExecCommand {
        try #require(try SandboxTool.parse(subcommand: ["exec"] + arguments) as? ExecCommand)
    }

    private func parseRun(_ arguments: String...) throws -> RunCommand {
        try #require(try SandboxTool.parse(subcommand: ["run"] + arguments) as? RunCommand)
    }

    /// The error that the command reports.
    private func complaint(_ arguments: String...) -> String? {
        do {
            _ = try SandboxTool.parse(subcommand: arguments)
            return nil
        } catch {
            return SandboxTool.message(for: error)
        }
    }

    @Test func defaults() throws {
        let shared = try parse("--", "true").shared
        #expect(shared.place.backend == .local)
        #expect(shared.limits.run == .standard)
        #expect(try parseRun("a.py").compiling.tools.limits(over: .compile) == .compile)
        #expect(shared.place.rootfs == .readOnly)
        #expect(shared.place.isolation == .standard)
        #expect(!shared.report.json && !shared.report.stats && shared.report.jsonFile == nil)
    }

    @Test func limits() throws {
        let command = try parse(
            "--wall-time", "1.5", "--cpu-time", "2", "--memory", "64M", "--processes", "3",
            "--output-limit", "4K",
            "--file-size", "5", "--disk", "6M", "--open-files", "7", "--stack", "8M", "--cpus", "1.5",
            "--cpu-set", "7,0-2,1",
            "--", "a", "--json", "--", "b")
        #expect(
            command.shared.limits.run
                == Limits(
                    wallTime: .milliseconds(1500), cpuTime: .seconds(2), memory: 64 << 20, processes: 3,
                    output: 4096, fileSize: 5, disk: 6 << 20, openFiles: 7, stack: 8 << 20,
                    cpus: 1.5, cpuSet: [0, 1, 2, 7]))
        #expect(command.program == ["a", "--json", "--", "b"])
        #expect(!command.shared.report.json)
        let compiler = try parseRun("--compile-wall-time", "70", "--compile-memory", "2G", "a.cpp").compiling
            .tools.limits(over: .compile)
        #expect(compiler.wallTime == .seconds(70) && compiler.cpuTime == .seconds(70))
        #expect(compiler.memory == 2 << 30)
    }

    /// Options of ours stand before the program; from it on, all words are the program's.
    @Test func programWithoutATerminator() throws {
        let command = try parse("--memory", "64M", "ls", "-l", "--json", "--", "--memory")
        #expect(command.program == ["ls", "-l", "--json", "--", "--memory"])
        #expect(command.shared.limits.run.memory == 64 << 20 && !command.shared.report.json)
        #expect(try parse("--json", "--", "ls").program == ["ls"])
        #expect(try parse("--", "--", "x").program == ["--", "x"])
        #expect(try parse("--", "-x").program == ["-x"])
        #expect(try parse("ls", "--help").program == ["ls", "--help"])
        #expect(complaint("exec", "--")?.contains("program") == true)
        #expect(complaint("exec", "-x", "ls")?.contains("'-x'") == true)
        #expect(
            complaint("exec", "--memroy", "64M", "ls")
                == "Unknown option '--memroy'. Did you mean '--memory'?")
    }

    /// What `exec` takes for the sake of `run`'s options has no place in its help.
    @Test func helpHasOnlyTheOptionsOfItsSubcommand() throws {
        let run = SandboxTool.helpMessage(for: RunCommand.self, columns: 400)
        let exec = SandboxTool.helpMessage(for: ExecCommand.self, columns: 400)
        for option in [
            "--language ", "--languages", "--std ", "--compile-flag", "--include", "--compile-wall-time",
            "--compile-memory",
        ] {
            #expect(run.contains(option) && !exec.contains(option), "\(option)")
        }
        #expect(exec.contains("--cwd") && !run.contains("--cwd"))
        #expect(try parse("--language", "cpp", "--compile-memory", "1G", "ls").program == ["ls"])
        // The contract's options, and units, ranges and defaults where they are not obvious.
        for option in [
            "--backend", "--image", "--rootfs", "--isolation", "--network", "--blocked", "--env <",
            "--env-file",
            "--in ", "--out ", "--out-dir", "--stdin", "--json ", "--json-file", "--stats",
        ] {
            #expect(run.contains(option) && exec.contains(option), "\(option)")
        }
        #expect(run.contains("(1 MiB to 65536 GiB; default: 256 MiB)"))
        #expect(run.contains("(more than 0, at most 86400 s; default: 10 s)"))
        #expect(run.contains("(1 to 4000000 processes; default: 64)"))
        #expect(run.contains("(1 MiB to 65536 GiB; default: 1 GiB)"))
        #expect(run.contains("(more than 0, at most 86400 s; default: 60 s, CPU time 30 s)"))
        for title in ["LANGUAGE AND COMPILER:", "SANDBOX:", "FILES, VARIABLES AND STDIN:", "RESULT:"] {
            #expect(run.contains("\n\(title)\n"), "\(title)")
        }
    }

    /// Each row of the limits' table has an option in the help, with its text and default; there are no other
    /// such options.
    @Test func everyLimitIsAnOption() throws {
        let names = try parse("--", "a").shared.limits.customMirror.children.compactMap(\.label)
        #expect(names == LimitDescription.all.map { "_" + $0.name })
        for command: any ParsableCommand.Type in [RunCommand.self, ExecCommand.self] {
            let help = SandboxTool.helpMessage(for: command, columns: 400)
                .split { $0.isWhitespace }.joined(separator: " ")
            for limit in LimitDescription.all {
                let entry = "--\(limit.option) <\(limit.valueName)> \(limit.helpWithDefault)"
                #expect(help.contains(entry), "\(command): \(entry)")
            }
        }
    }

    /// Otherwise a busy program would meet the wall time limit before the CPU time limit.
    @Test func wallTimeIsMoreThanCPUTime() throws {
        for limits in [Limits.standard, .compile, Limits()] {
            #expect(limits.wallTime >= limits.cpuTime * 1.5)
        }
        let long = try parse("--cpu-time", "60", "--", "a").shared.limits.run
        #expect(long.cpuTime == .seconds(60) && long.wallTime == .seconds(120))
        let both = try parse("--cpu-time", "60", "--wall-time", "5", "--", "a").shared.limits.run
        #expect(both.cpuTime == .seconds(60) && both.wallTime == .seconds(5))
        #expect(try parse("--cpu-time", "1", "--", "a").shared.limits.run.wallTime == .seconds(20))
        let most = try parse("--cpu-time", "86400", "--", "a").shared.limits.run
        #expect(most.wallTime == .seconds(86400))
    }

    @Test func runArguments() throws {
        let command = try parseRun("--json", "a.py", "--", "-x", "--", "y")
        #expect(command.sources == ["a.py"])
        #expect(command.arguments == ["-x", "--", "y"])
        #expect(command.shared.report.json)
        let several = try parseRun("a.cpp", "b.cpp", "--stats", "c.hpp", "--", "d.cpp")
        #expect(several.sources == ["a.cpp", "b.cpp", "c.hpp"] && several.shared.report.stats)
        // The parser's text for bytes has no such code point, but the bytes themselves may be an argument.
        let odd = ArgumentText.text(of: "\u{E000}")
        #expect(try parseRun("a.py", "--", odd, "b").arguments == ["\u{E000}", "b"])
        #expect(try parseRun("a.py", "--").arguments == [])
        #expect(try parseRun("a.py").arguments == [])
        #expect(complaint("run", "--", "a.py")?.contains("source") == true)
    }

    @Test func stdinDash() throws {
        #expect(try parse("--stdin", "-", "--", "cat").shared.inputs.stdin == "-")
    }

    @Test func mistakesNameOptionAndValue() throws {
        let values = [
            ("--cpu-set", ""), ("--cpu-set", ","), ("--cpu-set", "1-0"), ("--cpu-set", "-1"),
            ("--cpu-set", "0-"),
            ("--cpu-set", "0-1-2"), ("--cpu-set", "1024"), ("--cpu-set", "0 1"), ("--cpu-set", "+1"),
            ("--cpu-set", "0-9999999999"), ("--cpu-set", "99999999999999999999"), ("--cpu-set", "٣"),
            ("--cpus", "0"), ("--cpus", "-1"), ("--cpus", "nan"), ("--cpus", "1e0"), ("--cpus", ""),
            ("--memory", "-5"), ("--memory", "1.5M"), ("--wall-time", "nan"), ("--wall-time", "-1"),
            ("--processes", "0"), ("--env", ""), ("--env", "=x"), ("--out", "../x"),
            ("--out", "/etc/passwd"),
            ("--out", "a/../b"), ("--out", ""), ("--in", ":x"), ("--rootfs", "rw"),
            ("--isolation", "none"),
            ("--backend", "podman"), ("--language", "cobol"),
        ]
        for (option, value) in values {
            let message = try #require(
                complaint("exec", option, value, "--", "true"), "\(option) \(value)")
            #expect(message.contains(option), "\(message)")
            #expect(message.contains("'\(value)'"), "\(message)")
        }
        #expect(complaint("exec", "--nonsense", "--", "true")?.contains("--nonsense") == true)
        #expect(complaint("exec", "--memory")?.contains("--memory") == true)
        #expect(complaint("exec")?.contains("program") == true)
        #expect(complaint("run")?.contains("source") == true)
        #expect(complaint("walk")?.contains("walk") == true)
    }

    @Test func guesses() {
        let full = CommandLineGuess(["exec", "--backend", "auto", "--json", "--nonsense", "--", "--json"])
        #expect(full.subcommand == "exec" && full.json && full.backend == .auto && full.hasTerminator)
        let behind = CommandLineGuess(["run", "--backend=docker", "--", "--json", "--backend", "auto"])
        #expect(!behind.json && behind.backend == .docker)
        let empty = CommandLineGuess(["--backend"])
        #expect(empty.subcommand == nil && empty.backend == .local && !empty.hasTerminator)
        #expect(CommandLineGuess(["exec", "ls"]).hint.contains("before the program"))
        #expect(CommandLineGuess(["run"]).hint == "see `sandbox run --help`")
    }

    @Test func environment() throws {
        #expect(try EnvironmentOption.parse("A=b=c") == EnvironmentOption(name: "A", value: "b=c"))
        #expect(try EnvironmentOption.parse("A=") == EnvironmentOption(name: "A", value: ""))
        #expect(try EnvironmentOption.parse("A") == EnvironmentOption(name: "A", value: nil))
    }

    @Test func inputNames() throws {
        func resolve(_ text: String, _ existing: String...) throws -> [String] {
            let (file, name) = try InputFileOption.parse(text).resolve { existing.contains($0.text) }
            return [file.text, name.text]
        }
        #expect(try resolve("a.txt", "a.txt") == ["a.txt", "a.txt"])
        #expect(try resolve("/x/y/a.txt", "/x/y/a.txt") == ["/x/y/a.txt", "a.txt"])
        #expect(try resolve("a.txt:b/c.txt", "a.txt") == ["a.txt", "b/c.txt"])
        #expect(try resolve("a:b", "a:b", "a") == ["a:b", "a:b"])
        #expect(try resolve("a:b:c", "a:b") == ["a:b", "c"])
        #expect(try resolve("a:b:c", "a") == ["a", "b:c"])
        #expect(try resolve("a:b") == ["a", "b"])
        #expect(try resolve("a:", "a:") == ["a:", "a:"])
        #expect(try resolve("missing") == ["missing", "missing"])
    }

    @Test func outputNames() throws {
        #expect(try OutputName.parse("./a//b.png").path == "a/b.png")
        #expect(
            try OutputName.parse("a/\u{301}b/\u{301}").components == ["a", "\u{301}b", "\u{301}"])
        for text in [
            "..", "a/..", ".", "./", "/", "a/", "/a", "/\u{301}", "/\u{301}a", "a/\u{301}/../..",
        ] {
            #expect(throws: BadValue.self, "\(text)") { try OutputName.parse(text) }
        }
    }

    @Test func backends() throws {
        #expect(try BackendChoice.local.make(for: .oneRun, environment: [:]).backend is LocalBackend)
        #expect(try BackendChoice.local.make(for: .oneRun, environment: [:]).fallbackReason == nil)
        #if Docker
        #expect(
            try BackendChoice.docker.make(for: .oneRun, environment: [:]).backend is DockerBackend)
        #expect(
            try BackendChoice.auto.make(for: .oneRun, environment: [:]).backend is FallbackBackend)
        for choice in [BackendChoice.docker, .auto] {
            let error = #expect(throws: SandboxError.self) {
                try choice.make(for: .pool, environment: ["POOL_MIN_SIZE": "many"])
            }
            #expect(error?.code == .invalidArgument && error?.message.contains("'many'") == true)
        }
        #else
        let error = #expect(throws: SandboxError.self) {
            try BackendChoice.docker.make(for: .oneRun, environment: [:])
        }
        #expect(error?.code == .backendUnavailable && error?.hint != nil)
        #expect(
            try BackendChoice.auto.make(for: .oneRun, environment: [:]).fallbackReason
                == "the Docker backend is not part of this version")
        #endif
        let provenance = BackendChoice.auto.complete(
            BackendChoice.local.unanswered(image: "host"), fallbackReason: "why")
        #expect(provenance.requested == "auto" && provenance.fallbackReason == "why")
    }

    @Test func poolTables() {
        let cases: [(Duration, String)] = [
            (.zero, "0 ns"), (.nanoseconds(420), "420 ns"), (.microseconds(1), "1 µs"),
            (.nanoseconds(1_450), "1.5 µs"), (.microseconds(12), "12 µs"), (.milliseconds(1), "1 ms"),
            (.microseconds(9_960), "10 ms"), (.milliseconds(340), "340 ms"), (.seconds(1), "1 s"),
            (.milliseconds(3_200), "3.2 s"), (.seconds(119), "119 s"), (.seconds(1_799), "29 min"),
        ]
        for (duration, text) in cases { #expect(PoolTable.brief(duration) == text) }
        var details = PoolDetails()
        details.statistics.available = 1
        details.statistics.created = 12
        details.sandboxes = [
            PooledSandbox(pool: "host, read-only", id: 7, state: .inUse, age: .seconds(3), uses: 2)
        ]
        #expect(
            PoolTable.render(details) == """
                total  in use  available  waiting  created  destroyed  failures  acquire p50  p99
                1      0       1          0        12       0          0         -            -

                sandbox  state   age  uses  pool
                7        in use  3 s  2     host, read-only

                """)
    }

    @Test func suffixes() {
        #expect(SourceName.suffix(of: "a/b.cpp") == "cpp")
        #expect(SourceName.suffix(of: "a.b/c") == "")
        #expect(SourceName.suffix(of: "x.C") == "C")
    }
}
#endif
