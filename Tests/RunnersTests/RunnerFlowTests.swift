/// Tests the requests that runners send to a backend, and the reports that they make of the results.
import Runners
import Sandbox
import SandboxTesting
import Testing

@Suite struct RunnerFlowTests {
    private static let elf: [UInt8] =
        Array("\u{7f}ELF".utf8) + [UInt8](repeating: 0, count: 12) + [3, 0, 62, 0]

    /// A backend whose compiler leaves `program`.
    private func compiling(_ program: [UInt8]?, stderr: String = "") -> FakeBackend {
        FakeBackend { run in
            guard run.command.executable == "g++" else { return .init() }
            return .init(stderr: stderr, files: program.map { ["main": OutputFile($0)] } ?? [:])
        }
    }

    private func code(_ body: () async throws -> RunReport) async -> SandboxError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            #expect((error as? SandboxError) != nil)
            return (error as? SandboxError)?.code
        }
    }

    @Test func compilesAndRunsInTwoSandboxes() async throws {
        let backend = compiling(Self.elf, stderr: "main.cpp:1:1: warning: w [-Wx]\n")
        let runner = CppRunner(standard: .cpp17, flags: ["-O1"], linkFlags: ["-lm"])
        let report = try await runner.run(
            "int main() {}", arguments: ["a"], environment: ["K": "V"],
            inputFiles: [InputFile("in.txt", [1])],
            on: backend)
        #expect(backend.runs.map(\.sandbox) == [1, 2])
        #expect(backend.openSandboxes == 0)
        let compile = backend.runs[0]
        #expect(compile.command.arguments == ["-std=c++17", "-O1", "main.cpp", "-o", "main", "-lm"])
        #expect(compile.command.inputFiles == [InputFile("main.cpp", Array("int main() {}".utf8))])
        #expect(compile.command.environment == [:])
        #expect(compile.limits == .compile)
        let run = backend.runs[1]
        #expect(run.command.executable == "./main")
        #expect(run.command.arguments == ["a"])
        #expect(run.command.environment == ["K": "V"])
        #expect(
            run.command.inputFiles == [
                InputFile("in.txt", [1]), InputFile("main", Self.elf, executable: true),
            ])
        #expect(run.limits == .standard)
        #expect(report.compile?.outcome == .exited(code: 0))
        #expect(report.compile?.diagnostics.map(\.option) == ["-Wx"])
        #expect(report.result?.outcome == .exited(code: 0))
    }

    @Test func aFailedCompilationIsAReport() async throws {
        let backend = FakeBackend { _ in .init(.exited(code: 1), stderr: "main.cpp:1:1: error: e\n")
        }
        let report = try await CppRunner().run("x", on: backend)
        #expect(report.result == nil)
        #expect(report.compile?.diagnostics.map(\.message) == ["e"])
        #expect(backend.acquisitions.count == 1 && backend.openSandboxes == 0)
    }

    @Test(arguments: [
        nil, [], Array("text".utf8), Array("\u{7f}ELF".utf8) + [UInt8](repeating: 1, count: 14),
    ])
    func flagsThatMakeNoProgram(left: [UInt8]?) async {
        let backend = compiling(left)
        #expect(await code { try await CppRunner().run("x", on: backend) } == .invalidArgument)
        #expect(backend.openSandboxes == 0 && backend.acquisitions.count == 1)
    }

    @Test func refusedBeforeAnythingStarts() async {
        let backend = FakeBackend()
        let huge = [UInt8](repeating: 0x20, count: Language.maximumSourceBytes + 1)
        #expect(await code { try await CppRunner().run(huge, on: backend) } == .fileTooLarge)
        #expect(await code { try await PythonRunner().run(huge, on: backend) } == .fileTooLarge)
        #expect(await code { try await CppRunner(flags: ["-D\0"]).run("x", on: backend) } == .invalidArgument)
        #expect(await code { try await CppRunner(compiler: "").run("x", on: backend) } == .invalidArgument)
        #expect(
            await code { try await PythonRunner(flags: ["\0"]).run("x", on: backend) } == .invalidArgument)
        for path in ["", "/", "/etc/passwd", "../x", "a/../../x", "a\0b", "a\nb", "."] {
            #expect(
                await code { try await CppRunner().run("x", outputFiles: [path], on: backend) }
                    == .invalidPath)
            let file = InputFile(path, [])
            #expect(
                await code { try await PythonRunner().run("x", inputFiles: [file], on: backend) }
                    == .invalidPath)
        }
        for path in ["main", "./main", "/work/main", "a/../main"] {
            let file = InputFile(path, [])
            #expect(
                await code { try await CppRunner().run("x", inputFiles: [file], on: backend) }
                    == .invalidArgument)
        }
        let header = InputFile("main.cpp", [])
        #expect(
            await code { try await CppRunner(headers: [header]).run("x", on: backend) } == .invalidArgument)
        #expect(backend.acquisitions.isEmpty)
    }

    @Test func missingTools() async {
        let backend = FakeBackend { run in
            throw SandboxError(.executableNotFound, message: run.command.executable.text)
        }
        do throws(SandboxError) {
            _ = try await CppRunner(compiler: "clang++").run("x", on: backend)
            Issue.record("no error")
        } catch {
            #expect(error.code == .toolchainNotFound)
            #expect(error.message.contains("clang++") && error.message.contains("host"))
            #expect(error.hint?.contains("apt-get install clang") == true)
        }
        #expect(await code { try await PythonRunner().run("x", on: backend) } == .toolchainNotFound)
        #expect(backend.openSandboxes == 0)
    }

    @Test func otherErrorsPass() async {
        let backend = FakeBackend { _ in throw SandboxError(.cancelled, message: "") }
        #expect(await code { try await CppRunner().run("x", on: backend) } == .cancelled)
        #expect(await code { try await PythonRunner().run("x", on: backend) } == .cancelled)
        #expect(backend.openSandboxes == 0)
    }

    @Test func python() async throws {
        let backend = FakeBackend { _ in .init(.exited(code: 1), stderr: PythonSamples.zero) }
        let report = try await PythonRunner(flags: ["-W", "error"]).run("x", arguments: ["a"], on: backend)
        #expect(backend.runs[0].command.executable == "/usr/bin/python3")
        #expect(
            backend.runs[0].command.arguments == ["-B", "-X", "utf8", "-u", "-W", "error", "main.py", "a"])
        #expect(report.compile == nil)
        #expect(report.traceback?.exceptionType == "ZeroDivisionError")
        _ = try await PythonRunner(buffering: .block).run("x", on: backend)
        #expect(!backend.runs[1].command.arguments.contains("-u"))
        let success = FakeBackend { _ in .init(stderr: PythonSamples.zero) }
        #expect(try await PythonRunner().run("x", on: success).traceback == nil)
    }

    @Test func filesAreCollectedHoweverTheRunEnded() async throws {
        let backend = FakeBackend(
            answer: { _ in
                .init(
                    .signaled(signal: 11),
                    files: [
                        "a": OutputFile([1, 2]), "big": OutputFile([UInt8](repeating: 0, count: 4097)),
                        "c": OutputFile([UInt8](repeating: 0, count: 4095)), "other": OutputFile([]),
                    ])
            },
            before: { operation in
                if case .read("link", _) = operation { throw SandboxError(.notRegularFile, message: "link") }
            })
        var limits = Limits.standard
        limits.fileSize = 4096
        // For all collected files together: with "a" there is room for one byte less than "c" has.
        limits.disk = 4096
        let report = try await PythonRunner().run(
            "x", limits: limits, outputFiles: ["a", "none", "link", "big", "c", "a"], on: backend)
        #expect(report.files == ["a": OutputFile([1, 2])])
        #expect(
            report.uncollected
                == ["none": .fileNotFound, "link": .notRegularFile, "big": .fileTooLarge, "c": .fileTooLarge])
        let broken = FakeBackend(before: { operation in
            if case .read = operation { throw SandboxError(.supervisorLost, message: "gone") }
        })
        #expect(
            await code { try await PythonRunner().run("x", outputFiles: ["a"], on: broken) }
                == .supervisorLost)
    }

    @Test func filesAreKnownByTheirBytes() async throws {
        let names: [ByteString] = ["\u{e9}", "e\u{301}", ByteString([0xff]), ByteString([0xfe])]
        let backend = FakeBackend { _ in
            .init(files: Dictionary(uniqueKeysWithValues: names.map { ($0, OutputFile($0.bytes)) }))
        }
        let request = RunRequest(arguments: names, environment: [names[2]: names[3]], outputFiles: names)
        let report = try await PythonRunner().run(Array("x".utf8), request, on: backend)
        #expect(report.files.count == 4)
        for name in names { #expect(report.files[name]?.bytes == name.bytes, "\(name)") }
        #expect(backend.runs[0].command.arguments.suffix(4) == names[...])
        #expect(backend.runs[0].command.environment == [names[2]: names[3]])
    }

    @Test func compileOnceRunMany() async throws {
        let backend = compiling(Self.elf)
        let built = try await CppRunner().build("x", on: backend)
        let program = try #require(built.program)
        #expect(built.compile?.outcome.isSuccess == true)
        for _ in 0..<3 { #expect(try await program.run(on: backend).compile == nil) }
        #expect(backend.runs.map(\.sandbox) == [1, 2, 3, 4])
    }

    @Test func aProgramIsAValue() async throws {
        let backend = FakeBackend { _ in .init(.exited(code: 1), stderr: PythonSamples.zero) }
        let program = Program(
            language: .python, files: [InputFile("a.py", [1])], executable: "python3", arguments: ["a.py"],
            environment: ["K": "program", "L": "program"])
        let report = try await program.run(
            arguments: ["x"], environment: ["K": "run"], inputFiles: [InputFile("in", [2])], on: backend)
        let run = backend.runs[0]
        #expect(run.command.arguments == ["a.py", "x"])
        #expect(run.command.environment == ["K": "run", "L": "program"])
        #expect(run.command.inputFiles == [InputFile("in", [2]), InputFile("a.py", [1])])
        #expect(backend.acquisitions[0].language == .python)
        #expect(report.traceback?.exceptionType == "ZeroDivisionError")
        let (_, chunks) = try await program.run(on: backend) { execution in
            await execution.output.reduce(into: 0) { $0 += $1.bytes.count }
        }
        #expect(chunks == PythonSamples.zero.utf8.count)
        // Files of the request cannot take the place of the program's.
        for path in ["a.py", "./a.py", "/work/x/../a.py"] {
            let file = InputFile(path, [])
            #expect(
                await code { try await program.run(inputFiles: [file], on: backend) } == .invalidArgument)
        }
        let missing = FakeBackend { _ in throw SandboxError(.executableNotFound, message: "") }
        #expect(await code { try await program.run(on: missing) } == .toolchainNotFound)
        let compiled = Program(
            language: .cpp, files: [InputFile("main", [1], executable: true)], executable: "./main")
        #expect(await code { try await compiled.run(on: missing) } == .executableNotFound)
    }

    /// The program's output as the body of a streaming run receives it.
    private func streamed(
        _ source: String, by runner: any LanguageRunner, on backend: FakeBackend
    ) async throws -> (report: RunReport, value: [Execution.Chunk]?) {
        try await runner.run(Array(source.utf8), RunRequest(), on: backend) { execution in
            var chunks: [Execution.Chunk] = []
            for await chunk in execution.output where !chunk.bytes.isEmpty { chunks.append(chunk) }
            return chunks
        }
    }

    @Test func streams() async throws {
        let failing = FakeBackend { _ in .init(.exited(code: 1), stderr: PythonSamples.zero) }
        let python = try await streamed("x", by: PythonRunner(), on: failing)
        #expect(python.value == [.init(stream: .stderr, bytes: Array(PythonSamples.zero.utf8))])
        #expect(python.report.result?.stderr == [])
        #expect(python.report.traceback?.exceptionType == "ZeroDivisionError")
        let compiled = try await streamed("x", by: CppRunner(), on: compiling(Self.elf, stderr: "warned"))
        #expect(compiled.value == [] && compiled.report.compile?.stderrText == "warned")
        let uncompiled = try await streamed("x", by: CppRunner(), on: failing)
        #expect(uncompiled.value == nil && uncompiled.report.result == nil)
        let backend = compiling(Self.elf)
        struct Stop: Error {}
        await #expect(throws: Stop.self) {
            _ = try await CppRunner().run(Array("x".utf8), RunRequest(), on: backend) { _ in throw Stop() }
        }
        #expect(backend.openSandboxes == 0)
    }

    @Test func aProgramThatDoesNotFitMeetsTheDiskLimit() async throws {
        let full = FakeBackend { run in
            if run.command.executable == "g++" { return .init(files: ["main": OutputFile(Self.elf)]) }
            throw SandboxError(.noSpace, message: "full")
        }
        let report = try await CppRunner().run("x", on: full)
        #expect(report.compile?.outcome.isSuccess == true)
        #expect(report.result?.outcome == .limitExceeded(.disk))
        #expect(report.result?.usage.cpuTime == .zero && report.result?.provenance.sandbox == "2")
        #expect(try await PythonRunner().run("x", on: full).result?.outcome == .limitExceeded(.disk))
        let streamed = try await streamed("x", by: PythonRunner(), on: full)
        #expect(streamed.value == nil && streamed.report.result?.outcome == .limitExceeded(.disk))
        // The caller's own files must fit; if not, that is the caller's mistake.
        let large = InputFile("in", [UInt8](repeating: 0, count: 9000))
        let limits = Limits(disk: 8192)
        #expect(
            await code { try await PythonRunner().run("x", limits: limits, inputFiles: [large], on: full) }
                == .noSpace)
    }

    @Test func aProgramThatCannotBeExecutedDidNotCompile() async throws {
        let backend = FakeBackend { run in
            if run.command.executable == "g++" { return .init(files: ["main": OutputFile(Self.elf)]) }
            throw SandboxError(.executableNotRunnable, message: "no program")
        }
        let report = try await CppRunner().run("x", on: backend)
        #expect(report.result == nil)
        #expect(report.compile?.diagnostics.map(\.message) == ["no program"])
        // The caller provided these bytes.
        #expect(
            await code {
                let file = InputFile("main", Self.elf, executable: true)
                return try await Program(language: .cpp, files: [file], executable: "./main").run(on: backend)
            }
                == .executableNotRunnable)
        #expect(await code { try await PythonRunner().run("x", on: backend) } == .executableNotRunnable)
    }

    @Test func throughTheProtocol() async throws {
        let runners: [any LanguageRunner] = [CppRunner(), PythonRunner()]
        #expect(runners.map(\.language) == [.cpp, .python])
        for runner in runners {
            _ = try await runner.run(Array("x".utf8), stdin: .string("1"), on: compiling(Self.elf))
        }
    }

    @Test func suffixes() {
        for suffix in ["cpp", "cc", "cp", "cxx", "c++", "C", ".cpp"] {
            #expect(Language(fileSuffix: suffix) == .cpp)
        }
        for suffix in ["py", ".py"] { #expect(Language(fileSuffix: suffix) == .python) }
        for suffix in ["", ".", "c", "CPP", "PY", "pyc", "h", "..py"] {
            #expect(Language(fileSuffix: suffix) == nil)
        }
    }
}
