/// What is wrong with a package shows only when it is judged: validators, languages, files of programs.

#if Judge
import Runners
import Sandbox
import SandboxJudge
import Testing

@Suite("Faults of packages that are judged")
struct PackageFaultTests {
    private static let head = "problem_format_version: 2025-09\nname: p\nuuid: u\n"

    private func judge(
        _ changes: [String: String?], languages: LanguageCatalog? = nil
    ) async throws -> PackageReport {
        let package = try PackageFixture(changes)
        var report: PackageReport?
        try await withPackageBackend { backend in
            report = try await PackageJudge(try package.read(), on: backend, languages: languages).judge()
        }
        return try #require(report)
    }

    @Test("An input that its validator refuses is no fault of the judge")
    func refusedInput() async throws {
        let report = try await judge([
            "input_validators/v.py": "import sys; print('too odd', file=sys.stderr); exit(43)\n"
        ])
        #expect(report.issues.map(\.rule) == [.inputValidation])
        #expect(report.issues.first?.file == "data/secret/1.in")
        #expect(report.issues.first?.message.contains("exited with status 43: too odd") == true)
        #expect(!report.allAsExpected && !report.hasJudgeError)
        #expect(report.submissions.map(\.verdict) == [.accepted])
    }

    @Test("An invalid input that is accepted, an invalid output that is accepted, a valid one that is not")
    func validatorTests() async throws {
        let report = try await judge([
            "data/invalid_input/x.in": "1\n", "data/invalid_output/x.in": "1\n",
            "data/invalid_output/x.ans": "1\n", "data/invalid_output/x.out": "1\n",
            "data/valid_output/x.in": "1\n", "data/valid_output/x.ans": "1\n",
            "data/valid_output/x.out": "2\n",
        ])
        let found = report.issues.filter { $0.severity == .error }.map { "\($0.file): \($0.rule)" }
        #expect(
            found.sorted() == [
                "data/invalid_input/x.in: input-validation", "data/invalid_output/x.out: output-validation",
                "data/valid_output/x.out: output-validation",
            ])
    }

    @Test("A sample's .out has to be accepted, and its answer where nothing is shown in its place")
    func samples() async throws {
        let report = try await judge([
            "data/sample/1.in": "1\n", "data/sample/1.ans": "case 7\n", "data/sample/1.ans.statement": "1\n",
            "data/sample/2.in": "2\n", "data/sample/2.ans": "2\n", "data/sample/2.out": "3\n",
            "data/sample/3.in": "3\n", "data/sample/3.ans": "3\n",
            "output_validator/v.py": """
            import sys
            given, answer = open(sys.argv[1]).read(), open(sys.argv[2]).read()
            exit(42 if sys.stdin.read() == given else 43)
            """,
        ])
        #expect(
            report.issues.filter { $0.severity == .error }.map(\.file) == ["data/sample/2.out"],
            "\(report.issues)")
    }

    @Test(
        "An output validator that fails is a judge error, and never the submission's",
        arguments: [
            ("raise ValueError()\n", "exited with status 1, not with 42 or 43"),
            ("import os; os.abort()\n", "was ended by signal 6"),
            ("open('feedback/score.txt', 'w').write('much'); exit(42)\n", "which is no score"),
        ])
    func failingValidator(source: String, reason: String) async throws {
        let report = try await judge(["output_validator/v.py": source])
        #expect(report.submissions.map(\.verdict) == [.judgeError] && report.hasJudgeError)
        #expect(report.submissions.first?.failures.first?.contains(reason) == true, "\(report.submissions)")
    }

    @Test(
        "A validator of several passes is bounded, and asks for one only when it accepts",
        arguments: [
            ("open('feedback/nextpass.in', 'w'); exit(42)\n", "more than 3 passes"),
            (
                "open('feedback/nextpass.in', 'w'); exit(43)\n",
                "wrote a nextpass.in and exited with status 43"
            ),
            ("import os; os.mkdir('feedback/nextpass.in'); exit(42)\n", "not a regular file"),
            ("open('feedback/nextpass.in', 'w').truncate(65 << 20); exit(42)\n", "more than 67108864 bytes"),
        ])
    func passes(source: String, reason: String) async throws {
        let report = try await judge([
            "problem.yaml":
                Self.head + "type: multi-pass\nlimits: {time_limit: 5, validation_passes: 3}\n",
            "output_validator/v.py": source, "submissions/accepted/a.py": "print(1)\n",
        ])
        #expect(report.submissions.map(\.verdict) == [.judgeError])
        #expect(report.submissions.first?.failures.first?.contains(reason) == true, "\(report.submissions)")
    }

    @Test("A validator that does not compile, or is in no language, ends judging")
    func unbuiltValidator() async throws {
        for (file, text) in [
            ("input_validators/w.cpp", "int main( {"), ("input_validators/w.unknown", ""),
            ("output_validator/w.unknown", ""),
        ] {
            let report = try await judge([file: text])
            #expect(report.issues.contains { $0.rule == .doesNotBuild && $0.severity == .error }, "\(file)")
            #expect(report.hasJudgeError && report.submissions.isEmpty || file.hasPrefix("input"))
            #expect(report.hasJudgeError)
        }
    }

    @Test("A submission in no language, or in one whose toolchain is missing, is a judge error")
    func languages() async throws {
        let missing = LanguageDescription(
            name: "nothing", title: "Nothing", suffixes: ["nothing"], sourceName: "main.nothing",
            run: [try ArgumentTemplate("no-such-program"), try ArgumentTemplate("{source}")])
        let report = try await judge(
            ["submissions/accepted/b.unknown": "x", "submissions/accepted/c.nothing": "x"],
            languages: try LanguageCatalog().adding([missing]))
        #expect(report.submissions.map(\.verdict) == [.accepted, .judgeError, .judgeError])
        #expect(report.hasJudgeError)
        #expect(report.submissions[1].failures.first?.contains("no language") == true)
        #expect(report.submissions[2].failures.first?.contains("no-such-program") == true)
    }

    @Test("Limits of a package on sources are no judge error")
    func refusedSubmissions() async throws {
        let report = try await judge([
            "problem.yaml":
                Self.head + "languages: [python3]\nlimits: {time_limit: 5, code: 1}\n",
            "submissions/accepted/b.sh": "cat\n",
            "submissions/accepted/c.py": "print(input())\n" + String(repeating: "#", count: 2000),
        ])
        #expect(report.submissions.map(\.verdict) == [.accepted, .compileError, .compileError])
        #expect(!report.hasJudgeError)
    }

    @Test("Included files, constants, arguments and files of tests reach the submission")
    func surroundings() async throws {
        let report = try await judge([
            "problem.yaml":
                Self.head + "constants: {factor: 7}\nlimits: {time_limit: 5}\n",
            "include/python3/ours.py": "factor = {{factor}}\n", "include/default/other.txt": "",
            "data/secret/1.in": "3\n", "data/secret/1.ans": "21 one here\n",
            "data/secret/1.yaml": "args: [one]\n", "data/secret/1.files/extra.txt": "here",
            "input_validators/v.py": "import os, sys; exit(42 if sys.argv[1:] == ['one'] else 43)\n",
            "submissions/accepted/a.py":
                "import ours, sys\nprint(ours.factor * int(input()), sys.argv[1], open('extra.txt').read())\n",
        ])
        #expect(report.issues == [])
        #expect(report.submissions.map(\.verdict) == [.accepted], "\(report.submissions)")
    }
}
#endif
