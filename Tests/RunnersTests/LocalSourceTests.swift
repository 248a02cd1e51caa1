/// Runs programs of several sources, and with trees of files, on the local backend.
import Runners
import Sandbox
import SandboxAPI
import Testing

@Suite struct LocalSourceTests {
    @Test func severalSourcesBecomeOneProgram() async throws {
        let backend = LocalBackend()
        let runner = CppRunner()
        let request = RunRequest(
            sourceName: "app.cpp",
            sources: [
                InputFile("util.cpp", Array("#include \"util.hpp\"\nint seven() { return 7; }\n".utf8)),
                InputFile("util.hpp", Array("int seven();\n".utf8)),
            ])
        let source = "#include \"util.hpp\"\nint main() { return seven(); }\n"
        let report = try await runner.run(source, request, on: backend)
        #expect(report.result?.outcome == .exited(code: 7), "\(report.compile?.stderrText ?? "")")
        let built = try await runner.build(Array(source.utf8), request, on: backend)
        #expect(try await built.program?.run(on: backend).result?.outcome == .exited(code: 7))
        await backend.shutdown()
    }

    @Test func messagesNameTheSource() async throws {
        let backend = LocalBackend()
        let failed = try await CppRunner().run(
            "int main() { return x; }", sourceName: "primes.cpp", on: backend)
        let diagnostic = try #require(failed.compile?.diagnostics.first)
        #expect(diagnostic.file == "primes.cpp" && diagnostic.line == 1)
        let raised = try await PythonRunner().run(
            "import helper\nhelper.f()\n", sourceName: "words.py",
            sources: [InputFile("helper.py", Array("def f(): 1 / 0\n".utf8))], on: backend)
        #expect(raised.traceback?.frames.map(\.file) == ["/work/words.py", "/work/helper.py"])
        await backend.shutdown()
    }

    /// Sources that have no room are the submission's fault.
    @Test func sourcesThatDoNotFit() async throws {
        let backend = LocalBackend()
        var limits = Limits.standard
        limits.disk = 1 << 20
        let report = try await PythonRunner().run(
            "import helper", limits: limits,
            sources: [InputFile("helper.py", [UInt8](repeating: 0x23, count: 2 << 20))], on: backend)
        #expect(report.result?.outcome == .limitExceeded(.disk))
        await backend.shutdown()
    }

    @Test func treesAreThereBeforeTheProgram() async throws {
        let backend = LocalBackend()
        let archive =
            TarWriter.header(TarEntry(path: Array("d/".utf8), kind: .directory))
            + TarWriter.header(TarEntry(path: Array("d/x".utf8), kind: .file, size: 2)) + Array("hi".utf8)
            + TarWriter.padding(after: 2)
            + TarWriter.header(
                TarEntry(path: Array("l".utf8), kind: .symbolicLink, linkTarget: Array("d/x".utf8)))
            + TarWriter.end
        let request = RunRequest(
            inputFiles: [InputFile("t/d/y", Array("file".utf8))], sourceName: "a.py",
            inputTrees: [InputTree("t", archive: archive), InputTree(".") { [archive].async }])
        let report = try await PythonRunner().run(
            "import os\nprint(open('t/l').read(), os.readlink('l'), open('t/d/y').read())", request,
            on: backend)
        #expect(report.result?.stdoutText == "hi d/x file\n", "\(report.result?.stderrText ?? "")")
        let small = RunRequest(
            inputTrees: [InputTree("t", archive: archive, limits: TreeLimits(entries: 2))])
        let error = await #expect(throws: SandboxError.self) {
            try await PythonRunner().run("1", small, on: backend)
        }
        #expect(error?.code == .tooManyFiles)
        await backend.shutdown()
    }
}

extension Array where Element: Sendable {
    fileprivate var async: AsyncStream<Element> {
        AsyncStream { continuation in
            for element in self { continuation.yield(element) }
            continuation.finish()
        }
    }
}
