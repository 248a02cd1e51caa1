/// Builds programs on the local backend and runs them there.
import Runners
import Sandbox
import SandboxAPI
import Testing

@Suite struct LocalProgramTests {
    @Test func pythonStartsFromByteCode() async throws {
        let backend = LocalBackend()
        let source = """
            import helper, pkg.mod, random, sys
            print(__file__, sys.argv, helper.__cached__, helper.__file__)
            helper.check()
            """
        let sources = [
            InputFile("helper.py", Array("def check():\n    raise KeyError(7)\n".utf8)),
            InputFile("pkg/mod.py", []), InputFile("random.py", Array("shadow = True\n".utf8)),
            InputFile("data.txt", [0xff]),
        ]
        let built = try await PythonRunner().build(source, sources: sources, on: backend)
        #expect(built.compile?.outcome == .exited(code: 0) && built.compile?.stdout == [])
        var program = try #require(built.program)
        let cached = program.files.map(\.path).filter { $0.parts.contains("__pycache__") }
        #expect(cached.count == 3)
        let direct = try await PythonRunner().run(source, sources: sources, on: backend)
        for _ in 0..<2 {
            let report = try await program.run(arguments: ["a"], on: backend)
            let cache = try #require(cached.first)
            #expect(
                report.result?.stdoutText
                    == "/work/main.py ['main.py', 'a'] /work/\(cache) /work/helper.py\n")
            #expect(report.traceback?.frames.map(\.source) == ["helper.check()", "raise KeyError(7)"])
            #expect(report.traceback == direct.traceback)
        }
        // The byte code is what runs: with that of another source of the same hash the result is another.
        for (index, file) in program.files.enumerated() where file.path == cached.first {
            let text = program.files[index].bytes
            let at = try #require(text.firstRange(of: "KeyError".utf8)?.lowerBound)
            program.files[index].bytes.replaceSubrange(at..<at + 8, with: "IOError2".utf8)
        }
        #expect(try await program.run(on: backend).traceback?.exceptionType == "NameError")
        await backend.shutdown()
    }

    @Test func aProgramThatRewritesItsSourceRunsTheNewOne() async throws {
        let backend = LocalBackend()
        let source = """
            open("helper.py", "w").write("value = 2")
            import helper
            print(helper.value)
            """
        let built = try await PythonRunner().build(
            source, sources: [InputFile("helper.py", Array("value = 1".utf8))], on: backend)
        #expect(try await built.program?.run(on: backend).result?.stdoutText == "2\n")
        await backend.shutdown()
    }

    @Test(
        arguments: [
            ("print(1)\nx = = 1\n", "SyntaxError: invalid syntax"),
            ("if True:\nx = 1\n", "IndentationError: expected an indented block after 'if'"),
        ])
    func aSyntaxErrorIsAFailedCompilation(source: String, message: String) async throws {
        let backend = LocalBackend()
        let built = try await PythonRunner().build(source, on: backend)
        #expect(built.program == nil)
        #expect(built.compile?.outcome == .exited(code: 1))
        #expect(built.compile?.stderrText.contains(message) == true)
        // As `python3 main.py` prints it: this library's own script is in none of its lines.
        #expect(built.compile?.stderrText.contains("<string>") == false)
        let diagnostic = try #require(built.compile?.diagnostics.first)
        #expect(diagnostic.message.hasPrefix(message))
        #expect(diagnostic.file == "/work/main.py" && diagnostic.line == 2)
        await backend.shutdown()
    }

    @Test func aNULIsAFailedCompilation() async throws {
        let backend = LocalBackend()
        let built = try await PythonRunner().build("x = \u{0} 1\n", on: backend)
        #expect(built.program == nil && built.compile?.stderrText.contains("null bytes") == true)
        await backend.shutdown()
    }

    @Test func anImportedSourceMustCompile() async throws {
        let backend = LocalBackend()
        let broken = InputFile("helper.py", Array("def".utf8))
        let built = try await PythonRunner().build("print(1)", sources: [broken], on: backend)
        #expect(built.program == nil && built.compile?.diagnostics.first?.file == "/work/helper.py")
        await backend.shutdown()
    }

    /// What a source does to the interpreter that compiles it is a failed compilation.
    @Test func aGreedySourceIsAFailedCompilation() async throws {
        let backend = LocalBackend()
        var limits = Limits.compile
        limits.memory = 64 << 20
        let source = "x = " + String(repeating: "-", count: 90_000) + "1\n"
        let nested = try await PythonRunner(compileLimits: limits).build(source, on: backend)
        #expect(nested.program == nil && nested.compile?.outcome.isSuccess == false)
        let lines = String(repeating: "x = [1, 2, 3, 4]\n", count: 400_000)
        let large = try await PythonRunner(compileLimits: limits).build(lines, on: backend)
        #expect(large.program == nil && large.compile?.outcome == .limitExceeded(.memory))
        await backend.shutdown()
    }

    @Test func pythonProgramsOfOneFileAreTheirSource() async throws {
        let backend = LocalBackend()
        let source =
            "import multiprocessing as m\ndef f(x): return x * x\n"
            + "if __name__ == '__main__':\n"
            + "    m.set_start_method('spawn')\n"
            + "    with m.Pool(2) as pool: print(pool.map(f, [1, 2, 3]))\n"
        let program = try #require(try await PythonRunner().build(source, on: backend).program)
        #expect(program.files.map(\.path) == ["main.py"])
        let report = try await program.run(on: backend)
        #expect(report.result?.stdoutText == "[1, 4, 9]\n", "\(report.result?.stderrText ?? "")")
        await backend.shutdown()
    }
}
