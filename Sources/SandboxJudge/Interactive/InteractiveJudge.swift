/// Interactive problems: a submission that talks to an interactor.

#if Judge
public import Runners
public import SandboxRuntime

/// Runs a submission and an interactor against each other, each in a sandbox of its own.
///
/// ```swift
/// let judge = InteractiveJudge(
///     submission: submission, interactor: interactor, convention: .outputValidator(), on: backend)
/// let result = try await judge.run(TestCase("secret/01", input: .string("42\n")))
/// print(result.test.verdict, result.conversation?.firstToFail?.name ?? "nobody failed")
/// ```
///
/// The submission's stdout is the interactor's stdin, and the other way round. Whatever the submission does is its verdict;
/// an interactor that crashes, runs out of time or ends as its convention does not allow is a ``Verdict/judgeError``.
public struct InteractiveJudge: Sendable {
    /// How the interactor is called, and what its end means.
    public enum Convention: Sendable {
        /// The problem package format's output validator: `INTERACTOR INPUT ANSWER FEEDBACK_DIRECTORY/ [ARGUMENT]...`;
        /// exit code 42 accepts and 43 rejects. The feedback directory may have `judgemessage.txt`, `teammessage.txt` and
        /// `score.txt`.
        case outputValidator(arguments: [ByteString] = [])
        /// testlib's interactor: `INTERACTOR INPUT OUTPUT [ANSWER]`, whose exit code means what that of a
        /// ``TestlibChecker`` does. When it accepts, the checker judges the OUTPUT that it wrote. Always one pass.
        case testlib(checker: (any Checker)? = nil)
    }

    public var submission: Program
    public var interactor: Program
    public var convention: Convention
    /// Where both run.
    public var backend: any SandboxBackend
    /// The submission's limits, where a test has none of its own.
    public var limits: Limits
    /// The interactor's limits. Its wall time is counted on top of the submission's, so that it never ends first for
    /// waiting; room for the test's data is added.
    public var interactorLimits: Limits
    /// How the sandbox of the submission is made.
    public var options: SandboxOptions
    /// How the sandbox of the interactor is made.
    public var interactorOptions: SandboxOptions
    /// Whether to write down what both say; by default not, and they talk through pipes of the kernel.
    public var transcript: TranscriptPolicy = .none
    /// How often a test may run both, one pass after another, each in fresh sandboxes: 1 for a problem that is not
    /// multi-pass. An output validator that accepts and leaves `nextpass.in` in its feedback directory asks for the next
    /// pass, whose input that is; the directory's other files are there again. One that asks for more is a judge error.
    public var mostPasses = 1

    public init(
        submission: Program, interactor: Program, convention: Convention, on backend: any SandboxBackend,
        limits: Limits = .standard, interactorLimits: Limits = .checker,
        options: SandboxOptions = SandboxOptions(), interactorOptions: SandboxOptions = SandboxOptions()
    ) {
        self.submission = submission
        self.interactor = interactor
        self.convention = convention
        self.backend = backend
        self.limits = limits
        self.interactorLimits = interactorLimits
        self.options = options
        self.interactorOptions = interactorOptions
    }

    /// Runs one test.
    ///
    /// - Parameter test: its input and answer are for the interactor alone; its arguments and files for the submission.
    /// - Returns: the verdict, both runs, and what was said. A failure of the sandbox, of the interactor or of the checker is
    ///   a result with ``Verdict/judgeError``.
    /// - Throws: `.cancelled`, when the task was cancelled; nothing else.
    public func run(_ test: TestCase) async throws(SandboxError) -> InteractiveResult {
        var result = InteractiveResult(test: TestResult(name: test.name, verdict: .judgeError, run: nil))
        do throws(ConversationFailure) {
            try await runPasses(test, &result)
        } catch {
            if Task.isCancelled { throw SandboxError.runCancelled }
            explain(error, test, &result.test)
        }
        return result
    }

    private func runPasses(
        _ test: TestCase, _ result: inout InteractiveResult
    ) async throws(ConversationFailure) {
        let feedback = InteractorFeedback(convention, passes: mostPasses)
        var test = test
        var costliest: RunResult?
        for pass in 1...max(1, mostPasses) {
            // What is said of a pass that cannot be run is not of an earlier one, which was accepted.
            result.test = TestResult(name: test.name, verdict: .judgeError, run: nil)
            let fold = try await runPass(test, feedback, &result)
            result.test.verdict = fold.verdict
            result.test.check = fold.check
            result.test.judgeError = fold.judgeError
            guard fold.verdict == .accepted else { return }
            // The figures of a test are those of its most costly pass.
            if let run = result.test.run, costliest.map({ $0.usage.cpuTime < run.usage.cpuTime }) ?? true {
                costliest = run
            }
            result.test.run = costliest
            guard let next = feedback.nextInput else { return }
            if pass >= mostPasses { break }
            test.input = .bytes(next)
        }
        result.test.verdict = .judgeError
        result.test.judgeError = "the interactor asks for more than \(mostPasses) passes"
    }

    private func runPass(
        _ test: TestCase, _ feedback: InteractorFeedback, _ result: inout InteractiveResult
    ) async throws(ConversationFailure) -> InteractiveFold {
        let participants = try await participants(test, feedback)
        let conversation = try await converseNaming(
            participants, connections: Self.connections, transcript: transcript)
        result.conversations.append(conversation)
        result.test.run = conversation[Self.submissionName]?.result
        guard let run = conversation[Self.interactorName]?.result else {
            throw Self.failure(
                SandboxError(.internalError, message: "an interactor ended without a result"))
        }
        var fold = InteractiveFold(conversation, feedback.answer(of: run))
        if case .testlib(let checker?) = convention, fold.verdict == .accepted {
            do throws(SandboxError) {
                fold = try await check(feedback.output, of: test, by: checker, fold)
            } catch {
                throw Self.failure(error)
            }
        }
        return fold
    }

    /// The interactor sees the end of the submission's output when the submission has ended: one that closes its stdout
    /// and then crashes, or goes on, has the verdict of that, and not of whoever was faster. And an interactor that still has
    /// something to say to a submission that has left meets no broken pipe, which many are not made for. The systems that
    /// problems are written for do the same.
    private static var connections: [Connection] {
        [
            Connection(from: submissionName, to: interactorName, endsWithProgram: true),
            Connection(from: interactorName, to: submissionName, outlivesReader: true),
        ]
    }

    /// The names of both in ``InteractiveResult/conversation``.
    public static let submissionName = "submission"
    public static let interactorName = "interactor"

    private static func failure(_ error: SandboxError) -> ConversationFailure {
        ConversationFailure(interactorName, error)
    }

    /// What an error says of the submission, whose files were put into its sandbox: that they are at fault, or nothing.
    private func explain(_ failure: ConversationFailure, _ test: TestCase, _ result: inout TestResult) {
        let isOfSubmission = failure.participant == Self.submissionName && result.run == nil
        if isOfSubmission, submission.isAtFault(for: failure.error) {
            result.verdict = .compileError
            result.programError = failure.error.message
        } else if isOfSubmission, failure.error.code == .noSpace,
            test.files.diskBytes <= (test.limits ?? limits).disk
        {
            result.verdict = .runtimeError
            result.programError = failure.error.message
        } else {
            result.judgeError = failure.error.description
        }
    }

    private func check(
        _ output: InteractorFeedback.Output, of test: TestCase, by checker: any Checker,
        _ fold: InteractiveFold
    ) async throws(SandboxError) -> InteractiveFold {
        var fold = fold
        switch output {
        case .bytes(let bytes):
            let check = try await checker.check(bytes, of: test, on: backend)
            fold.verdict = check.verdict
            fold.check = check
            if check.verdict == .judgeError { fold.judgeError = check.message }
        case .missing:
            fold.fail("the interactor accepted, and left no output for the checker")
        case .unreadable(let why):
            fold.fail("the interactor's output cannot be read: \(why)")
        }
        return fold
    }

    // MARK: Both participants

    private func participants(
        _ test: TestCase, _ feedback: InteractorFeedback
    ) async throws(ConversationFailure) -> [Participant] {
        do throws(SandboxError) {
            return [try contestant(test), try await host(test, feedback)]
        } catch {
            throw Self.failure(error)
        }
    }

    private func contestant(_ test: TestCase) throws(SandboxError) -> Participant {
        let limits = test.limits ?? limits
        var participant = Participant(
            Self.submissionName, try submission.command(test.arguments, files: test.files, limits),
            on: backend, options: submission.options(options), limits: limits)
        // Nothing that it does changes a verdict that the interactor has given.
        participant.grace = .zero
        return participant
    }

    private func host(
        _ test: TestCase, _ feedback: InteractorFeedback
    ) async throws(SandboxError) -> Participant {
        var files = [InputFile("test.in", try await test.input.read())]
        var arguments: [ByteString] = ["test.in"]
        if let answer = test.answer { files.append(InputFile("test.ans", try await answer.read())) }
        var codes: Set<Int32>
        switch convention {
        case .outputValidator(let more):
            if test.answer == nil { files.append(InputFile("test.ans", [])) }
            arguments += ["test.ans", "feedback/"] + more
            codes = [42]
        case .testlib:
            arguments.append("test.out")
            if test.answer != nil { arguments.append("test.ans") }
            codes = Set([0, 5, 7] + Array(16...216))
        }
        var limits = interactorLimits
        limits.wallTime = min(limits.wallTime + (test.limits ?? self.limits).wallTime, .seconds(24 * 3600))
        limits.disk += files.diskBytes + feedback.keptBytes
        var participant = Participant(
            Self.interactorName, try interactor.command(arguments, files: files, limits), on: backend,
            options: interactor.options(interactorOptions), limits: limits)
        participant.successCodes = codes
        // It says what it makes of a submission that has failed, or was ended.
        participant.grace = nil
        participant.isEndedByDeadlock = false
        let most = limits.fileSize
        participant.prepare = { sandbox throws(SandboxError) in try await feedback.place(in: sandbox) }
        participant.collect = { sandbox throws(SandboxError) in
            try await feedback.collect(from: sandbox, outputBytes: most)
        }
        return participant
    }
}

/// What an interactive test gave.
public struct InteractiveResult: Sendable {
    /// The verdict, the submission's run, and the interactor's answer as the checker's.
    public var test: TestResult
    /// The passes that were run, one of a problem that is not multi-pass: both runs, who was the first to end or to fail,
    /// who waited, and the transcript. A pass in which a program could not be started, or the sandbox failed, is not there.
    public var conversations: [ConversationResult] = []

    /// The last pass that was run; `nil` when there was none.
    public var conversation: ConversationResult? { conversations.last }

    /// The interactor's run in the last pass.
    public var interactor: RunResult? { conversation?[InteractiveJudge.interactorName]?.result }
}

extension Program {
    fileprivate func command(
        _ more: [ByteString], files extra: [InputFile], _ limits: Limits
    ) throws(SandboxError) -> Command {
        let program = try sized(for: limits)
        return Command(
            executable, program.arguments + more, environment: environment, inputFiles: extra + files)
    }

    fileprivate func options(_ options: SandboxOptions) -> SandboxOptions {
        var options = options
        options.language = options.language ?? language
        return options
    }
}

extension [InputFile] {
    /// The room that the files take on a disk of 4 KiB blocks.
    var diskBytes: Int { reduce(0) { $0 + ($1.bytes.count + 4095) / 4096 * 4096 } }
}
#endif
