/// How groups are folded, what patterns match, and which time limit follows from which times.

#if Judge
import SandboxJudge
import Testing

@Suite("Results of groups")
struct GroupResultTests {
    private func test(_ name: String, points: Double? = nil) -> PackageTest {
        let file = PackageFile(path: "a", packagePath: "a", hostPath: "/a", size: 0)
        var test = PackageTest(name: name, input: file, answer: nil, isSample: false)
        test.points = points
        return test
    }

    private func fold(_ secret: TestGroup, _ results: [String: TestScore]) -> GroupResult {
        let whole = TestGroup(name: "", groups: [secret], grading: .scored(ScoredGrading(.sum, maximum: nil)))
        return whole.result(of: results, isScoring: true)
    }

    @Test("Sum shares the maximum among the tests, min takes the least, pass-fail all or nothing")
    func aggregations() {
        let tests = [test("a"), test("b")]
        let results = ["a": TestScore(.accepted), "b": TestScore(.wrongAnswer)]
        for (aggregation, score) in [(ScoredGrading.Aggregation.sum, 30.0), (.min, 0), (.passFail, 0)] {
            let secret = TestGroup(
                name: "secret", tests: tests, grading: .scored(ScoredGrading(aggregation, maximum: 60)))
            let result = fold(secret, results)
            #expect(result.score == score && result.verdict == .wrongAnswer, "\(aggregation)")
            let all = fold(secret, ["a": TestScore(.accepted), "b": TestScore(.accepted)])
            #expect(all.score == 60 && all.verdict == .accepted)
        }
    }

    @Test("A validator's score or multiplier is held to the format's rules")
    func scores() {
        func one(_ score: TestScore, _ maximum: Double?) -> GroupResult {
            fold(
                TestGroup(
                    name: "secret", tests: [test("a")],
                    grading: .scored(ScoredGrading(.sum, maximum: maximum))), ["a": score])
        }
        #expect(one(TestScore(.accepted, multiplier: 0.25), 80).score == 20)
        #expect(one(TestScore(.accepted, score: 7), nil).score == 7)
        #expect(one(TestScore(.accepted, score: 81), 80).verdict == .judgeError)
        #expect(one(TestScore(.accepted), nil).verdict == .judgeError)
        #expect(one(TestScore(.wrongAnswer, score: 1), 80).verdict == .judgeError)
        #expect(one(TestScore(.accepted, score: 1, multiplier: 1), 80).verdict == .judgeError)
        #expect(one(TestScore(.accepted, multiplier: 1), nil).verdict == .judgeError)
    }

    @Test("A group whose requirement fails has no score")
    func requirements() {
        let first = TestGroup(
            name: "secret/1", tests: [test("a")], grading: .scored(ScoredGrading(.passFail, maximum: 40)))
        let second = TestGroup(
            name: "secret/2", tests: [test("b")], grading: .scored(ScoredGrading(.sum, maximum: 60)),
            requires: ["secret/1"])
        let secret = TestGroup(
            name: "secret", groups: [first, second], grading: .scored(ScoredGrading(.sum, maximum: 100)))
        #expect(fold(secret, ["a": TestScore(.accepted), "b": TestScore(.accepted)]).score == 100)
        #expect(fold(secret, ["a": TestScore(.wrongAnswer), "b": TestScore(.accepted)]).score == 0)
    }

    @Test("The legacy grader's modes")
    func legacy() {
        func fold(_ change: (inout LegacyGrading) -> Void) -> GroupResult {
            var grading = LegacyGrading()
            change(&grading)
            let group = TestGroup(
                name: "secret", tests: ["a", "b", "c"].map { test($0) }, grading: .graded(grading))
            let results = [
                "a": TestScore(.accepted), "b": TestScore(.wrongAnswer), "c": TestScore(.runtimeError),
            ]
            return group.result(of: results, isScoring: true)
        }
        #expect(fold { _ in }.verdict == .wrongAnswer)
        #expect(fold { $0.breaksOnReject = false }.verdict == .runtimeError)
        #expect(fold { ($0.breaksOnReject, $0.verdictMode) = (false, .firstError) }.verdict == .wrongAnswer)
        let accepted = fold {
            ($0.breaksOnReject, $0.verdictMode, $0.acceptScore) = (false, .alwaysAccept, 9)
        }
        #expect(accepted.verdict == .accepted && accepted.score == 9)
        #expect(fold { ($0.acceptsIfAnyAccepted, $0.scoreMode) = (true, .average) }.score == 0.5)
        #expect(fold { ($0.verdictMode, $0.range) = (.alwaysAccept, 5...9) }.verdict == .judgeError)
    }

    @Test(
        "Patterns",
        arguments: [
            ("accepted", "accepted/a.py", true), ("accepted/*", "accepted/a.py", true),
            ("*.py", "accepted/a.py", false),
            ("accepted/*.{py,cpp}", "accepted/a.cpp", true), ("accepted/*.{py,cpp}", "accepted/a.c", false),
            ("secret/*-hard", "secret/01-hard", true), ("secret/1", "secret/10", false),
            ("*/a*b*", "x/aab", true),
        ])
    func patterns(pattern: String, path: String, matches: Bool) throws {
        #expect(try #require(GlobPattern(pattern)).matches(path) == matches)
    }

    @Test("Patterns that stand for too much, or for nothing, are refused")
    func patternBounds() {
        #expect(GlobPattern("{a") == nil && GlobPattern("a}") == nil)
        #expect(GlobPattern(String(repeating: "{a,b}", count: 12)) == nil)
        #expect(
            GlobPattern(String(repeating: "a*", count: 300))?.matches(String(repeating: "a", count: 5000))
                == true)
    }

    @Test("An inferred time limit keeps the margins")
    func timeLimits() {
        let rule = TimeLimitRule.version2025
        #expect(rule.limit(slowestAccepted: .milliseconds(10)) == .seconds(1))
        #expect(rule.limit(slowestAccepted: .milliseconds(500)) == .seconds(1))
        #expect(rule.limit(slowestAccepted: .milliseconds(501)) == .seconds(2))
        #expect(TimeLimitRule.legacy.limit(slowestAccepted: .milliseconds(490)) == .seconds(3))
        #expect(TimeLimitRule.legacy.limit(slowestAccepted: .zero) == .seconds(1))
    }
}
#endif
