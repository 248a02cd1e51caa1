/// The commands and files of a described runner, without a toolchain.

import Sandbox
import SandboxTesting
import Testing

@testable import Runners

@Suite struct DescribedRunnerTests {
    private static let elf: [UInt8] =
        Array("\u{7f}ELF".utf8) + [UInt8](repeating: 0, count: 12) + [2, 0, 62, 0]

    private func words(_ texts: String...) throws -> [ArgumentTemplate] {
        try texts.map { try ArgumentTemplate($0) }
    }

    private func compiled(_ artifacts: [String] = ["main"]) throws -> LanguageDescription {
        LanguageDescription(
            name: "x", title: "X", suffixes: ["x"], sourceName: "main.x",
            compilation: .init(
                command: try words("xc", "{flags}", "-m{memory}", "{source}", "{others}", "-o", "main"),
                artifacts: artifacts),
            run: try words("./main", "-h{memory-mib-64}", "{{}}", "{entry}"), environment: ["E": "1"],
            diagnostics: [try DiagnosticSyntax("{file}:{line}: {message}")], packages: ["x-lang"])
    }

    private func backend(
        _ files: [ByteString: OutputFile], _ stderr: String = "", _ outcome: Outcome = .exited(code: 0)
    ) -> FakeBackend {
        FakeBackend { run in
            run.command.executable == "xc" ? .init(outcome, stderr: stderr, files: files) : .init()
        }
    }

    @Test func compilesInOneSandboxAndRunsInAnother() async throws {
        let backend = backend(["main": OutputFile(Self.elf, executable: true)], "a.x:3: careful\n")
        var runner = DescribedRunner(try compiled(), flags: ["-f"], headers: [InputFile("lib.h", [1])])
        runner.compileLimits.memory = 99 << 20
        var limits = Limits.standard
        limits.memory = 100 << 20
        let report = try await runner.run(
            "s", arguments: ["a"], limits: limits, environment: ["K": "V"], sourceName: "p.x",
            sources: [InputFile("b.x", [2]), InputFile("b.txt", [3])], on: backend)
        #expect(backend.runs.map(\.sandbox) == [1, 2] && backend.openSandboxes == 0)
        let compile = backend.runs[0]
        #expect(compile.command.arguments == ["-f", "-m\(99 << 20)", "p.x", "b.x", "-o", "main"])
        #expect(compile.command.environment == ["E": "1"] && compile.limits.memory == 99 << 20)
        #expect(Set(compile.command.inputFiles.map(\.path)) == ["p.x", "b.x", "b.txt", "lib.h"])
        let run = backend.runs[1]
        #expect(run.command.executable == "./main")
        // 100 less 64 MiB; braces stay braces.
        #expect(run.command.arguments == ["-h36", "{}", "p", "a"])
        #expect(run.command.environment == ["E": "1", "K": "V"])
        #expect(run.command.inputFiles == [InputFile("main", Self.elf, executable: true)])
        #expect(report.compile?.diagnostics.map(\.message) == ["careful"] && report.result != nil)
    }

    @Test func aProgramGetsTheLimitsOfEachRun() async throws {
        let backend = backend(["main": OutputFile(Self.elf, executable: true)])
        let program = try #require(
            try await DescribedRunner(try compiled()).build("s", on: backend).program)
        #expect(program.argumentsHaveLimits)
        for (memory, heap) in [(1 << 30, "-h960"), (70 << 20, "-h16")] {
            var limits = Limits.standard
            limits.memory = memory
            _ = try await program.run(limits: limits, on: backend)
            #expect(backend.runs.last?.command.arguments.first == ByteString(heap))
        }
        var strange = program
        strange.arguments = ["{source}"]
        do throws(SandboxError) {
            _ = try await strange.run(RunRequest(), on: backend)
            Issue.record("a placeholder for a source was filled in")
        } catch {
            #expect(error.code == .invalidArgument)
        }
    }

    @Test func aFailedCompilationIsAReport() async throws {
        let backend = backend([:], "a.x:1: wrong\n", .exited(code: 1))
        let built = try await DescribedRunner(try compiled()).build("s", on: backend)
        #expect(built.program == nil && built.compile?.diagnostics.map(\.line) == [1])
    }

    /// Nothing, something else, and more than the compiler's limits allow.
    @Test(arguments: 0..<3) func whatIsNoProgramIsTheSourcesFault(_ which: Int) async throws {
        let left: [[ByteString: OutputFile]] = [
            [:], ["main": OutputFile([1, 2, 3])],
            ["main": OutputFile(Self.elf + [UInt8](repeating: 1, count: 5000))],
        ]
        let backend = backend(left[which])
        var runner = DescribedRunner(try compiled())
        runner.compileLimits.fileSize = 4096
        let report = try await runner.run("s", on: backend)
        #expect(report.result == nil && report.compile?.outcome == .exited(code: 0))
        #expect(report.compile?.diagnostics.last?.severity == .fatalError)
        #expect(backend.runs.count == 1 && backend.openSandboxes == 0)
    }

    @Test func directoriesAndSuffixes() async throws {
        let files: [ByteString: OutputFile] = [
            "main": OutputFile(Self.elf, executable: true), "out/a/B.bin": OutputFile([1]),
            "out/c": OutputFile([2]),
            "deep/down/x.lib": OutputFile([3]), ".lib": OutputFile([4]), "other": OutputFile([5]),
        ]
        let program = try #require(
            try await DescribedRunner(try compiled(["main", "out/", "*.lib"])).build("s", on: backend(files))
                .program)
        #expect(program.files.map(\.path) == ["deep/down/x.lib", "main", "out/a/B.bin", "out/c"])
    }

    @Test func sourcesWithoutACompilerAreTheProgram() async throws {
        let backend = FakeBackend()
        let language = LanguageDescription(
            name: "x", title: "X", suffixes: ["x"], sourceName: "main.x",
            compilation: .init(command: try words("x", "-c", "{source}"), artifacts: []),
            run: try words("x", "{source}"))
        let runner = DescribedRunner(language)
        _ = try await runner.run("s", sources: [InputFile("b.x", [2])], on: backend)
        // The check belongs to a build; a run says by itself what is wrong.
        #expect(backend.runs.map(\.command.arguments) == [["main.x"]])
        #expect(backend.runs[0].command.inputFiles.map(\.path) == ["b.x", "main.x"])
        #expect(try await runner.build("s", on: backend).program?.arguments == ["main.x"])
        #expect(backend.runs.last?.command.arguments == ["-c", "main.x"])
    }

    @Test func refusedBeforeAnythingStarts() async throws {
        let backend = FakeBackend()
        func code(_ runner: DescribedRunner, _ request: RunRequest = RunRequest()) async -> SandboxError.Code?
        {
            do throws(SandboxError) {
                _ = try await runner.run("s", request, on: backend)
                return nil
            } catch {
                return error.code
            }
        }
        var broken = try compiled()
        broken.name = "X Y"
        #expect(await code(DescribedRunner(broken)) == .invalidArgument)
        var noFlags = try compiled()
        noFlags.compilation?.command = try words("xc")
        #expect(await code(DescribedRunner(noFlags, flags: ["-f"])) == .invalidArgument)
        let runner = DescribedRunner(try compiled())
        #expect(await code(runner, RunRequest(sources: [InputFile("main", [])])) == .invalidArgument)
        #expect(await code(runner, RunRequest(inputFiles: [InputFile("main", [])])) == .invalidArgument)
        #expect(await code(runner, RunRequest(sources: [InputFile("-o.x", [])])) == .invalidArgument)
        #expect(backend.acquisitions.isEmpty)
    }

    @Test func namesWhatTheImageLacks() async throws {
        let backend = FakeBackend { _ in throw SandboxError(.executableNotFound, message: "no xc") }
        let runner = DescribedRunner(try compiled())
        do throws(SandboxError) {
            _ = try await runner.run("s", on: backend)
            Issue.record("nothing is missing")
        } catch {
            #expect(error.code == .toolchainNotFound && error.message.contains("xc"))
            #expect(error.hint?.contains("apt-get install x-lang") == true)
        }
    }
}
