/// Checkers by the convention of the problem package formats.

#if Judge
public import Runners

/// A checker program by the problem package formats' convention: `validator INPUT ANSWER FEEDBACK_DIR/ ARGUMENTS... < OUTPUT`.
///
/// Exit status 42 accepts, 43 is a wrong answer, and anything else is a judge error. From the feedback directory come the
/// message (`judgemessage.txt`), the one for the contestant (`teammessage.txt`), and the score (`score.txt`, or
/// `score_multiplier.txt`), each a number of 0 or more; of a message 4 KiB are kept.
public struct OutputValidator: Checker {
    /// The validator, built once.
    public var program: Program
    /// Arguments behind the three that each validator gets.
    public var arguments: [ByteString]
    /// Its own limits.
    public var limits: Limits
    /// Its sandbox, which it does not share with the submission.
    public var options: SandboxOptions

    public init(
        _ program: Program, arguments: [ByteString] = [], limits: Limits = .checker,
        options: SandboxOptions = SandboxOptions()
    ) {
        self.program = program
        self.arguments = arguments
        self.limits = limits
        self.options = options
    }

    public func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        let files = [
            InputFile("test/input", try await test.input.read()),
            InputFile("test/answer", try await test.answer?.read() ?? []),
        ]
        let checker = CheckerProgram(program: program, limits: limits, options: options)
        return try await checker.run(
            ["test/input", "test/answer", "feedback/"] + arguments, stdin: .bytes(output), files: files,
            directory: "feedback", on: backend
        ) { run, sandbox throws(SandboxError) in
            CheckResult(validator: run, feedback: try await Feedback(in: sandbox))
        }
    }
}

/// The files of a feedback directory that mean something.
struct Feedback {
    var judgeMessage: [UInt8]?
    var teamMessage: [UInt8]?
    var score: [UInt8]?
    var scoreMultiplier: [UInt8]?

    init(
        judgeMessage: [UInt8]? = nil, teamMessage: [UInt8]? = nil, score: [UInt8]? = nil,
        scoreMultiplier: [UInt8]? = nil
    ) {
        self.judgeMessage = judgeMessage
        self.teamMessage = teamMessage
        self.score = score
        self.scoreMultiplier = scoreMultiplier
    }

    /// Reads the beginning of each file.
    init(in sandbox: any SandboxLease) async throws(SandboxError) {
        judgeMessage = try await Self.head("feedback/judgemessage.txt", in: sandbox)
        teamMessage = try await Self.head("feedback/teammessage.txt", in: sandbox)
        score = try await Self.head("feedback/score.txt", in: sandbox)
        scoreMultiplier = try await Self.head("feedback/score_multiplier.txt", in: sandbox)
    }

    /// `nil` when there is no regular file of that name; one byte more than is kept, to see that something is cut.
    private static func head(
        _ path: ByteString, in sandbox: any SandboxLease
    ) async throws(SandboxError) -> [UInt8]? {
        do throws(SandboxError) {
            return try await sandbox.read(path, from: 0, maxBytes: CheckerWords.maximum + 1).bytes
        } catch {
            // What the validator put there instead is its own affair; all other errors are the sandbox's.
            switch error.code {
            case .fileNotFound, .notRegularFile, .notDirectory, .fileAccess: return nil
            default: throw error
            }
        }
    }
}

extension CheckResult {
    /// The answer of a validator, also of one that talks to the submission, by the problem package formats' convention;
    /// see ``OutputValidator``.
    init(validator run: RunResult, feedback: Feedback, by role: JudgeRole = .checker) {
        guard case .exited(let code) = run.outcome else {
            self = CheckerWords.failure(of: run, role) ?? CheckResult(.judgeError)
            return
        }
        guard code == 42 || code == 43 else {
            self = CheckerWords.failure(of: run, role, "exited with status \(code), not with 42 or 43")
            return
        }
        self.init(
            code == 42 ? .accepted : .wrongAnswer, message: CheckerWords.text(feedback.judgeMessage ?? []),
            teamMessage: CheckerWords.text(feedback.teamMessage ?? []))
        if feedback.score != nil, feedback.scoreMultiplier != nil {
            self = CheckerWords.failure(of: run, role, "wrote both score.txt and score_multiplier.txt")
            return
        }
        if let text = feedback.score {
            score = Self.number(text)
            if score == nil { self = Self.invalid("score.txt", text, run, role) }
        }
        if let text = feedback.scoreMultiplier {
            scoreMultiplier = Self.number(text)
            if !(0...1).contains(scoreMultiplier ?? -1) {
                self = Self.invalid("score_multiplier.txt", text, run, role)
            }
        }
    }

    private static func invalid(
        _ name: String, _ text: [UInt8], _ run: RunResult, _ role: JudgeRole
    ) -> CheckResult {
        CheckerWords.failure(
            of: run, role, "wrote \(Difference.quoted(text)) into \(name), which is no score")
    }

    /// One number of 0 or more and nothing else.
    private static func number(_ text: [UInt8]) -> Double? {
        var words = TokenReader(text)
        _ = words.skipSpace()
        guard let word = words.next() else { return nil }
        _ = words.skipSpace()
        guard words.next() == nil, let value = NumberToken.value(text[word], .decimal), value.isFinite,
            value >= 0
        else { return nil }
        return value
    }
}
#endif
