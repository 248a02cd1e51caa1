/// What judges a program's output.

#if Judge
/// Judges the output of a submission on a test: one of the built-in comparisons, or a program.
public protocol Checker: Sendable {
    /// Judges an output.
    ///
    /// - Parameters:
    ///   - output: what the submission wrote to stdout: untrusted.
    ///   - test: the input and the judge's answer.
    ///   - backend: where a checker that is a program runs.
    /// - Returns: a checker that crashed or ran out of time is a result with ``Verdict/judgeError``.
    /// - Throws: the errors of the sandbox.
    func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult
}

/// A checker's answer.
public struct CheckResult: Sendable, Hashable {
    /// ``Verdict/accepted``, ``Verdict/wrongAnswer``, ``Verdict/presentationError`` or ``Verdict/judgeError``.
    public var verdict: Verdict
    /// The points of this test, where the checker gives some.
    public var score: Double?
    /// The part of the test's points, 0 to 1, where the checker gives that instead.
    public var scoreMultiplier: Double?
    /// The checker's words, for the judge: it can reveal the answer.
    public var message: String
    /// The checker's words for the contestant; empty where it has none.
    public var teamMessage: String

    public init(_ verdict: Verdict, score: Double? = nil, message: String = "", teamMessage: String = "") {
        self.verdict = verdict
        self.score = score
        self.message = message
        self.teamMessage = teamMessage
    }
}
#endif
