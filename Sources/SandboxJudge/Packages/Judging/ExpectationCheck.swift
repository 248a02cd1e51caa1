/// Whether a submission got what it was expected to get. Pure.

#if Judge
import SandboxAPI

/// What is known of a judged submission.
struct JudgedTests {
    /// The verdicts of the tests that were run, in the tests' order, with the validator's words for the judge.
    var tests: [(name: String, verdict: Verdict, message: String)]
    /// The groups folded.
    var total: GroupResult
    /// The most that the submission can score, where there is such a bound.
    var maximumScore: Double?
}

extension Expectation {
    /// Why the expectation is not met, one sentence each; empty when it is.
    func failures(of judged: JudgedTests) -> [String] {
        var failures: [String] = []
        let verdict = judged.total.verdict.inPackage
        if verdict == .compileError || verdict == .judgeError {
            let isExpected = verdict == .compileError && (overall ?? []).contains(verdict)
            return isExpected ? [] : ["the verdict is \(verdict)"]
        }
        let place = scope.map { " in \($0)" } ?? ""
        let counted = judged.tests.filter { test in scope.map { $0.matches(test.name) } ?? true }
        if let overall, !overall.contains(verdict) {
            // A slow submission may be wrong first, as the format has it; its tools stop at the first failure.
            let isSlow =
                overall == [.timeLimitExceeded]
                && counted.contains { $0.verdict.inPackage == .timeLimitExceeded }
                && !counted.contains { $0.verdict.inPackage == .runtimeError }
            if !isSlow { failures.append("the verdict is \(verdict), expected \(Self.list(overall))") }
        }
        if let wrong = counted.first(where: { !permitted.contains($0.verdict.inPackage) }) {
            failures.append(
                "\(wrong.name) is \(wrong.verdict), permitted\(place): \(Self.list(permitted))")
        }
        if let required, !counted.contains(where: { required.contains($0.verdict.inPackage) }) {
            failures.append("no test\(place) is \(Self.list(required))")
        }
        if let score {
            let group =
                scope.flatMap { scope in judged.total.all.first { $0.name == scope.text } } ?? judged.total
            let given = group.score ?? 0
            // Sums of floating-point numbers have an error in their last digits.
            let slack = 1e-6 * max(1, abs(given))
            if given < score.lowerBound - slack || given > score.upperBound + slack {
                failures.append("the score\(place) is \(given), expected \(Self.text(score))")
            }
        }
        if isPartial, let maximum = judged.maximumScore, (judged.total.score ?? 0) >= maximum {
            failures.append("the score is \(judged.total.score ?? 0), the most there is")
        }
        if let message, !counted.contains(where: { $0.message.contains(message) }) {
            failures.append("no message of the validator\(place) has \(ByteString(message).quoted) in it")
        }
        return failures
    }

    private static func list(_ verdicts: Set<Verdict>) -> String {
        verdicts.map(\.rawValue).sorted().joined(separator: ", ")
    }

    private static func text(_ range: ClosedRange<Double>) -> String {
        range.lowerBound == range.upperBound
            ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
}
#endif
