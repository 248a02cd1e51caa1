// Graders of the legacy format: a package's own, and what groups pass on to those in them.
#if Judge
import Sandbox
import SandboxJudge
import Testing

@Suite("Graders of the legacy format", .timeLimit(.minutes(5)))
struct GraderTests {
    /// A package with two secret tests, of which the submission passes the first.
    private static func fixture(_ changes: [String: String?]) throws -> PackageFixture {
        let files: [String: String?] = [
            "problem.yaml": "name: p\ntype: scoring\nlimits: {time_limit: 5}\n",
            "data/secret/2.in": "2\n", "data/secret/2.ans": "2\n",
            "data/testdata.yaml": "on_reject: continue\n", "submissions/accepted/a.py": nil,
            "submissions/partially_accepted/a.py": "print(1)\n",
        ]
        return try PackageFixture(files.merging(changes) { $1 }, legacy: true)
    }

    private func judge(_ changes: [String: String?]) async throws -> SubmissionReport {
        let fixture = try Self.fixture(changes)
        var report: PackageReport?
        try await withPackageBackend { backend in
            report = try await PackageJudge(try fixture.read(), on: backend, jobs: 2).judge()
        }
        return try #require(report?.submissions.first)
    }

    private static let custom = "grading: custom\non_reject: continue\ngrader_flags: half the points\n"

    @Test("A grader gets its flags and the results, and its answer is the group's")
    func answer() async throws {
        let grader = """
            import sys
            assert sys.argv[1:] == ["half", "the", "points"], sys.argv
            lines = [line.split() for line in sys.stdin]
            assert lines == [["AC", "3.0"], ["WA", "-1.0"]], lines
            print("AC", 21.5)
            """
        let report = try await judge([
            "graders/g.py": grader,
            "data/secret/testdata.yaml": Self.custom + "accept_score: 3\nreject_score: -1\n",
        ])
        #expect(report.verdict == .accepted && report.score == 21.5, "\(report.total)")
        #expect(report.total.all.map(\.name) == ["", "secret"])
    }

    @Test(
        "A group of groups asks the grader for each, the inner ones first, and what a rejected one earned is passed on"
    )
    func nested() async throws {
        let grader = """
            import sys
            verdicts = [line.split() for line in sys.stdin]
            print("AC" if len(verdicts) > 1 or verdicts[0][0] == "AC" else "WA", sum(float(line[1]) for line in verdicts) + 1)
            """
        let report = try await judge([
            "graders/g.py": grader, "data/testdata.yaml": "grading: custom\non_reject: continue\n",
            "data/secret/1.in": nil, "data/secret/1.ans": nil, "data/secret/2.in": nil,
            "data/secret/2.ans": nil,
            "data/secret/a/1.in": "1\n", "data/secret/a/1.ans": "1\n", "data/secret/b/2.in": "2\n",
            "data/secret/b/2.ans": "2\n",
        ])
        let scores = report.total.all.map { "\($0.name) \($0.verdict) \($0.score ?? -1)" }
        #expect(scores == [" AC 5.0", "secret AC 4.0", "secret/a AC 2.0", "secret/b WA 1.0"], "\(scores)")
    }

    @Test(
        "A grader that fails is the judge's error",
        arguments: [
            ("exit(1)", "ended with another exit status than 0"), ("print('AC')", "no verdict and score"),
            ("print('AC 1 2')", "no verdict and score"), ("print('JE 0')", "no verdict and score"),
            ("print('AC nan')", "no verdict and score"), ("print('yes 1')", "no verdict and score"),
            ("", "no verdict and score"), ("import os; os.abort()", "was ended by signal 6"),
            ("print('AC 101')", "not in the range"),
        ])
    func failure(source: String, words: String) async throws {
        let report = try await judge([
            "graders/g.py": source, "data/secret/testdata.yaml": Self.custom + "range: 0 100\n",
        ])
        #expect(report.verdict == .judgeError)
        #expect(report.failures.first?.contains(words) == true, "\(report.failures)")
    }

    @Test(
        "Where a later test can change the verdict, all tests are run",
        arguments: [
            "grading: custom\non_reject: continue\ngrader_flags: x\n", "on_reject: continue\n",
            "grader_flags: accept_if_any_accepted\n", "grader_flags: always_accept\n",
        ])
    func noEarlyEnd(settings: String) async throws {
        let grader = """
            import sys
            verdicts = [line.split()[0] for line in sys.stdin]
            print("AC 0" if verdicts.count("AC") > 1 else "WA 0")
            """
        let fixture = try Self.fixture([
            "problem.yaml": "name: p\nlimits: {time_limit: 5}\n", "graders/g.py": grader,
            "data/testdata.yaml": "on_reject: continue\n", "data/secret/testdata.yaml": settings,
            "submissions/partially_accepted/a.py": nil, "submissions/wrong_answer/a.py": "print(2)\n",
        ])
        try await withPackageBackend { backend in
            let report = try await PackageJudge(
                try fixture.read(), on: backend, stopsAtFirstFailure: true
            ).judge()
            #expect(report.submissions.first?.tests.map(\.verdict) == [.wrongAnswer, .accepted])
        }
    }

    @Test("A grader that no group uses is not built")
    func unused() async throws {
        let report = try await judge(["graders/g.unknown": "x"])
        #expect(report.verdict != .judgeError, "\(report)")
    }

    @Test("Custom grading without a grader, and two graders, are faults of the package")
    func faults() throws {
        #expect(
            try Self.fixture(["data/secret/testdata.yaml": Self.custom]).errors()
                == ["data/secret/testdata.yaml:1: missing-file"])
        #expect(
            try Self.fixture(["graders/a.py": "", "graders/b.py": ""]).errors() == [
                "graders:0: contradiction"
            ])
    }

    @Test("What a group's file does not say is as in the group around it; ignore_sample is the root's alone")
    func inheritance() throws {
        let package = try Self.fixture([
            "data/testdata.yaml": """
            on_reject: continue
            grader_flags: ignore_sample first_error min
            output_validator_flags: case_sensitive
            input_validator_flags: loud
            range: 0 50

            """,
            "data/secret/testdata.yaml": "accept_score: 7\n",
        ]).read()
        guard case .graded(let root) = package.tests.grading, let secret = package.tests.groups.last,
            case .graded(let inner) = secret.grading
        else {
            Issue.record("\(package.tests)")
            return
        }
        #expect(root.ignoresSample && root.scoreMode == .minimum && root.acceptScore == 1)
        #expect(!inner.ignoresSample && inner.scoreMode == .minimum && inner.verdictMode == .firstError)
        #expect(inner.acceptScore == 7 && inner.range == 0...50 && !inner.breaksOnReject)
        #expect(secret.tests.allSatisfy { $0.outputValidatorArguments == ["case_sensitive"] })
        #expect(secret.tests.allSatisfy { $0.inputValidatorArguments == .all(["loud"]) })
    }
}
#endif
