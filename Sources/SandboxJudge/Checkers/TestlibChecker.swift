/// Checkers by the convention of testlib.

#if Judge
public import Runners

/// A checker program by testlib's convention: `checker INPUT OUTPUT ANSWER`, with the verdict in its exit status and words on
/// stderr.
///
/// | exit status | verdict |
/// | --- | --- |
/// | 0 | accepted |
/// | 1 | wrong answer |
/// | 2, 4 (more behind the answer), 8 (the output ended too early) | presentation error |
/// | 3 | judge error: the answer is wrong, or the checker |
/// | 5, 7 | accepted, with the points that stand first on stderr, behind the word `points` if it is there |
/// | 16 to 216 | accepted in part: status - 16 points |
/// | anything else, a signal, a limit | judge error |
public struct TestlibChecker: Checker {
    /// The checker, built once.
    public var program: Program
    /// Its own limits.
    public var limits: Limits
    /// Its sandbox, which it does not share with the submission.
    public var options: SandboxOptions

    public init(
        _ program: Program, limits: Limits = .checker, options: SandboxOptions = SandboxOptions()
    ) {
        self.program = program
        self.limits = limits
        self.options = options
    }

    public func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        let names: [ByteString] = ["test/input", "test/output", "test/answer"]
        let files = [
            InputFile(names[0], try await test.input.read()), InputFile(names[1], output),
            InputFile(names[2], try await test.answer?.read() ?? []),
        ]
        let checker = CheckerProgram(program: program, limits: limits, options: options)
        return try await checker.run(names, stdin: .none, files: files, on: backend) {
            run, _ throws(SandboxError) in CheckResult(testlib: run)
        }
    }
}

extension CheckResult {
    /// The answer of a checker or an interactor by testlib's convention; see ``TestlibChecker``.
    init(testlib run: RunResult, by role: JudgeRole = .checker) {
        guard case .exited(let code) = run.outcome else {
            self = CheckerWords.failure(of: run, role) ?? CheckResult(.judgeError)
            return
        }
        let words = CheckerWords.text(run.stderr)
        switch code {
        case 0: self.init(.accepted, message: words)
        case 1: self.init(.wrongAnswer, message: words)
        case 2, 4, 8: self.init(.presentationError, message: words)
        case 3:
            self = CheckerWords.failure(
                of: run, role, "says that the answer or itself is wrong (exit status 3)")
        case 5, 7:
            guard let points = Self.points(run.stderr) else {
                self = CheckerWords.failure(
                    of: run, role,
                    "gives points (exit status \(code)), and no number stands first on its stderr")
                return
            }
            self.init(.accepted, score: points, message: words)
        case 16...216: self.init(.accepted, score: Double(code - 16), message: words)
        default: self = CheckerWords.failure(of: run, role, "exited with status \(code), which means nothing")
        }
    }

    /// The number at the beginning of a text, behind the word `points` if it is there.
    private static func points(_ text: [UInt8]) -> Double? {
        var words = TokenReader(Array(text.prefix(CheckerWords.maximum)))
        func word() -> ArraySlice<UInt8>? {
            _ = words.skipSpace()
            return words.next().map { text[$0] }
        }
        guard let first = word() else { return nil }
        let number = first.elementsEqual("points".utf8) ? word() : first
        guard let number, let value = NumberToken.value(number, .decimal), value.isFinite else { return nil }
        return value
    }
}
#endif
