// How ends become the verdict of an interactive test: every combination.
#if Judge
import SandboxRuntime
import SandboxTesting
import Testing

@testable import SandboxJudge

@Suite("The verdict of an interactive test")
struct InteractiveFoldTests {
    typealias Facts = InteractiveFold.Facts

    private static func run(_ outcome: Outcome, cpu: Duration = .milliseconds(1)) -> RunResult {
        let usage = Usage(
            wallTime: .seconds(2), cpuTime: cpu, userTime: cpu, systemTime: .zero, cpuSource: .cgroup,
            peakMemory: 0, memorySource: .cgroup, residentPeak: 0, residentSource: .cgroup, peakProcesses: 1,
            processesSource: .cgroup)
        return RunResult(
            outcome: outcome, limitsHit: [], deniedSyscalls: [], stdout: [], stderr: [],
            stdoutTruncated: false,
            stderrTruncated: false, usage: usage, limits: .standard,
            isolation: IsolationReport(level: .strong, layers: [], missing: [], cgroup: .none),
            provenance: Provenance(
                kind: .local, requested: "local", instance: "", sandbox: "", image: "", hostPID: 1))
    }

    static let accepted = InteractorAnswer.accepted(CheckResult(.accepted))
    static let wrong = InteractorAnswer.rejected(CheckResult(.wrongAnswer))
    static let form = InteractorAnswer.rejected(CheckResult(.presentationError))
    static let failed = InteractorAnswer.failed("why")

    /// The submission's own failures, with the verdict of each.
    static let failures: [(Outcome, Duration, Verdict)] = [
        (.exited(code: 1), .zero, .runtimeError), (.signaled(signal: 11), .zero, .runtimeError),
        (.limitExceeded(.cpuTime), .seconds(2), .timeLimitExceeded),
        (.limitExceeded(.wallTime), .seconds(1), .timeLimitExceeded),
        (.limitExceeded(.wallTime), .milliseconds(10), .idle),
        (.limitExceeded(.memory), .zero, .memoryLimitExceeded),
        (.limitExceeded(.output), .zero, .outputLimitExceeded),
        (.limitExceeded(.processes), .zero, .runtimeError), (.limitExceeded(.disk), .zero, .runtimeError),
        (.limitExceeded(.fileSize), .zero, .runtimeError), (.limitExceeded(.openFiles), .zero, .runtimeError),
        (.limitExceeded(.stack), .zero, .runtimeError),
        (.blockedSyscall(name: "mount"), .zero, .securityViolation),
    ]

    private static func fold(
        _ outcome: Outcome, cpu: Duration = .zero, stopped: StopReason? = nil, _ answer: InteractorAnswer,
        interactor: Outcome = .exited(code: 42), first: InteractiveFold.Order = .interactor,
        waited: Bool = false
    ) -> InteractiveFold {
        InteractiveFold(
            Facts(
                submission: run(outcome, cpu: cpu), submissionStopped: stopped, interactorOutcome: interactor,
                answer: answer, failedFirst: first, waitedForBusyInteractor: waited))
    }

    private static let orders: [InteractiveFold.Order] = [.submission, .interactor, .unknown]

    @Test("A submission without a failure has what the interactor says")
    func answers() {
        #expect(Self.fold(.exited(code: 0), Self.accepted).verdict == .accepted)
        #expect(Self.fold(.exited(code: 0), Self.wrong).verdict == .wrongAnswer)
        #expect(Self.fold(.exited(code: 0), Self.form).verdict == .presentationError)
        let judge = Self.fold(.exited(code: 0), Self.failed, interactor: .exited(code: 1))
        #expect(judge.verdict == .judgeError)
        #expect(judge.judgeError == "why")
        #expect(judge.check == nil)
    }

    @Test("A failure after an acceptance counts, whoever was first")
    func failureAfterAcceptance() {
        for (outcome, cpu, verdict) in Self.failures {
            for first in Self.orders {
                #expect(Self.fold(outcome, cpu: cpu, Self.accepted, first: first).verdict == verdict)
            }
        }
    }

    @Test("A rejection that came before the failure stands, and one that followed it does not")
    func rejection() {
        for (outcome, cpu, verdict) in Self.failures {
            #expect(Self.fold(outcome, cpu: cpu, Self.wrong).verdict == .wrongAnswer)
            #expect(Self.fold(outcome, cpu: cpu, Self.wrong, first: .submission).verdict == verdict)
            #expect(Self.fold(outcome, cpu: cpu, Self.form).verdict == .presentationError)
            let isCrash = [.exited(code: 1), .signaled(signal: 11)].contains(outcome)
            #expect(
                Self.fold(outcome, cpu: cpu, Self.wrong, first: .unknown).verdict
                    == (isCrash ? .wrongAnswer : verdict), "a broken pipe makes no program meet a limit")
        }
    }

    @Test("A broken pipe is no failure of the submission")
    func brokenPipe() {
        for first in Self.orders {
            #expect(Self.fold(.signaled(signal: 13), Self.accepted, first: first).verdict == .accepted)
            #expect(Self.fold(.signaled(signal: 13), Self.wrong, first: first).verdict == .wrongAnswer)
        }
    }

    @Test("A failed interactor is the judge's error, unless the submission had failed before")
    func failedInteractor() {
        for interactor in [
            Outcome.exited(code: 1), .signaled(signal: 11), .limitExceeded(.wallTime),
            .limitExceeded(.cpuTime),
            .limitExceeded(.memory), .blockedSyscall(name: "mount"),
        ] {
            let metLimit = if case .limitExceeded = interactor { true } else { false }
            for (outcome, cpu, verdict) in Self.failures {
                for first in [InteractiveFold.Order.interactor, .unknown] {
                    let fold = Self.fold(
                        outcome, cpu: cpu, Self.failed, interactor: interactor, first: first)
                    #expect(fold.verdict == .judgeError)
                }
                let fold = Self.fold(
                    outcome, cpu: cpu, Self.failed, interactor: interactor, first: .submission)
                // Who waits for an interactor that hangs has done nothing wrong.
                let waited = metLimit && outcome == .limitExceeded(.wallTime)
                #expect(fold.verdict == (waited ? .judgeError : verdict))
            }
            let fold = Self.fold(.exited(code: 0), Self.failed, interactor: interactor)
            #expect(fold.verdict == .judgeError)
        }
    }

    @Test("One that was stopped has what the interactor says; a deadlock is idleness")
    func stopped() {
        let killed = Outcome.signaled(signal: 9)
        let reason = StopReason.failure(of: "interactor")
        #expect(Self.fold(killed, stopped: reason, Self.wrong).verdict == .wrongAnswer)
        #expect(
            Self.fold(killed, stopped: reason, Self.failed, interactor: .exited(code: 3)).verdict
                == .judgeError)
        for answer in [Self.accepted, Self.wrong, Self.failed] {
            #expect(Self.fold(killed, stopped: .deadlock, answer).verdict == .idle)
        }
        let unknown = Facts(
            submission: nil, submissionStopped: reason, interactorOutcome: .exited(code: 43),
            answer: Self.wrong)
        #expect(InteractiveFold(unknown).verdict == .wrongAnswer)
    }

    @Test("A wall time used up by waiting for a busy interactor is the judge's error")
    func busyInteractor() {
        for answer in [Self.accepted, Self.wrong, Self.failed] {
            let fold = Self.fold(.limitExceeded(.wallTime), answer, first: .submission, waited: true)
            #expect(fold.verdict == .judgeError)
            #expect(fold.judgeError != nil)
        }
        #expect(
            Self.fold(.limitExceeded(.cpuTime), Self.accepted, waited: true).verdict == .timeLimitExceeded)
    }

    @Test("What an exit code means by each convention")
    func codes() {
        func verdict(_ outcome: Outcome, _ convention: InteractiveJudge.Convention, _ words: String = "")
            -> String
        {
            var run = Self.run(outcome)
            run.stderr = Array(words.utf8)
            switch InteractorFeedback(convention, passes: 1).answer(of: run) {
            case .accepted(let check): return "\(check.verdict) \(check.score.map { "\($0)" } ?? "-")"
            case .rejected(let check): return "\(check.verdict)"
            case .failed: return "JE"
            }
        }
        let package = (0...255).map { verdict(.exited(code: $0), .outputValidator()) }
        #expect(package[42] == "AC -")
        #expect(package[43] == "WA")
        #expect(package.filter { $0 == "JE" }.count == 254)
        let testlib = (0...255).map { verdict(.exited(code: $0), .testlib(), "points 12.5 of 100") }
        #expect(Array(testlib[0...8]) == ["AC -", "WA", "PE", "JE", "PE", "AC 12.5", "JE", "AC 12.5", "PE"])
        #expect(testlib[9..<16].allSatisfy { $0 == "JE" })
        #expect(testlib[16] == "AC 0.0")
        #expect(testlib[216] == "AC 200.0")
        #expect(testlib[217...].allSatisfy { $0 == "JE" })
        #expect(verdict(.exited(code: 7), .testlib(), "no number") == "JE")
        #expect(verdict(.exited(code: 7), .testlib(), "nan") == "JE")
        #expect(verdict(.signaled(signal: 6), .testlib()) == "JE")
        #expect(verdict(.limitExceeded(.wallTime), .outputValidator()) == "JE")
    }
}
#endif
