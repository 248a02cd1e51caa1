/// Tests programs of several sources: their names, what the tools get of them, and what is refused.
import Runners
import Sandbox
import SandboxTesting
import Testing

@Suite struct SourceTests {
    private static let elf: [UInt8] =
        Array("\u{7f}ELF".utf8) + [UInt8](repeating: 0, count: 12) + [3, 0, 62, 0]

    private let backend = FakeBackend { run in
        guard run.command.executable == "g++" else { return .init() }
        return .init(files: ["main": OutputFile(Self.elf)])
    }

    private func complaint(_ body: () async throws -> RunReport) async -> SandboxError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? SandboxError
        }
    }

    @Test func compilerGetsAllSources() async throws {
        let request = RunRequest(
            inputFiles: [InputFile("util.cpp", [9])], sourceName: "primes.cpp",
            sources: [
                InputFile("util.cpp", [1]), InputFile("util.hpp", [2]), InputFile("lib/more.cc", [3]),
            ])
        let runner = CppRunner(linkFlags: ["-lm"], headers: [InputFile("testlib.h", [4])])
        _ = try await runner.run("x", request, on: backend)
        let compile = backend.runs[0].command
        #expect(
            compile.arguments == [
                "-std=c++20", "-O2", "primes.cpp", "util.cpp", "lib/more.cc", "-o", "main", "-lm",
            ])
        #expect(
            compile.inputFiles.map(\.path) == [
                "testlib.h", "util.cpp", "util.hpp", "lib/more.cc", "primes.cpp",
            ])
        // The program's sandbox has nothing of the compilation, so that names are free there.
        #expect(backend.runs[1].command.inputFiles.map(\.path) == ["util.cpp", "main"])
        #expect(backend.runs[1].command.inputFiles[0].bytes == [9])
    }

    @Test func pythonImportsTheOthers() async throws {
        let report = try await PythonRunner().run(
            "import helper", inputFiles: [InputFile("data", [])], sourceName: "words.py",
            sources: [InputFile("helper.py", [1])], on: backend)
        let command = backend.runs[0].command
        #expect(command.arguments.last == "words.py")
        #expect(command.inputFiles.map(\.path) == ["data", "helper.py", "words.py"])
        #expect(report.result?.outcome.isSuccess == true)
    }

    /// A tool reads a plain name as a name and nothing else.
    @Test(arguments: [
        "primes.cpp", "my file.cpp", "100%s %{i}.cpp", "Übung (1), a=b.cpp", "u\u{308}.cpp", "_x.C", "7.cc",
        "日本.cpp", "a$(x).cpp",
    ])
    func plainNames(name: String) async throws {
        _ = try await CppRunner().run("x", sourceName: name, on: backend)
        #expect(backend.runs[0].command.arguments.contains(ByteString(name)))
    }

    @Test(
        arguments: [
            "-o.cpp", "--help.cpp", "@file.cpp", ".hidden.cpp", " a.cpp", "a\nb.cpp", "a\u{1b}[31m.cpp",
            "a\0.cpp",
            "a:1:1: error: x.cpp", "a\"b.cpp", "a\\b.cpp", "a/b.cpp", "../a.cpp", "a\u{202e}b.cpp", "",
            "a.txt", "a",
            ByteString([0x61, 0xFF] + Array(".cpp".utf8)),
            ByteString(String(repeating: "a", count: 97) + ".cpp"),
        ] as [ByteString])
    func otherNamesAreReplaced(name: ByteString) async throws {
        let request = RunRequest(sourceName: name)
        _ = try await CppRunner().run("x", request, on: backend)
        #expect(backend.runs[0].command.arguments == ["-std=c++20", "-O2", "main.cpp", "-o", "main"])
    }

    @Test func namesForAnInterpreter() async throws {
        // It takes a file of any suffix for a program.
        _ = try await PythonRunner().run("x", sourceName: "script", on: backend)
        _ = try await PythonRunner().run("x", sourceName: "-c", on: backend)
        #expect(backend.runs.map(\.command.arguments.last) == ["script", "main.py"])
    }

    @Test(arguments: ["-o.cpp", "@f.cpp", "sub/-x.cpp", ".cpp", "a:b.h", "a\u{202e}.h"])
    func namesOfOthersAreRefused(name: String) async {
        let sources = [InputFile(name, [])]
        for runner in [CppRunner(), PythonRunner()] as [any LanguageRunner] {
            let error = await complaint { try await runner.run("x", sources: sources, on: backend) }
            #expect(error?.code == .invalidArgument && error?.hint?.contains("rename") == true, "\(runner)")
        }
        #expect(backend.acquisitions.isEmpty)
    }

    @Test func takenNames() async {
        let util = InputFile("util.cpp", [])
        let header = CppRunner(headers: [InputFile("util.h", [])])
        let cases: [(CppRunner, [InputFile])] = [
            (CppRunner(), [util, util]), (CppRunner(), [InputFile("main.cpp", [])]),
            (CppRunner(), [InputFile("./main", [])]), (header, [InputFile("util.h", [])]),
            (header, [InputFile("x/../util.h", [])]),
        ]
        for (runner, sources) in cases {
            let error = await complaint { try await runner.run("x", sources: sources, on: backend) }
            #expect(error?.code == .invalidArgument, "\(sources)")
        }
        let python = await complaint {
            try await PythonRunner().run(
                "x", inputFiles: [InputFile("a.py", [])], sources: [InputFile("a.py", [])], on: backend)
        }
        #expect(python?.code == .invalidArgument)
        let named = await complaint {
            try await PythonRunner().run(
                "x", sourceName: "a.py", sources: [InputFile("a.py", [])], on: backend)
        }
        #expect(named?.message == "two files of the program have the name \"a.py\"")
        for path in ["../x.cpp", "/etc/x.cpp", ""] {
            let error = await complaint {
                try await CppRunner().run("x", sources: [InputFile(path, [])], on: backend)
            }
            #expect(error?.code == .invalidPath, "\(path)")
        }
        let huge = InputFile("a.h", [UInt8](repeating: 0x20, count: Language.maximumSourceBytes + 1))
        #expect(
            await complaint { try await CppRunner().run("x", sources: [huge], on: backend) }?.code
                == .fileTooLarge)
        #expect(backend.acquisitions.isEmpty)
    }
}
