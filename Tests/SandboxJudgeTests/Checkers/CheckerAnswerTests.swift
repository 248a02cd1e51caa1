#if Judge
import SandboxTesting
import Testing

@testable import SandboxJudge

@Suite("What checker programs answer")
struct CheckerAnswerTests {
    private func run(_ outcome: Outcome, _ stderr: String = "") -> RunResult {
        var run = someRun(outcome)
        run.stderr = Array(stderr.utf8)
        return run
    }

    @Test(
        "testlib's exit statuses",
        arguments: [
            (0, "ok 3 numbers", Verdict.accepted, nil), (1, "wrong answer 1st", .wrongAnswer, nil),
            (2, "", .presentationError, nil), (3, "FAIL", .judgeError, nil), (4, "", .presentationError, nil),
            (8, "unexpected eof", .presentationError, nil), (7, "points 0.5 half", .accepted, 0.5),
            (7, "12", .accepted, 12), (5, "points 3", .accepted, 3), (7, "half", .judgeError, nil),
            (7, "", .judgeError, nil), (7, "points inf", .judgeError, nil), (16, "", .accepted, 0),
            (66, "partially correct", .accepted, 50), (216, "", .accepted, 200), (217, "", .judgeError, nil),
            (6, "", .judgeError, nil), (42, "", .accepted, 26), (255, "", .judgeError, nil),
            (9, "", .judgeError, nil),
        ] as [(Int32, String, Verdict, Double?)])
    func testlib(_ code: Int32, _ stderr: String, _ verdict: Verdict, _ score: Double?) {
        let result = CheckResult(testlib: run(.exited(code: code), stderr))
        #expect(result.verdict == verdict)
        #expect(result.score == score)
        #expect(result.message.contains(stderr))
    }

    @Test(
        "A checker that does not exit by itself fails, by either convention",
        arguments: [
            Outcome.signaled(signal: 11), .limitExceeded(.wallTime), .limitExceeded(.output),
            .limitExceeded(.memory),
            .blockedSyscall(name: "mount"),
        ])
    func failures(_ outcome: Outcome) {
        for result in [
            CheckResult(testlib: run(outcome, "words")),
            CheckResult(
                validator: run(outcome, "words"), feedback: Feedback(judgeMessage: Array("fine".utf8))),
        ] {
            #expect(result.verdict == .judgeError)
            #expect(result.message.hasPrefix("the checker "))
            #expect(result.message.hasSuffix("words"))
        }
    }

    @Test("Exit statuses of the package formats' validators")
    func validator() {
        for code in Int32(0)...255 {
            let result = CheckResult(validator: run(.exited(code: code)), feedback: Feedback())
            #expect(result.verdict == (code == 42 ? .accepted : code == 43 ? .wrongAnswer : .judgeError))
        }
    }

    @Test("Messages and scores of the feedback directory")
    func feedback() {
        func check(_ score: String?, _ multiplier: String? = nil) -> CheckResult {
            CheckResult(
                validator: run(.exited(code: 42)),
                feedback: Feedback(
                    judgeMessage: Array("for the judge: 'a' \u{1b}[2J\n".utf8),
                    teamMessage: [0xff, 0x61, 0x0a],
                    score: score.map { Array($0.utf8) }, scoreMultiplier: multiplier.map { Array($0.utf8) }))
        }
        #expect(check(nil).message == #"for the judge: 'a' \u{1B}[2J"#)
        #expect(check(nil).teamMessage == #"\xffa"#)
        #expect(check("12.5\n").score == 12.5)
        #expect(check(nil, "0.25").scoreMultiplier == 0.25)
        for (score, multiplier) in [
            ("x", nil), ("", nil), ("-1", nil), ("1 2", nil), ("nan", nil), ("1e999", nil), ("1", "1"),
            (nil, "1.5"),
            (nil, "-0.1"),
        ] as [(String?, String?)] {
            #expect(check(score, multiplier).verdict == .judgeError)
        }
        let flood = CheckResult(
            validator: run(.exited(code: 43)),
            feedback: Feedback(judgeMessage: [UInt8](repeating: 0x61, count: 5000)))
        #expect(flood.message.utf8.count == CheckerWords.maximum)
    }
}
#endif
