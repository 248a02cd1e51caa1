/// What a package's own grader is asked of a group, and what it says. Pure.

#if Judge
import SandboxAPI

/// A group whose result only the package's grader knows.
struct GraderQuestion: Sendable, Hashable {
    /// The group's name.
    var group: String
    var arguments: [String]
    /// The results of the group's parts, one a line: `WA 0.0`.
    var input: [UInt8]

    init(group: String, arguments: [String], parts: [TestScore]) {
        self.group = group
        self.arguments = arguments
        let lines = parts.map { "\($0.verdict.inPackage.rawValue) \($0.score ?? 0)\n" }
        input = Array(lines.joined().utf8)
    }
}

/// What a grader says of a group.
enum GraderAnswer: Sendable, Hashable {
    case result(Verdict, score: Double)
    /// It failed, and why.
    case failed(String)

    /// The verdicts that a grader may say.
    private static let verdicts: [Verdict] = [
        .accepted, .wrongAnswer, .timeLimitExceeded, .runtimeError, .memoryLimitExceeded,
        .outputLimitExceeded,
    ]

    /// - Parameter run: the grader's: exit status 0, and on stdout a verdict and a score.
    init(_ run: RunResult) {
        if let failure = CheckerWords.failure(of: run, .grader) {
            self = .failed(failure.message)
            return
        }
        guard run.outcome == .exited(code: 0) else {
            self = .failed(
                CheckerWords.failure(of: run, .grader, "ended with another exit status than 0").message)
            return
        }
        let words = run.stdout.split(whereSeparator: \.isSpace)
        let verdict = Self.verdicts.first { Array($0.rawValue.utf8) == words.first.map(Array.init) }
        if words.count == 2, let verdict, let score = NumberToken.value(words[1], .decimal) {
            self = .result(verdict, score: score)
        } else {
            self = .failed("the grader wrote \(Difference.quoted(run.stdout)), which is no verdict and score")
        }
    }
}
#endif
