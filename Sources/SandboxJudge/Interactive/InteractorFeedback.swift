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

/// Takes an interactor's files once it has ended.
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
    }

    private let files = Locked(Files())

    /// What a testlib interactor wrote for the checker.
    var output: Output { files.withLock { $0.output } }

    func collect(
        from sandbox: any SandboxLease, _ convention: InteractiveJudge.Convention, outputBytes: Int
    ) async throws(SandboxError) {
        var found = Files()
        switch convention {
        case .outputValidator: found.feedback = try await Feedback(in: sandbox)
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
    func answer(of run: RunResult, _ convention: InteractiveJudge.Convention) -> InteractorAnswer {
        switch convention {
        case .outputValidator:
            let feedback = files.withLock { $0.feedback }
            return InteractorAnswer(CheckResult(validator: run, feedback: feedback, by: .interactor))
        case .testlib:
            return InteractorAnswer(CheckResult(testlib: run, by: .interactor))
        }
    }
}
#endif
