/// The runners on the local backend: real compilers, real interpreters, real failures.
import Runners
import Sandbox
import Testing

#if canImport(Glibc)
import Glibc
#endif

@Suite struct LocalRunnerTests {
    /// Runs `body` with a backend that is shut down afterwards.
    private func withBackend<Value>(_ body: (LocalBackend) async throws -> Value) async throws -> Value {
        let backend = LocalBackend()
        do {
            let value = try await body(backend)
            await backend.shutdown()
            return value
        } catch {
            await backend.shutdown()
            throw error
        }
    }

    private func failure(_ body: () async throws(SandboxError) -> Void) async throws -> SandboxError {
        do throws(SandboxError) {
            try await body()
        } catch {
            return error
        }
        throw SandboxError(.internalError, message: "no error was thrown")
    }

    // MARK: - C++

    @Test func cppHello() async throws {
        try await withBackend { backend in
            let source = """
                #include <iostream>
                #include <string>
                int main(int argc, char** argv) {
                    std::string line;
                    std::getline(std::cin, line);
                    std::cout << "hello " << line << ' ' << argc << ' ' << argv[1] << std::endl;
                    std::cerr << "to stderr\\n";
                    return 3;
                }
                """
            let report = try await CppRunner().run(
                source, arguments: ["ä b"], stdin: .string("world\n"), on: backend)
            #expect(report.compile?.outcome == .exited(code: 0))
            #expect(report.compile?.diagnostics == [])
            #expect(report.result?.outcome == .exited(code: 3))
            #expect(report.result?.stdoutText == "hello world 2 ä b\n")
            #expect(report.result?.stderrText == "to stderr\n")
            #expect(report.traceback == nil)
        }
    }

    @Test func nothingOfTheCompilationIsThere() async throws {
        try await withBackend { backend in
            let source = """
                #include <cstdio>
                #include <dirent.h>
                int main() {
                    DIR* dir = opendir(".");
                    while (dirent* entry = readdir(dir)) if (entry->d_name[0] != '.') puts(entry->d_name);
                }
                """
            let report = try await CppRunner().run(source, on: backend)
            #expect(report.result?.stdoutText == "main\n")
        }
    }

    @Test func compileError() async throws {
        try await withBackend { backend in
            let report = try await CppRunner().run("int main() {\n    return nope;\n}\n", on: backend)
            #expect(report.result == nil)
            #expect(report.compile?.outcome == .exited(code: 1))
            let first = try #require(report.compile?.diagnostics.first)
            #expect(first.file == "main.cpp")
            #expect(first.line == 2 && first.column == 12)
            #expect(first.severity == .error)
            #expect(first.message.contains("nope"))
            #expect(report.compile?.stderrText.contains("main.cpp:2:12: error: ") == true)
        }
    }

    @Test func linkError() async throws {
        try await withBackend { backend in
            let report = try await CppRunner().run("int foo();\nint main() { return foo(); }\n", on: backend)
            #expect(report.result == nil)
            let found = report.compile?.diagnostics ?? []
            #expect(
                found.contains {
                    $0.severity == .error && $0.message.contains("undefined reference to `foo()'")
                })
        }
    }

    @Test func warningsWithSuccess() async throws {
        try await withBackend { backend in
            let report = try await CppRunner(flags: ["-Wall"]).run(
                "int main() { int unused; }\n", on: backend)
            #expect(report.compile?.outcome == .exited(code: 0))
            #expect(report.compile?.diagnostics.map(\.option) == ["-Wunused-variable"])
            #expect(report.compile?.diagnostics.map(\.severity) == [.warning])
            #expect(report.result?.outcome == .exited(code: 0))
        }
    }

    @Test func crash() async throws {
        try await withBackend { backend in
            let abort = try await CppRunner().run(
                "#include <cstdlib>\nint main() { abort(); }\n", on: backend)
            #expect(abort.result?.outcome == .signaled(signal: 6))
            let segv = try await CppRunner(flags: ["-O0"]).run(
                "int main() { volatile int* p = nullptr; *p = 1; }\n", on: backend)
            #expect(segv.result?.outcome == .signaled(signal: 11))
        }
    }

    @Test func templateBomb() async throws {
        try await withBackend { backend in
            var limits = Limits.compile
            limits.wallTime = .seconds(3)
            limits.cpuTime = .seconds(3)
            let source = """
                template <int D, unsigned long long N> struct S { S<D - 1, 2 * N> a; S<D - 1, 2 * N + 1> b; };
                template <unsigned long long N> struct S<0, N> { char c; };
                S<40, 1> s;
                int main() {}
                """
            let report = try await CppRunner(compileLimits: limits).run(source, on: backend)
            // The run's own time: the test may wait for its turn first.
            #expect(report.compile.map { $0.usage.wallTime < .seconds(6) } == true)
            #expect(report.result == nil)
            let ended: [Outcome] = [
                .limitExceeded(.cpuTime), .limitExceeded(.wallTime), .limitExceeded(.memory),
            ]
            #expect(report.compile.map { ended.contains($0.outcome) } == true)
        }
    }

    @Test func hugeDiagnostics() async throws {
        try await withBackend { backend in
            var limits = Limits.compile
            limits.output = 256 << 10
            let source = String(repeating: "int a = b + c;\nchar a[nope];\n", count: 20000)
            let report = try await CppRunner(flags: ["-fmax-errors=0"], compileLimits: limits).run(
                source, on: backend)
            let compile = try #require(report.compile)
            #expect(report.result == nil)
            #expect(compile.stderr.count <= limits.output)
            #expect(compile.outcome == .limitExceeded(.output))
            #expect(compile.result.stderrTruncated)
            #expect(compile.diagnostics.count <= Diagnostic.maximumCount)
            #expect(compile.diagnostics.first?.file == "main.cpp")
        }
    }

    @Test func includeOfADevice() async throws {
        try await withBackend { backend in
            var limits = Limits.compile
            limits.wallTime = .seconds(5)
            for device in ["/dev/random", "/dev/zero"] {
                let report = try await CppRunner(compileLimits: limits).run(
                    "#include <\(device)>\nint main() {}\n", on: backend)
                #expect(report.result == nil)
                #expect(report.compile?.outcome.isSuccess == false)
            }
        }
    }

    @Test func missingCompiler() async throws {
        try await withBackend { backend in
            let error = try await failure { () throws(SandboxError) in
                _ = try await CppRunner(compiler: "no-such-compiler").run("int main() {}", on: backend)
            }
            #expect(error.code == .toolchainNotFound)
            #expect(error.message.contains("no-such-compiler") && error.message.contains("host"))
            #expect(error.hint?.contains("apt-get install g++") == true)
            #expect(error.provenance?.kind == .local)
            let python = try await failure { () throws(SandboxError) in
                _ = try await PythonRunner(interpreter: "/no/such/python").run("", on: backend)
            }
            #expect(python.code == .toolchainNotFound)
        }
    }

    @Test func sourcesThatAreRefused() async throws {
        try await withBackend { backend in
            let huge = try await failure { () throws(SandboxError) in
                let source = [UInt8](repeating: 0x0a, count: Language.maximumSourceBytes + 1)
                _ = try await CppRunner().run(source, on: backend)
            }
            #expect(huge.code == .fileTooLarge)
            #expect(backend.statistics.acquired == 0)
        }
    }

    /// The compiler reports what is wrong with it.
    @Test func anEmptySourceDoesNotCompile() async throws {
        try await withBackend { backend in
            let report = try await CppRunner().run("", on: backend)
            #expect(report.result == nil && report.compile?.outcome == .exited(code: 1))
            #expect(report.compile?.stderrText.contains("main") == true)
            #expect(try await PythonRunner().run("", on: backend).result?.outcome == .exited(code: 0))
        }
    }

    @Test(arguments: ["-fsyntax-only", "-c", "-S", "-E"])
    func flagsThatMakeNoProgram(flag: String) async throws {
        try await withBackend { backend in
            let error = try await failure { () throws(SandboxError) in
                _ = try await CppRunner(flags: [flag]).run("int main() {}\n", on: backend)
            }
            #expect(error.code == .invalidArgument)
            #expect(error.message.contains(flag))
        }
    }

    @Test func sourceThatIsNotUTF8() async throws {
        try await withBackend { backend in
            let source =
                Array("#include <cstdio>\nint main() { puts(\"".utf8) + [0xe9, 0xff] + Array("\"); }\n".utf8)
            let report = try await CppRunner().run(source, on: backend)
            #expect(report.result?.stdout == [0xe9, 0xff, 0x0a])
        }
    }

    @Test func compileOnceRunMany() async throws {
        try await withBackend { backend in
            let source = """
                #include <fstream>
                #include <iostream>
                int main() {
                    if (std::ifstream("mark")) return 9;
                    std::ofstream("mark") << 1;
                    int a, b;
                    std::cin >> a >> b;
                    std::cout << a + b << '\\n';
                }
                """
            let built = try await CppRunner().build(source, on: backend)
            let program = try #require(built.program)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let report = try await program.run(stdin: .string("\(number) 1"), on: backend)
                        #expect(report.compile == nil)
                        #expect(report.result?.outcome == .exited(code: 0))
                        #expect(report.result?.stdoutText == "\(number + 1)\n")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func headersAreForTheCompilerAlone() async throws {
        try await withBackend { backend in
            let runner = CppRunner(headers: [InputFile("lib/answer.h", Array("#define ANSWER 42\n".utf8))])
            let source = "#include \"lib/answer.h\"\nint main() { return ANSWER; }\n"
            let report = try await runner.run(source, on: backend)
            #expect(report.result?.outcome == .exited(code: 42))
        }
    }

    // MARK: - Python

    @Test func pythonHello() async throws {
        try await withBackend { backend in
            let source = """
                import os, sys
                print("hello", sys.argv[1:], input(), os.environ.get("K"), sys.flags.utf8_mode)
                print(sorted(name for name in os.environ if name.startswith("PYTHON")))
                """
            let report = try await PythonRunner().run(
                source, arguments: ["ä", "b c"], stdin: .string("wörld\n"), environment: ["K": "V"],
                on: backend)
            #expect(report.compile == nil)
            #expect(report.result?.outcome == .exited(code: 0))
            #expect(report.result?.stdoutText == "hello ['ä', 'b c'] wörld V 1\n[]\n")
            #expect(report.result?.stderr == [])
            #expect(report.traceback == nil)
        }
    }

    @Test func pythonOutputSurvivesAKill() async throws {
        try await withBackend { backend in
            var limits = Limits.standard
            limits.wallTime = .seconds(1)
            let source = "import time\nprint('before')\ntime.sleep(60)\n"
            let report = try await PythonRunner().run(source, limits: limits, on: backend)
            #expect(report.result?.outcome == .limitExceeded(.wallTime))
            #expect(report.result?.stdoutText == "before\n")
        }
    }

    @Test func pythonSyntaxErrorAndExit() async throws {
        try await withBackend { backend in
            let syntax = try await PythonRunner().run("x = 1\nprint(\"abc\"\n", on: backend)
            #expect(syntax.result?.outcome == .exited(code: 1))
            #expect(syntax.traceback?.exceptionType == "SyntaxError")
            #expect(syntax.traceback?.frames.last?.line == 2)
            let exit = try await PythonRunner().run("import sys\nsys.exit('bye')\n", on: backend)
            #expect(exit.result?.outcome == .exited(code: 1))
            #expect(exit.traceback == nil)
            let empty = try await PythonRunner().run("", on: backend)
            #expect(empty.result?.outcome == .exited(code: 0))
        }
    }

    @Test func outputFiles() async throws {
        try await withBackend { backend in
            let source = """
                import os
                data = open("in.bin", "rb").read()
                open("out.bin", "wb").write(data[::-1])
                os.mkdir("sub")
                open("sub/b", "w").write("b")
                os.mkdir("directory")
                os.symlink("/etc/passwd", "link")
                os.mkfifo("fifo")
                with open("big", "wb") as big: big.truncate(2 << 20)
                raise SystemExit(5)
                """
            var limits = Limits.standard
            limits.fileSize = 2 << 20
            limits.disk = 3 << 19
            let report = try await PythonRunner().run(
                source, limits: limits, inputFiles: [InputFile("in.bin", [0, 1, 0xff])],
                outputFiles: ["out.bin", "sub/b", "directory", "link", "fifo", "big", "none"], on: backend)
            #expect(report.result?.outcome == .exited(code: 5))
            #expect(report.files == ["out.bin": OutputFile([0xff, 1, 0]), "sub/b": OutputFile([0x62])])
            #expect(
                report.uncollected == [
                    "directory": .notRegularFile, "link": .notRegularFile, "fifo": .notRegularFile,
                    "big": .fileTooLarge, "none": .fileNotFound,
                ])
        }
    }

    /// Both streams are complete and separate every time: in 1,000 runs, or as many as `SOAK` says.
    @Test func bothStreamsCompleteEveryTime() async throws {
        let count = getenv("SOAK").flatMap { Int(String(cString: $0)) } ?? 1000
        try await withBackend { backend in
            let source = "print(\"Before error\")\n1/0\n"
            let first = try await PythonRunner().run(source, on: backend)
            let expected = try #require(first.result?.stderr)
            #expect(first.traceback?.exceptionType == "ZeroDivisionError")
            #expect(first.traceback?.frames.map(\.line) == [2])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<3 {
                    group.addTask {
                        for number in stride(from: worker, to: count, by: 3) {
                            let report = try await PythonRunner().run(source, on: backend)
                            let result = try #require(report.result)
                            guard
                                result.outcome == .exited(code: 1), result.stdoutText == "Before error\n",
                                result.stderr == expected, !result.stdoutTruncated, !result.stderrTruncated,
                                report.traceback == first.traceback
                            else {
                                Issue.record("run \(number): \(report)")
                                return
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
