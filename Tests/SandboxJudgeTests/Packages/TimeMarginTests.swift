// The margins between a package's time limit and its submissions, those that are fast enough and those that must be too slow.
#if Judge
import Runners
import Sandbox
import SandboxJudge
import Testing

@Suite("Margins of the time limit", .timeLimit(.minutes(5)))
struct TimeMarginTests {
    /// Computes for so many milliseconds of CPU time, then answers.
    private static func taking(_ milliseconds: Int, _ answer: String = "print(input())") -> String {
        "import time\nwhile time.process_time() < \(milliseconds) / 1000: pass\n\(answer)\n"
    }

    /// The same, judged until a machine that is busy with something else leaves the last submission the time to end by
    /// itself.
    private func judgeToEnd(_ changes: [String: String?]) async throws -> PackageReport {
        for _ in 1...20 {
            let report = try await judge(changes)
            let run = report.submissions.last?.tests.first?.run
            if run?.outcome != .limitExceeded(.wallTime) { return report }
        }
        throw Busy()
    }

    private struct Busy: Error {}

    private func judge(_ changes: [String: String?]) async throws -> PackageReport {
        let limits =
            "limits: {time_limit: 0.2, time_multipliers: {ac_to_time_limit: 1, time_limit_to_tle: 2}}\n"
        let fixture = try PackageFixture(
            ["problem.yaml": "problem_format_version: 2025-09\nname: p\nuuid: u\n" + limits]
                .merging(changes) { $1 })
        var report: PackageReport?
        try await withPackageBackend { backend in
            report = try await PackageJudge(try fixture.read(), on: backend, jobs: 2).judge()
        }
        return try #require(report)
    }

    private func warnings(_ report: PackageReport) -> [String] {
        report.issues.filter { $0.rule == .timeLimit && $0.severity == .warning }.map(\.message)
    }

    @Test("A submission that is too slow, but nearly fast enough, is TLE, and a warning")
    func nearlyFast() async throws {
        let report = try await judgeToEnd(["submissions/time_limit_exceeded/b.py": Self.taking(280)])
        let slow = try #require(report.submissions.last)
        #expect(slow.verdict == .timeLimitExceeded && slow.asExpected, "\(slow.failures)")
        #expect(slow.tests.first?.run?.outcome == .exited(code: 0))
        let words = warnings(report)
        #expect(words.count == 1 && words[0].contains("less than 2.0 times the limit"), "\(words)")
        #expect(report.allAsExpected)
    }

    @Test(
        "Whatever it does after the limit, the time limit decides: a crash, a wrong answer, too much output",
        arguments: ["exit(3)", "print('wrong')", "import os; os.abort()"])
    func later(ending: String) async throws {
        let report = try await judge(["submissions/time_limit_exceeded/b.py": Self.taking(280, ending)])
        #expect(report.submissions.last?.verdict == .timeLimitExceeded && report.allAsExpected)
    }

    @Test("A submission that would go on, and one that keeps the margin, are no warning")
    func slow() async throws {
        let report = try await judge([
            "submissions/time_limit_exceeded/endless.py": "while True: pass\n",
            "submissions/time_limit_exceeded/waits.py": "import time\ntime.sleep(60)\n",
        ])
        #expect(report.submissions.dropFirst().map(\.verdict) == [.timeLimitExceeded, .idle])
        #expect(report.allAsExpected && warnings(report) == [])
    }

    @Test("One that waits beyond the wall time of the limit is idle, however it ends")
    func waits() async throws {
        // The wall time is twice the limit and 2 s.
        let report = try await judge([
            "submissions/time_limit_exceeded/b.py": "import time\ntime.sleep(2.6)\nprint(input())\n"
        ])
        #expect(report.submissions.last?.verdict == .idle && report.allAsExpected)
    }

    @Test("One that is fast enough after all has what it earned")
    func fast() async throws {
        let report = try await judge(["submissions/time_limit_exceeded/b.py": "print(input())\n"])
        #expect(report.submissions.last?.verdict == .accepted && !report.allAsExpected)
        #expect(warnings(report) == [])
    }

    @Test("The passes of an interactive problem are each held to the limit")
    func passes() async throws {
        let validator = """
            import sys
            word = open(sys.argv[1]).read().strip()
            print(word, flush=True)
            reply = input()
            if word == "1": open(sys.argv[3] + "nextpass.in", "w").write("2")
            exit(42)
            """
        let settings =
            "limits: {time_limit: 0.2, time_multipliers: {ac_to_time_limit: 1, time_limit_to_tle: 2}}\n"
        for (type, slow) in [("[interactive, multi-pass]", "1"), ("interactive", "1")] {
            let report = try await judgeToEnd([
                "problem.yaml": "problem_format_version: 2025-09\nname: p\nuuid: u\ntype: \(type)\n"
                    + settings,
                "output_validator/v.py": validator,
                "submissions/time_limit_exceeded/b.py":
                    "import time\nword = input()\n"
                    + "while word == '\(slow)' and time.process_time() < 0.28: pass\nprint(word)\n",
            ])
            let last = try #require(report.submissions.last)
            #expect(last.verdict == .timeLimitExceeded, "\(type): \(last)")
            #expect(warnings(report).count == 1)
        }
    }
}
#endif
