/// What an interactor says: its exit code, its stderr, and the files it leaves.

#if Judge
import SandboxRuntime

/// An interactor's answer.
enum InteractorAnswer: Sendable, Hashable {
    case accepted(CheckResult)
    /// With ``Verdict/wrongAnswer`` or ``Verdict/presentationError``.
    case rejected(CheckResult)
    /// It failed, and why.
    case failed(String)

    init(_ check: CheckResult) {
        switch check.verdict {
        case .accepted: self = .accepted(check)
        case .judgeError: self = .failed(check.message)
        default: self = .rejected(check)
        }
    }
}

/// Takes an interactor's files once it has ended, and keeps those that the next pass shall find.
final class InteractorFeedback: Sendable {
    enum Output: Sendable, Hashable {
        case missing
        case bytes([UInt8])
        /// It left something else there, or too much; why.
        case unreadable(String)
    }

    private struct Files: Sendable {
        var feedback = Feedback()
        var output = Output.missing
        /// What is kept between passes.
        var kept = PassFeedback()
        var next = PassFeedback.Next.none
    }

    private let convention: InteractiveJudge.Convention
    private let hasPasses: Bool
    private let files = Locked(Files())

    /// - Parameter passes: the most of them.
    init(_ convention: InteractiveJudge.Convention, passes: Int) {
        self.convention = convention
        hasPasses = passes > 1
    }

    /// What a testlib interactor wrote for the checker.
    var output: Output { files.withLock { $0.output } }

    /// The input of the next pass; `nil` when the last one asked for none.
    var nextInput: [UInt8]? {
        if case .input(let next) = files.withLock({ $0.next }) { next } else { nil }
    }

    /// The room that what earlier passes left takes at most.
    var keptBytes: Int { files.withLock { $0.kept.bytes } }

    /// Makes the feedback directory, with what earlier passes left in it.
    func place(in sandbox: any SandboxLease) async throws(SandboxError) {
        try await files.withLock { $0.kept }.place(in: sandbox)
    }

    func collect(from sandbox: any SandboxLease, outputBytes: Int) async throws(SandboxError) {
        var found = Files(kept: files.withLock { $0.kept })
        switch convention {
        case .outputValidator:
            found.feedback = try await Feedback(in: sandbox)
            if hasPasses { found.next = try await found.kept.take(from: sandbox) }
        case .testlib(checker: nil): break
        case .testlib: found.output = try await Self.output(in: sandbox, maxBytes: outputBytes)
        }
        files.withLock { [found] in $0 = found }
    }

    private static func output(
        in sandbox: any SandboxLease, maxBytes: Int
    ) async throws(SandboxError) -> Output {
        do throws(SandboxError) {
            return .bytes(try await sandbox.readFile("test.out", maxBytes: maxBytes).bytes)
        } catch {
            switch error.code {
            case .fileNotFound: return .missing
            case .notRegularFile, .notDirectory, .fileTooLarge, .fileAccess: return .unreadable(error.message)
            default: throw error
            }
        }
    }

    /// What the interactor's end means by its convention.
    func answer(of run: RunResult) -> InteractorAnswer {
        let files = files.withLock { $0 }
        switch convention {
        case .outputValidator:
            let check = CheckResult(validator: run, feedback: files.feedback, by: .interactor)
            switch (check.verdict, files.next) {
            case (.judgeError, _), (_, .none), (.accepted, .input): return InteractorAnswer(check)
            case (_, .input): return .failed("the interactor wrote a nextpass.in and exited with status 43")
            case (_, .fault(let what)): return .failed("the interactor \(what)")
            }
        case .testlib:
            return InteractorAnswer(CheckResult(testlib: run, by: .interactor))
        }
    }
}
#endif
