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
                try folder.put("a.py", "")
                #expect(try run("a.py").status == 0)
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
