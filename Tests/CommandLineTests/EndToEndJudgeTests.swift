/// Runs the built `sandbox judge`: exit statuses, table, JSON, JUnit, wrong usage, hostile names.

#if CLI && Judge
import Foundation
import Testing

extension EndToEnd {
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Judging {
        private static let problems = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Problems").standardized.path

        /// A package of the 2025-09 format whose answer to a test is its input; `nil` leaves a file out.
        private static func package(_ changes: [String: String?] = [:]) throws -> ScratchFolder {
            var files: [String: String?] = [
                "problem.yaml":
                    "problem_format_version: 2025-09\nname: Echo\nuuid: u\nlimits: {time_limit: 5}\n",
                "statement/problem.en.tex": "", "input_validators/v.sh": "exit 42\n",
                "data/secret/1.in": "1\n", "data/secret/1.ans": "1\n", "data/secret/2.in": "2\n",
                "data/secret/2.ans": "2\n", "data/secret/3.in": "3\n", "data/secret/3.ans": "3\n",
                "submissions/accepted/cat.sh": "exec cat\n",
            ]
            for (name, text) in changes { files[name] = text }
            let folder = try ScratchFolder()
            for case (let name, let text?) in files {
                let file = URL(filePath: folder.path + "/" + name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
            return folder
        }

        private static func judge(_ arguments: String...) throws -> Invocation {
            try SandboxProcess.run(["judge"] + arguments)
        }

        // MARK: Results

        @Test func asExpected() throws {
            let ran = try Self.judge(Self.problems + "/relay")
            #expect(ran.status == 0, "\(ran.err)")
            let lines = ran.out.split(separator: "\n")
            #expect(
                lines.first == "Relay: time limit 1.000 s" && lines.last == "all as expected", "\(ran.out)")
            let row = lines.first { $0.hasPrefix("submissions/accepted/hexadecimal.py ") }
            #expect(row?.contains(" AC ") == true && row?.hasSuffix("  ok") == true, "\(ran.out)")
            // No terminal: lines, and nothing that moves a cursor.
            #expect(
                ran.err.hasPrefix(
                    "sandbox: checking the package\nsandbox: judging submissions/accepted/hexadecimal.py\n"))
            #expect(!ran.err.contains("\u{1B}") && !ran.err.contains("\r"))
        }

        @Test func theContractOfTheObject() throws {
            let runs = try ["sum", "levels", "answers"].map {
                try SandboxProcess.run(["judge", "--json", "--jobs", "2", Self.problems + "/" + $0])
            }
            #expect(runs.map(\.status) == [0, 0, 0])
            if SchemaCheck.isThere {
                #expect(try SchemaCheck.violations(of: runs.map(\.stdout), .judge) == [])
            }
            let objects = try runs.map { try $0.json }
            #expect(objects.map { $0["problem"] } == ["Sum of two", "Levels", "Answers"])
            #expect(objects.allSatisfy { $0["allAsExpected"] == true })
            func submission(_ object: JSONValue, _ path: JSONValue) -> JSONValue? {
                object["submissions"]?.elements?.first { $0["path"] == path }
            }
            let flood = submission(objects[0], "submissions/run_time_error/flood.cpp")
            #expect(
                flood?["verdict"] == "OLE" && flood?["expected"] == ["RTE"] && flood?["language"] == "cpp")
            #expect(
                flood?["compile"]?["outcome"] == ["kind": "exited", "code": 0] && flood?["score"] == .null)
            let test = flood?["tests"]?.elements?.first
            #expect(test?["name"] == "sample/1" && test?["verdict"] == "OLE")
            #expect(test?["outcome"] == ["kind": "limitExceeded", "limit": "output"])
            #expect(submission(objects[1], "submissions/partial/goto.cpp")?["score"] == 95)
            #expect(submission(objects[2], "submissions/wrong_answer/second")?["language"] == .null)
        }

        @Test func notAsExpected() throws {
            let folder = try Self.package(["submissions/accepted/two.sh": "echo 2\n"])
            let report = folder.path + "/report.xml"
            let ran = try Self.judge("--junit", report, folder.path)
            #expect(ran.status == 1, "\(ran.err)")
            #expect(ran.out.contains("\nsubmissions/accepted/two.sh: WA\n"), "\(ran.out)")
            #expect(ran.out.contains("not as expected: secret/1 is WA, permitted: AC"), "\(ran.out)")
            // Only the tests of a submission with an unexpected result are listed.
            #expect(!ran.out.contains("submissions/accepted/cat.sh: AC"))
            #expect(ran.out.hasSuffix("\n1 of 2 not as expected\n"))
            let all = try Self.judge("--tests", folder.path)
            #expect(all.status == 1 && all.out.contains("\nsubmissions/accepted/cat.sh: AC\n"))

            let suites = try JUnit(of: report)
            #expect(suites.numbers == "2 1 0")
            #expect(suites.failed == ["submissions/accepted/two.sh"])
        }

        @Test func namedSubmissions() throws {
            let folder = try Self.package(["submissions/wrong_answer/one.sh": "echo 1\n"])
            let other = try folder.put("three.sh", "echo 3\n")
            let ran = try Self.judge(
                "--json", "--stop-at-first-failure", folder.path, "submissions/wrong_answer/one.sh", other)
            #expect(ran.status == 1, "\(ran.err)")
            let found = try #require(try ran.json["submissions"]?.elements)
            // A score needs all tests.
            let scored = try Self.judge(
                "--json", "--stop-at-first-failure", Self.problems + "/levels",
                "submissions/partial/overflow.cpp")
            #expect(scored.status == 0, "\(scored.out)")
            #expect(found.map { $0["verdict"] } == ["WA", "WA"])
            #expect(found.map { $0["asExpected"] } == [true, false])
            #expect(found.map { $0["expected"] } == [["WA"], ["AC"]])
            #expect(found.map { $0["tests"]?.elements?.count } == [2, 1])
        }

        @Test func aLanguageOfTheCaller() throws {
            let folder = try Self.package([
                "submissions/accepted/cat.sh": String?.none, "submissions/accepted/cat.copy": "",
                "languages/copy.yaml":
                    "name: copy\ntitle: Copy\nsuffixes: [copy]\nsource: main.copy\nrun: [cat]\n",
            ])
            let unknown = try Self.judge(folder.path)
            #expect(unknown.status == 125 && unknown.out.contains("no language"), "\(unknown.out)")
            let ran = try Self.judge("--json", "--languages", folder.path + "/languages", folder.path)
            // Every program of this language is `cat`, which copies stdin.
            #expect(ran.status == 0, "\(ran.out)\(ran.err)")
        }

        // MARK: Faults

        @Test func aRefusedInputIsTold() throws {
            let folder = try Self.package(["input_validators/v.sh": "echo bad >&2; exit 43\n"])
            let ran = try Self.judge("--json", "--junit", folder.path + "/j.xml", folder.path)
            #expect(ran.status == 1)
            #expect(try ran.json["allAsExpected"] == false)
            #expect(
                ran.err.contains(
                    "data/secret/1.in: error: the input validator \"v.sh\" exited with status 43: bad"))
            #expect(try JUnit(of: folder.path + "/j.xml").numbers == "4 3 0")
            if SchemaCheck.isThere { #expect(try SchemaCheck.violations(of: [ran.stdout], .judge) == []) }
        }

        @Test func aFailingValidatorIsAJudgeError() throws {
            for (file, text) in [
                ("output_validator/v.sh", "exit 1\n"), ("output_validator/v.cpp", "int main( {\n"),
                ("submissions/accepted/x.unknown", ""),
            ] {
                let folder = try Self.package([file: text])
                let ran = try Self.judge("--json", "--junit", folder.path + "/j.xml", folder.path)
                #expect(ran.status == 125, "\(file): \(ran.err)")
                if SchemaCheck.isThere {
                    #expect(try SchemaCheck.violations(of: [ran.stdout], .judge) == [], "\(file)")
                }
                #expect(try JUnit(of: folder.path + "/j.xml").numbers != "1 0 0", "\(file)")
            }
        }

        @Test func allFaultsOfABrokenPackage() throws {
            let folder = try Self.package([
                "problem.yaml":
                    "problem_format_version: 2025-09\nname: p\nuuid: u\nlimit: 3\ntype: quiz\n",
                "data/secret/3.ans": String?.none,
            ])
            let ran = try Self.judge(folder.path)
            #expect(ran.status == 125 && ran.out == "")
            let unknown = "problem.yaml:4: error: unknown key \"limit\" [unknown-key]"
            #expect(ran.err.contains(unknown), "\(ran.err)")
            #expect(ran.err.contains("problem.yaml:5: error: "))
            #expect(ran.err.contains("data/secret/3.in: error: the test has no 3.ans [incomplete-test]"))
            let object = try Self.judge("--json", folder.path)
            #expect(object.status == 125)
            if SchemaCheck.isThere { #expect(try SchemaCheck.violations(of: [object.stdout], .error) == []) }
        }

        /// A submission that waits would take two minutes.
        @Test func aSignalEndsJudging() throws {
            let folder = try Self.package([
                "problem.yaml":
                    "problem_format_version: 2025-09\nname: p\nuuid: u\nlimits: {time_limit: 60}\n",
                "submissions/accepted/cat.sh": "sleep 1000\n",
            ])
            // The signal comes once the submission runs, or is about to.
            let script = """
                "$@" 2>err & until grep -q judging err || ! kill -0 $!; do sleep 0.1; done
                kill -TERM $!; wait $!
                """
            let ran = try SandboxProcess.run(
                ["judge", "--json", folder.path], in: folder.path, through: script)
            #expect(ran.status == 143, "\(ran.err)\(ran.out)")
            #expect(try ran.json["error"]?["exitStatus"] == 143)
        }

        @Test func wrongUsage() throws {
            let folder = try Self.package()
            let wrong: [([String], String)] = [
                (["--jobs", "0", folder.path], "a number of jobs is 1 to 64"),
                (["--jobs", "65", folder.path], "a number of jobs is 1 to 64"),
                (["--jobs", "two", folder.path], "a number of jobs is 1 to 64"),
                ([], "Missing expected argument '<problem>'"),
                (["--stdin", "-", folder.path], "--stdin"),
                ([folder.path + "/none"], "No such file or directory"),
                ([folder.path + "/problem.yaml"], "it is not a directory"),
                ([folder.path + "/data"], "there is neither a problem.yaml"),
                ([folder.path, "none.sh"], "there is no such submission"),
                ([folder.path, "/dev/null"], "there are no files in the submission"),
                (["--junit", folder.path, folder.path], "of `--junit`"),
                (["--junit", folder.path + "/none/x.xml", folder.path], "of `--junit`"),
                (["--junit", "-", folder.path], "of `--junit` names no file"),
                (["--languages", folder.path + "/none", folder.path], "none"),
            ]
            for (arguments, words) in wrong {
                let ran = try SandboxProcess.run(["judge"] + arguments)
                #expect(ran.status == 125 && ran.out == "", "\(arguments): \(ran.out)")
                #expect(ran.err.contains(words), "\(arguments): \(ran.err)")
            }
        }

        /// Names and words of others obey no terminal, and keep XML and JSON well formed.
        @Test func hostileNames() throws {
            let words = "\\033]0;owned\\007 <&\\\" ]]>"
            let folder = try Self.package([
                "output_validator/v.sh": "printf '\(words)' >feedback/judgemessage.txt; exit 43\n"
            ])
            let script = """
                name=$(printf 'x\\033[31m<&"\\377'); printf 'echo 1\\n' >"$FOLDER/$name.sh"
                exec "$@" "$FOLDER" "$FOLDER/$name.sh"
                """
            let junit = folder.path + "/j.xml"
            for arguments in [["judge", "--junit", junit], ["judge", "--json"]] {
                let ran = try SandboxProcess.run(
                    arguments, through: "export FOLDER='\(folder.path)'\n" + script)
                #expect(ran.status == 1, "\(ran.err)")
                #expect(!ran.err.contains("\u{1B}"))
                if arguments.last == "--json" {
                    if SchemaCheck.isThere {
                        #expect(try SchemaCheck.violations(of: [ran.stdout], .judge) == [])
                    }
                    let submission = try ran.json["submissions"]?.elements?.first
                    let path = submission?["pathBase64"]?.text.flatMap { Data(base64Encoded: $0) }
                    #expect(path == Data((folder.path + "/x\u{1B}[31m<&\"").utf8) + [0xFF] + Data(".sh".utf8))
                } else {
                    #expect(!ran.out.contains("\u{1B}") && !ran.out.contains("\u{7}"), "\(ran.out)")
                    #expect(ran.out.contains("x\\u{1B}[31m<&\""), "\(ran.out)")
                    #expect(try JUnit(of: junit).numbers == "1 1 0")
                }
            }
        }

        // MARK: The terminal

        /// Runs the command with stderr on a terminal, and prints what both streams got, as JSON.
        private static let driver = """
            import json, os, pty, subprocess, sys

            terminal, stderr = pty.openpty()
            child = subprocess.Popen(
                sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                env={**os.environ, "TERM": "xterm"})
            os.close(stderr)
            seen = b""
            while True:
                try:
                    piece = os.read(terminal, 4096)
                except OSError:  # the terminal's other end is closed
                    break
                if not piece:
                    break
                seen += piece
            print(json.dumps({"out": child.stdout.read().decode(), "err": seen.decode(), "status": child.wait()}))
            """

        @Test func aTerminalHasABarThatGoesAgain() throws {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [
                "-c", Self.driver, SandboxProcess.path, "judge", Self.problems + "/relay",
            ]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let bytes = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            let json = try JSONValue.parse(Array(bytes))
            let seen = try #require(json["err"]?.text)
            let erase = "\r\u{1B}[K"
            #expect(json["status"] == 0 && json["out"]?.text?.hasSuffix("all as expected\n") == true)
            let bar = "[--------------------] 0/2 judging submissions/accepted/hexadecimal.py"
            #expect(seen.contains(erase + bar), "\(seen)")
            #expect(seen.hasSuffix(erase) && !seen.contains("\n"), "\(seen)")
        }
    }
}

/// What a report in JUnit's XML says, read by Python's parser.
private struct JUnit {
    /// Of the whole: cases, failures, errors; the suite's own must be the same, and as many as there are.
    var numbers: String
    var failed: [String]

    private static let script = """
        import sys, xml.etree.ElementTree as tree
        root = tree.parse(sys.argv[1]).getroot()
        suite, = root
        assert root.tag == "testsuites" and suite.tag == "testsuite"
        keys = ("tests", "failures", "errors")
        numbers = [root.get(key) for key in keys]
        cases = suite.findall("testcase")
        counted = [len(cases)] + [sum(case.find(tag) is not None for case in cases) for tag in ("failure", "error")]
        assert numbers == [suite.get(key) for key in keys] == [str(count) for count in counted], (numbers, counted)
        assert all(float(case.get("time")) >= 0 for case in cases)
        print(*numbers)
        for case in cases:
            if len(case.findall("failure") + case.findall("error")):
                print(case.get("name"))
        """

    init(of path: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-c", Self.script, path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "what the parser says of \(path) stands on stderr")
        let lines = text.split(separator: "\n").map(String.init)
        numbers = lines.first ?? ""
        failed = Array(lines.dropFirst())
    }
}
#endif
