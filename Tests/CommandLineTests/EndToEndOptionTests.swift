/// Runs the built command with the options that say what a program gets and what is told of its run.

#if CLI
import Foundation
import Testing

extension EndToEnd {
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Options {
        let folder: ScratchFolder

        init() throws { folder = try ScratchFolder() }

        private func run(_ arguments: String..., stdin: String = "") throws -> Invocation {
            try SandboxProcess.run(arguments, stdin: Array(stdin.utf8), in: folder.path)
        }

        @Test func programWithoutATerminator() throws {
            let result = try run(
                "exec", "--memory", "64M", "sh", "-c", "echo \"$#:$*\"", "sh", "--json", "--", "-x")
            #expect(result.out == "3:--json -- -x\n" && result.status == 0, "\(result.err)")
            #expect(try run("exec", "ls", "-d", "/usr").out == "/usr\n")
            // A program's own --help is the program's.
            #expect(try run("exec", "sh", "-c", "echo $1", "sh", "--help").out == "--help\n")
        }

        // MARK: - Sources

        @Test func severalSources() throws {
            try FileManager.default.createDirectory(
                atPath: folder.path + "/src", withIntermediateDirectories: true)
            try folder.put(
                "src/app.cpp",
                "#include \"util.hpp\"\n#include <cstdio>\nint main(int c, char** v) { printf(\"%d %s\\n\", add(1, 2), v[c - 1]); }\n"
            )
            try folder.put("src/util.hpp", "int add(int, int);\n")
            try folder.put("util.cpp", "#include \"util.hpp\"\nint add(int a, int b) { return a + b; }\n")
            let cpp = try run("run", "src/util.hpp", "src/app.cpp", "--stats", "util.cpp", "--", "--last")
            #expect(cpp.out == "3 --last\n" && cpp.status == 0, "\(cpp.err)")
            try folder.put("words.py", "import sys, helper\nhelper.f(sys.argv)\n")
            try folder.put("helper.py", "def f(words): print(words)\n")
            #expect(try run("run", "words.py", "helper.py", "--", "a").out == "['words.py', 'a']\n")
            let mixed = try run("run", "words.py", "util.cpp")
            #expect(mixed.status == 125 && mixed.err.contains("one language"), "\(mixed.err)")
            let stdin = try run("run", "--language", "cpp", "-", "util.cpp")
            #expect(stdin.status == 125 && stdin.err.contains("our own stdin"), "\(stdin.err)")
        }

        @Test func messagesNameTheUsersFile() throws {
            try folder.put("primes.cpp", "int main() {\n    return x;\n}\n")
            let cpp = try run("run", "primes.cpp")
            #expect(cpp.status == 122 && cpp.err.contains("\nprimes.cpp:2:12: error: "), "\(cpp.err)")
            #expect(!cpp.err.contains("main.cpp"))
            let diagnostic = try run("run", "--json", "primes.cpp").json["compile"]?["diagnostics"]?
                .elements?.first
            #expect(diagnostic?["file"] == "primes.cpp" && diagnostic?["line"] == 2)
            try folder.put("words.py", "def f():\n    1 / 0\nf()\n")
            let python = try run("run", folder.path + "/words.py")
            #expect(python.err.contains("File \"/work/words.py\", line 2, in f"), "\(python.err)")
        }

        /// Names that a tool could read as an option, a file of options or a message.
        @Test(arguments: [
            ("-o.cpp", "main.cpp"), ("@x.cpp", "main.cpp"), ("a\nb.cpp", "main.cpp"),
            ("x:1:1: error: y.cpp", "main.cpp"), (String(repeating: "n", count: 240) + ".cpp", "main.cpp"),
            ("my file.cpp", "my file.cpp"), ("100%s %{i}.cpp", "100%s %{i}.cpp"),
        ])
        func hostileNames(name: String, shown: String) throws {
            try folder.put(name, "int main() { return x; }\n")
            let result = try run("run", "--json", "./" + name)
            #expect(result.status == 0, "\(result.err)")
            let compile = try #require(try result.json["compile"])
            #expect(compile["diagnostics"]?.elements?.first?["file"]?.text == shown)
            #expect(compile["stderr"]?.text?.hasPrefix("\(shown): In function") == true)
        }

        @Test func hostileNamesOfOthers() throws {
            try folder.put("a.cpp", "int main() {}\n")
            try folder.put("-o.cpp", "")
            let result = try run("run", "a.cpp", "./-o.cpp")
            #expect(result.status == 125, "\(result.err)")
            #expect(result.err.contains("\"-o.cpp\" has a name that a tool could misread"), "\(result.err)")
        }

        // MARK: - Variables

        @Test func variables() throws {
            try folder.put("vars", "# comment\nA=file\nB=x y \nPASSED\n")
            let script = "echo \"$A|$B|$PASSED|$ALONE\""
            let result = try SandboxProcess.run(
                [
                    "exec", "--env", "ALONE", "--env-file", folder.path + "/vars", "--env", "A=option", "--",
                    "sh", "-c", script,
                ], through: "export PASSED=1 ALONE=\"$(printf 'two\\nlines')\"; exec \"$@\"")
            #expect(result.out == "option|x y |1|two\nlines\n", "\(result.err)")
            let unset = try SandboxProcess.run(
                ["exec", "--env", "ALONE", "true"], through: "unset ALONE; exec \"$@\"")
            #expect(
                unset.status == 125 && unset.err.contains("'ALONE' of `--env` is not set"), "\(unset.err)")
            try folder.put("bad", "A=1\nno name=2\n")
            let bad = try run("exec", "--env-file", "bad", "true")
            #expect(bad.status == 125 && bad.err.contains("line 2 of 'bad'"), "\(bad.err)")
            // The file may be a pipe.
            let piped = try run(
                "exec", "--env-file", "/dev/stdin", "sh", "-c", "echo $A", stdin: "A=piped\n")
            #expect(piped.out == "piped\n", "\(piped.err)")
            try folder.put("key", "KEY=first\nse/cret\n")
            let key = try run("exec", "--env-file", "key", "true")
            #expect(key.status == 125 && key.err.contains("line 2 of 'key'"), "\(key.err)")
            #expect(!key.err.contains("cret"), "\(key.err)")
            let missing = try run("exec", "--env-file", "none", "true")
            #expect(missing.status == 125 && missing.err.contains("fileNotFound"), "\(missing.err)")
        }

        // MARK: - Directories

        @Test func directories() throws {
            let manager = FileManager.default
            try manager.createDirectory(
                atPath: folder.path + "/tree/sub/empty", withIntermediateDirectories: true)
            try folder.put("tree/a", "A")
            try folder.put("tree/sub/tool", "#!/bin/sh\necho tool\n")
            chmod(folder.path + "/tree/sub/tool", 0o755)
            #expect(symlink("../a", folder.path + "/tree/sub/link") == 0)
            #expect(symlink("/etc/shadow", folder.path + "/tree/out") == 0)
            try folder.put("b", "B")
            let script =
                "cat tree/a tree/sub/link tree/b; tree/sub/tool; readlink tree/sub/link tree/out; ls -d x/y/sub/empty"
            let result = try run(
                "exec", "--in", "tree/", "--in", "b:tree/b", "--in", "tree:x/y", "sh", "-c", script)
            #expect(result.out == "AABtool\n../a\n/etc/shadow\nx/y/sub/empty\n", "\(result.err)")
            try folder.put("a.py", "import os\nprint(sorted(os.listdir('.')))\n")
            #expect(try run("run", "--in", "tree:.", "a.py").out == "['a', 'a.py', 'out', 'sub']\n")
            let up = try run("exec", "--in", "..", "true")
            #expect(up.status == 125 && up.err.contains("invalidPath"), "\(up.err)")
            let included = try run("run", "--include", "tree", "a.py")
            #expect(included.status == 125 && included.err.contains("is a directory"), "\(included.err)")
        }

        @Test func directoriesThatAreRefused() throws {
            #expect(mkdir(folder.path + "/tree", 0o700) == 0)
            #expect(mkfifo(folder.path + "/tree/pipe", 0o600) == 0)
            let special = try run("exec", "--in", "tree", "true")
            #expect(special.status == 125 && special.err.contains("'tree/pipe' is a FIFO"), "\(special.err)")
            #expect(unlink(folder.path + "/tree/pipe") == 0)
            try folder.put("tree/large", "")
            #expect(truncate(folder.path + "/tree/large", 140 << 20) == 0)
            let large = try run("exec", "--in", "tree", "true")
            #expect(large.status == 125 && large.err.contains("fileTooLarge"), "\(large.err)")
            // More than the standard disk, on a disk that has the room.
            let fits = try run(
                "exec", "--disk", "160M", "--memory", "1G", "--in", "tree", "wc", "-c", "tree/large")
            #expect(fits.out == "\(140 << 20) tree/large\n", "\(fits.err)")
        }

        // MARK: - The result

        @Test func statistics() throws {
            let result = try run("exec", "--stats", "sh", "-c", "echo out; printf unfinished >&2; exit 3")
            #expect(result.status == 3 && result.out == "out\n")
            let lines = result.err.split(separator: "\n").map(String.init)
            #expect(lines.first == "unfinished" && lines.count >= 6, "\(result.err)")
            #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("sandbox: ") }, "\(result.err)")
            for text in [
                "program: exited with status 3\n", "program: wall time ", " (clock), CPU time ",
                "peak memory ",
                "peak processes ", "isolation: ", "backend: local, image host\n",
            ] {
                #expect(result.err.contains(text), "\(text): \(result.err)")
            }
            try folder.put("a.cpp", "int main() { return x; }\n")
            let failed = try run("run", "--stats", "a.cpp")
            #expect(failed.status == 122 && failed.err.contains("sandbox: compiler: exited with status 1\n"))
            #expect(!failed.err.contains("program: "), "\(failed.err)")
            // The object has stdout for itself.
            let json = try run("exec", "--stats", "--json", "true")
            EndToEnd.checkShape(of: try json.json)
            #expect(json.err.contains("sandbox: program: exited with status 0\n"))
        }

        @Test func resultInAFile() throws {
            try folder.put("result", "before")
            let result = try run(
                "exec", "--json-file", "result", "--out", "x", "sh", "-c",
                "echo out; echo err >&2; echo > x; exit 4")
            #expect(result.status == 4 && result.out == "out\n" && result.err == "err\n")
            let json = try JSONValue.parse(folder.bytes("result"))
            EndToEnd.checkShape(of: json)
            #expect(json["outcome"] == ["kind": "exited", "code": 4])
            #expect(json["stdout"] == "out\n" && json["stderr"] == "err\n")
            #expect(json["files"]?.keys == ["x"])
            // With --json both have the object.
            let both = try run("exec", "--json", "--json-file", "result", "true")
            #expect(try both.status == 0 && both.stdout == folder.bytes("result"))
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            #expect(left == ["result", "x"])
        }

        /// A log that a stream is redirected to keeps what it has.
        @Test(arguments: [("2>>log", "/dev/stderr"), (">>log", "/dev/stdout"), ("3>>log", "/dev/fd/3")])
        func resultInALog(redirection: String, file: String) throws {
            try folder.put("log", "earlier\n")
            let result = try SandboxProcess.run(
                ["exec", "--json-file", file, "sh", "-c", "echo out; echo err >&2"], in: folder.path,
                through: "exec \"$@\" \(redirection)")
            #expect(result.status == 0, "\(result.err)")
            let lines = try folder.text("log").split(separator: "\n").map(String.init)
            let passedOn = ["2>>log": ["err"], ">>log": ["out"]][redirection] ?? []
            #expect(Array(lines.dropLast()) == ["earlier"] + passedOn)
            let json = try JSONValue.parse(Array(try #require(lines.last).utf8))
            #expect(json["stdout"] == "out\n" && json["stderr"] == "err\n")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["log"])
        }

        @Test func failuresInAFile() throws {
            let missing = try run("exec", "--json-file", "result", "no-such-program")
            #expect(missing.status == 127 && missing.err.contains("executableNotFound"))
            let error = try JSONValue.parse(folder.bytes("result"))["error"]
            #expect(error?["code"] == "executableNotFound" && error?["exitStatus"] == 127)
            // Told before the program runs: it would leave a file.
            let refused = try run("exec", "--json-file", "none/result", "--out", "x", "sh", "-c", "echo > x")
            #expect(refused.status == 125 && refused.err.contains("'none/result'"), "\(refused.err)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["result"])
            let interrupted = try SandboxProcess.run(
                ["exec", "--json-file", "result", "sh", "-c", "echo ready; sleep 30"], in: folder.path,
                onOutput: { kill($0, SIGTERM) })
            #expect(interrupted.status == 143)
            #expect(try JSONValue.parse(folder.bytes("result"))["error"]?["code"] == "cancelled")
            // stdout loses its reader: the old result must not be taken for this run's.
            try folder.put("result", "before")
            let unread = try SandboxProcess.run(
                ["exec", "--output-limit", "1G", "--json-file", folder.path + "/result", "yes"],
                through: "\"$@\" | head -n 1")
            #expect(unread.out == "y\n")
            #expect(try JSONValue.parse(folder.bytes("result"))["error"]?["exitStatus"] == 141)
        }

        @Test func outputThatIsPassedOnIsInTheFile() throws {
            let result = try run(
                "exec", "--json-file", "result", "--output-limit", "1K", "sh", "-c",
                "head -c 600 /dev/zero; exec head -c 900 /dev/zero")
            #expect(result.status == 123)
            let json = try JSONValue.parse(folder.bytes("result"))
            #expect(json["stdoutTruncated"] == true)
            #expect(json["stdout"]?.text?.utf8.count == 1024 && result.stdout.count == 1024)
        }

        /// Without room for a pipe the command says so; it does not run a program that no signal would end.
        @Test func signalsThatCannotBeHandled() throws {
            let result = try SandboxProcess.run(["exec", "true"], through: "ulimit -n 4; exec \"$@\"")
            #expect(result.status == 125, "\(result.err)")
            #expect(
                result.err.hasPrefix("sandbox: cannot prepare for signals: Too many open files"),
                "\(result.err)")
        }
    }
}
#endif
