/// How the ends of a submission and an interactor become a verdict. Pure.
///
/// The rules are those of the contest systems that problems are written for (problemtools, DOMjudge): a rejection by an
/// interactor that had ended before the submission failed stands, since a submission may crash on the broken pipe; the
/// broken pipe itself is no failure; otherwise the submission's own failure counts before the interactor's answer.

#if Judge
import SandboxRuntime

struct InteractiveFold: Sendable, Hashable {
    var verdict: Verdict
    /// The interactor's answer, where it gave one.
    var check: CheckResult?
    var judgeError: String?

    /// Who was the first to fail, by the machine's clock.
    enum Order: Sendable, Hashable { case submission, interactor, unknown }

    /// The facts that decide.
    struct Facts: Sendable, Hashable {
        /// The submission's run; `nil`: it was stopped, and nothing is known of it.
        var submission: RunResult?
        var submissionStopped: StopReason?
        var interactorOutcome: Outcome?
        var answer: InteractorAnswer
        var failedFirst = Order.unknown
        /// At the last look, the submission waited for the interactor, which was busy.
        var waitedForBusyInteractor = false
    }

    init(_ conversation: ConversationResult, _ answer: InteractorAnswer) {
        let (submission, interactor) = (InteractiveJudge.submissionName, InteractiveJudge.interactorName)
        let order: Order =
            switch conversation.firstToFail {
            case let first? where first.isCertain: first.name == submission ? .submission : .interactor
            default: .unknown
            }
        self.init(
            Facts(
                submission: conversation[submission]?.result,
                submissionStopped: conversation[submission]?.stopped,
                interactorOutcome: conversation[interactor]?.result?.outcome, answer: answer,
                failedFirst: order,
                waitedForBusyInteractor: conversation.waits.contains { $0.name == submission }
                    && conversation.busy.contains(interactor)))
    }

    init(_ facts: Facts) {
        let own = Self.failure(facts)
        if facts.submissionStopped == .deadlock {
            verdict = .idle
            check = Self.check(facts.answer)
        } else if facts.submission?.outcome == .limitExceeded(.wallTime), Self.interactorTookIt(facts) {
            self = InteractiveFold(
                failed: "the submission waited for the interactor until its wall time limit",
                Self.check(facts.answer))
        } else {
            self = Self.fold(facts, own)
        }
    }

    private static func fold(_ facts: Facts, _ own: Verdict?) -> InteractiveFold {
        switch facts.answer {
        case .failed(let why):
            if let own, facts.failedFirst == .submission { return InteractiveFold(own) }
            return InteractiveFold(failed: why, nil)
        case .rejected(let check):
            guard let own else { return InteractiveFold(check.verdict, check) }
            let isEarlier: Bool =
                switch facts.failedFirst {
                case .submission: true
                case .interactor: false
                // No broken pipe makes a program meet a limit; it makes many of them crash.
                case .unknown: isLimit(facts.submission?.outcome)
                }
            return InteractiveFold(isEarlier ? own : check.verdict, check)
        case .accepted(let check): return InteractiveFold(own ?? check.verdict, check)
        }
    }

    private init(_ verdict: Verdict, _ check: CheckResult? = nil) {
        self.verdict = verdict
        self.check = check
    }

    private init(failed why: String, _ check: CheckResult?) {
        verdict = .judgeError
        judgeError = why
        self.check = check
    }

    /// Makes it a failure of the judge.
    mutating func fail(_ why: String) { self = InteractiveFold(failed: why, check) }

    private static var brokenPipe: Int32 { 13 }

    private static func check(_ answer: InteractorAnswer) -> CheckResult? {
        switch answer {
        case .accepted(let check), .rejected(let check): check
        case .failed: nil
        }
    }

    private static func isLimit(_ outcome: Outcome?) -> Bool {
        switch outcome {
        case .limitExceeded, .blockedSyscall: true
        case .exited, .signaled, nil: false
        }
    }

    /// Whether the submission's wall time went by because of the interactor: that was busy meanwhile, or then met a limit
    /// of its own.
    private static func interactorTookIt(_ facts: Facts) -> Bool {
        if case .limitExceeded = facts.interactorOutcome { return true }
        return facts.waitedForBusyInteractor
    }

    /// The verdict of the submission's own failure; `nil` when it has none, or was stopped.
    private static func failure(_ facts: Facts) -> Verdict? {
        guard facts.submissionStopped == nil, let run = facts.submission,
            run.outcome != .signaled(signal: brokenPipe)
        else { return nil }
        return Verdict.failure(of: run)
    }
}
#endif
