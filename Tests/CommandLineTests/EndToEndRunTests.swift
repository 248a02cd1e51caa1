/// Runs the built command on sources: languages, compilation, collected files.

#if CLI
import Foundation
import Testing

extension EndToEnd {
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Sources {
        let folder: ScratchFolder

        init() throws { folder = try ScratchFolder() }

        private func run(_ arguments: String...) throws -> Invocation {
            try SandboxProcess.run(["run"] + arguments, in: folder.path)
        }

        @Test func python() throws {
            try folder.put(
                "a.py", "import sys\nprint(sys.argv[1:])\nprint('e', file=sys.stderr)\nsys.exit(7)\n")
            let result = try run("a.py", "--", "x", "-y", "--", "--json")
            #expect(result.status == 7)
            #expect(result.out == "['x', '-y', '--', '--json']\n")
            #expect(result.err == "e\n")
        }

        @Test func emptyPythonSource() throws {
            for text in ["", "\u{feff}"] {
                try folder.put("a.py", text)
                #expect(try run("a.py").status == 0)
            }
        }

        /// An invalid source is a failed compilation or a failed run, with the tool's own message.
        @Test func sourcesThatAreNoPrograms() throws {
            for text in ["", "\u{feff}", "\0", "// nothing\n"] {
                try folder.put("a.cpp", text)
                let result = try run("a.cpp")
                #expect(result.status == 122, "\(text.debugDescription): \(result.err)")
                #expect(result.err.contains("undefined reference to `main'"), "\(result.err)")
                #expect(result.err.hasSuffix("sandbox: compilation failed\n"), "\(result.err)")
            }
            try folder.put("a.py", "x =\0")
            let python = try run("a.py")
            #expect(python.status == 1 && python.err.contains("SyntaxError"), "\(python.err)")
        }

        /// A program larger than the disk limit is not a failure of the sandbox.
        @Test func programsThatDoNotFit() throws {
            let data = try folder.put("a.cpp", "char a[3 << 20] = {1};\nint main() { return a[1]; }\n")
            let text = try folder.put("a.py", String(repeating: "x = 1\n", count: 400_000))
            for source in [data, text] {
                let result = try run("--disk", "1M", source)
                #expect(result.status == 123, "\(result.err)")
                #expect(result.err == "sandbox: disk limit exceeded (1 MiB)\n")
                let json = try run("--json", "--disk", "1M", source).json
                EndToEnd.checkShape(of: json)
                #expect(json["outcome"] == ["kind": "limitExceeded", "limit": "disk"])
            }
            // Input files that do not fit are the caller's mistake.
            try folder.put("large", String(repeating: "x", count: 900_000))
            let inputs = try run("--disk", "1M", "--in", "large", "--in", "large:again", data)
            #expect(inputs.status == 125 && inputs.err.contains("noSpace"), "\(inputs.err)")
        }

        /// The source makes the linker write an executable that the kernel refuses.
        @Test(arguments: [".skip 5000", ".ascii \"x\""])
        func programsThatCannotBeExecuted(name: String) throws {
            try folder.put(
                "a.cpp",
                """
                asm(R"(.section .interp,"a"
                \(name)
                .text)");
                int main() {}
                """)
            let result = try run("a.cpp")
            #expect(result.status == 122, "\(result.err)")
            #expect(
                result.err
                    == "sandbox: compilation failed: \"./main\" cannot be executed: Exec format error\n")
            let json = try run("--json", "a.cpp").json
            EndToEnd.checkShape(of: json)
            #expect(json["outcome"] == .null)
            #expect(json["compile"]?["diagnostics"]?.elements?.last?["severity"] == "fatalError")
        }

        @Test func sourceFromStdin() throws {
            func run(_ text: String, _ arguments: String...) throws -> Invocation {
                try SandboxProcess.run(["run"] + arguments, stdin: Array(text.utf8))
            }
            #expect(try run("print(1)", "--language", "python", "-").out == "1\n")
            #expect(try run("int main() { return 7; }", "--language", "cpp", "-").status == 7)
            let arguments = try run(
                "import sys; print(sys.argv[1:], sys.stdin.read())", "--language", "python", "-", "--",
                "-")
            #expect(arguments.out == "['-'] \n")
            let unnamed = try run("print(1)", "-")
            #expect(
                unnamed.status == 125 && unnamed.err.contains("--language") && unnamed.err.contains("python"),
                "\(unnamed.err)")
            let both = try run("print(1)", "--language", "python", "--stdin", "-", "-")
            #expect(both.status == 125 && both.err.contains("cannot be both"), "\(both.err)")
        }

        @Test func headersAndFlags() throws {
            try folder.put("seven.h", "inline int seven() { return SEVEN; }\n")
            try folder.put(
                "a.cpp",
                "#include \"seven.h\"\nint main() { return seven() * 10 + (__cplusplus == 201402L); }\n")
            let result = try run(
                "--include", "seven.h", "--compile-flag", "-DSEVEN=7", "--std", "c++14", "--compile-flag",
                "-lm", "a.cpp")
            #expect(result.status == 71, "\(result.err)")
            try folder.put("b.cpp", "#include \"sub/7.h\"\nint main() { return seven(); }\n")
            let named = try run("--include", "seven.h:sub/7.h", "--compile-flag", "-DSEVEN=6", "b.cpp")
            #expect(named.status == 6, "\(named.err)")
            try folder.put("a.py", "import seven\nprint(seven.value)\n")
            try folder.put("7.py", "value = 7\n")
            #expect(try run("--include", "7.py:seven.py", "a.py").out == "7\n")
            for option in [["--std", "c++14"], ["--compile-flag", "-O3"]] {
                let refused = try SandboxProcess.run(["run"] + option + ["a.py"], in: folder.path)
                #expect(refused.status == 125 && refused.err.contains(option[0]), "\(refused.err)")
            }
            let twice = try run("--include", "seven.h", "--include", "7.py:seven.h", "a.cpp")
            #expect(twice.status == 125 && twice.err.contains("two `--include` files"), "\(twice.err)")
        }

        /// Answers the program's first line, and shows its second.
        private static let dialogue = """
            folder=$(mktemp -d) && mkfifo "$folder/in" "$folder/out" || exit 77
            "$@" <"$folder/in" >"$folder/out" &
            exec 3>"$folder/in" 4<"$folder/out"
            read -r line <&4
            echo "answer to $line" >&3
            read -r line <&4
            echo "$line"
            exec 3>&- 4<&-
            wait $!
            status=$?
            rm -r "$folder"
            exit $status
            """

        @Test func conversesWithItsCaller() throws {
            let python = try folder.put("a.py", "print('question')\nprint('got', input())\n")
            let cpp = try folder.put(
                "a.cpp",
                """
                #include <iostream>
                #include <string>
                int main() {
                    std::string line;
                    std::cout << "question" << std::endl;
                    std::getline(std::cin, line);
                    std::cout << "got " << line << std::endl;
                }
                """)
            for arguments in [["run", "--stdin", "-", python], ["run", "--stdin", "-", cpp]] {
                let result = try SandboxProcess.run(arguments, through: Self.dialogue)
                #expect(result.out == "got answer to question\n", "\(result.err)")
                #expect(result.status == 0, "\(result.err)")
            }
        }

        /// The reader starts when the program's time limit has passed.
        @Test func aSlowReaderIsNotTheProgramsTime() throws {
            try folder.put(
                "a.py", "import sys\nsys.stdout.write(''.join(f'{i}\\n' for i in range(100000)))\n")
            let script = "{ \"$@\"; echo \"status $?\" >&2; } | { sleep 6; wc -l; }"
            for arguments in [
                ["run", "--wall-time", "4", "a.py"],
                ["exec", "--wall-time", "4", "--in", "a.py", "--", "python3", "a.py"],
            ] {
                let result = try SandboxProcess.run(arguments, in: folder.path, through: script)
                #expect(result.out == "100000\n")
                #expect(result.err == "status 0\n")
            }
        }

        @Test func languageOption() throws {
            try folder.put("source", "print('python')\n")
            #expect(try run("--language", "python", "source").out == "python\n")
            let unnamed = try run("source")
            #expect(unnamed.status == 125)
            #expect(unnamed.err.contains("--language"))
        }

        @Test func cpp() throws {
            try folder.put(
                "a.cpp",
                """
                #include <cstdio>
                int main(int argc, char** argv) {
                    int a = 0, b = 0;
                    if (scanf("%d %d", &a, &b) != 2) return 9;
                    printf("%d %s\\n", a + b, argv[argc - 1]);
                    return 4;
                }
                """)
            let result = try SandboxProcess.run(
                ["run", "--stdin", "-", "a.cpp", "--", "last"], stdin: Array("3 4\n".utf8),
                in: folder.path)
            #expect(result.out == "7 last\n")
            #expect(result.err == "")
            #expect(result.status == 4)
        }

        @Test func compilationFailed() throws {
            try folder.put("a.cpp", "int main() { return nothing; }\n")
            let result = try run("a.cpp")
            #expect(result.status == 122)
            #expect(result.out == "")
            #expect(result.err.contains("was not declared"))
            #expect(result.err.hasSuffix("sandbox: compilation failed\n"))

            let report = try run("--json", "a.cpp")
            #expect(report.status == 0)
            let json = try report.json
            EndToEnd.checkShape(of: json)
            #expect(json["outcome"] == .null && json["usage"] == .null)
            #expect(json["stdout"] == "" && json["stderr"] == "")
            let compile = try #require(json["compile"])
            #expect(compile["outcome"] == ["kind": "exited", "code": 1])
            #expect(compile["stderr"]?.text?.contains("was not declared") == true)
            let diagnostic = try #require(compile["diagnostics"]?.elements?.first)
            #expect(diagnostic["severity"] == "error" && diagnostic["line"] == 1)
        }

        @Test func compilationMeetsItsLimit() throws {
            try folder.put("a.cpp", "#include <iostream>\nint main() {}\n")
            let result = try run("--compile-wall-time", "0.02", "a.cpp")
            #expect(result.status == 122)
            #expect(
                result.err.hasSuffix("sandbox: compilation failed: wall time limit exceeded (0.02 s)\n"))
        }

        @Test func compiledJSON() throws {
            try folder.put("a.cpp", "int main() { return 5; }\n")
            let json = try run("--json", "a.cpp").json
            EndToEnd.checkShape(of: json)
            #expect(json["outcome"] == ["kind": "exited", "code": 5])
            #expect(json["compile"]?["outcome"] == ["kind": "exited", "code": 0])
            #expect(json["compile"]?["diagnostics"] == [])
        }

        @Test func collectedFiles() throws {
            try folder.put(
                "a.py",
                """
                import os
                os.mkdir("sub")
                open("plot.png", "wb").write(b"\\x89PNG\\r\\n\\x1a\\n\\xff")
                open("sub/data.csv", "w").write("1,2\\n")
                os.symlink("/etc/passwd", "link")
                """)
            let result = try run(
                "--json", "--out", "plot.png", "--out", "sub/data.csv", "--out", "missing", "--out",
                "link",
                "--out-dir", "results", "a.py")
            #expect(result.status == 0)
            let json = try result.json
            EndToEnd.checkShape(of: json)
            #expect(json["outcome"] == ["kind": "exited", "code": 0])
            #expect(json["files"]?.keys == ["plot.png", "sub/data.csv"])
            #expect(json["files"]?["plot.png"]?["bytes"] == 9)
            #expect(json["files"]?["plot.png"]?["mediaType"] == "image/png")
            #expect(json["files"]?["sub/data.csv"]?["mediaType"] == "text/csv")
            let path = try #require(json["files"]?["plot.png"]?["path"]?.text)
            #expect(path.hasPrefix("/") && path.hasSuffix("/results/plot.png"))
            #expect(try folder.bytes("results/plot.png").last == 0xFF)
            #expect(try folder.text("results/sub/data.csv") == "1,2\n")
            #expect(
                result.err.contains("warning: 'missing' is not collected: the program left no such file"))
            #expect(result.err.contains("warning: 'link' is not collected: it is not a regular file"))
        }

        @Test func collectedFromExec() throws {
            let result = try SandboxProcess.run(
                ["exec", "--out", "x", "--", "sh", "-c", "echo hi > x; exit 3"], in: folder.path)
            #expect(result.status == 3)
            #expect(try folder.text("x") == "hi\n")
        }

        @Test func destinationIsNoFile() throws {
            try folder.put("a.py", "open('x', 'w').write('new')\n")
            try folder.put("victim", "old")
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/x", withDestinationPath: folder.path + "/victim")
            let result = try run("--json", "--out", "x", "a.py")
            #expect(result.status == 125)
            #expect(try result.json["error"]?["code"] == "notRegularFile")
            #expect(try folder.text("victim") == "old")
        }
    }
}
#endif
