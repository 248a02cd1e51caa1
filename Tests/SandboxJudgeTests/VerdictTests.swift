#if Judge
import Runners
import SandboxTesting
import Testing

@testable import SandboxJudge

/// A run with an outcome and a usage, as a backend could report it.
func someRun(
    _ outcome: Outcome, limitsHit: [LimitKind] = [], stdoutTruncated: Bool = false,
    wall: Duration = .seconds(1), cpu: Duration = .zero, limits: Limits = .standard
) -> RunResult {
    let usage = Usage(
        wallTime: wall, cpuTime: cpu, userTime: cpu, systemTime: .zero, cpuSource: .cgroup, peakMemory: 1000,
        memorySource: .cgroup, residentPeak: 500, residentSource: .cgroup, peakProcesses: 1,
        processesSource: .cgroup)
    return RunResult(
        outcome: outcome, limitsHit: limitsHit, deniedSyscalls: [], stdout: [], stderr: [],
        stdoutTruncated: stdoutTruncated, stderrTruncated: false, usage: usage, limits: limits,
        isolation: IsolationReport(level: .strong, layers: [], missing: [], cgroup: .none),
        provenance: Provenance(
            kind: .fake, requested: "fake", instance: "i", sandbox: "s", image: "host", hostPID: 1))
}

@Suite("Verdicts")
struct VerdictTests {
    @Test("A verdict's text is its short name")
    func text() {
        #expect(Verdict.accepted.description == "AC")
        #expect(Verdict(rawValue: "TLE") == .timeLimitExceeded)
    }

    @Test(
        "What ended a run decides before its output does",
        arguments: [
            (Outcome.exited(code: 1), Verdict.runtimeError), (.exited(code: 42), .runtimeError),
            (.signaled(signal: 11), .runtimeError), (.signaled(signal: 9), .runtimeError),
            (.limitExceeded(.cpuTime), .timeLimitExceeded), (.limitExceeded(.memory), .memoryLimitExceeded),
            (.limitExceeded(.output), .outputLimitExceeded), (.limitExceeded(.processes), .runtimeError),
            (.limitExceeded(.disk), .runtimeError), (.limitExceeded(.fileSize), .runtimeError),
            (.limitExceeded(.openFiles), .runtimeError), (.limitExceeded(.stack), .runtimeError),
            (.blockedSyscall(name: "mount"), .securityViolation),
        ])
    func failures(_ outcome: Outcome, _ verdict: Verdict) {
        let run = someRun(outcome, cpu: .milliseconds(500))
        #expect(Verdict.failure(of: run) == verdict)
        for answer in [Verdict.accepted, .wrongAnswer, .judgeError] {
            #expect(Verdict(folding: run, CheckResult(answer)) == verdict)
        }
        #expect(Verdict(folding: run, nil) == verdict)
    }

    @Test("The checker decides of a run that succeeded, and without its answer nobody is accepted")
    func checked() {
        for run in [someRun(.exited(code: 0)), someRun(.exited(code: 0), limitsHit: [.memory, .processes])] {
            #expect(Verdict.failure(of: run) == nil)
            for verdict in [Verdict.accepted, .wrongAnswer, .presentationError, .judgeError] {
                #expect(Verdict(folding: run, CheckResult(verdict)) == verdict)
            }
            #expect(Verdict(folding: run, nil) == .judgeError)
        }
    }

    @Test("An output that was cut is not judged, although the program exited with 0")
    func truncated() {
        let run = someRun(.exited(code: 0), stdoutTruncated: true)
        #expect(Verdict(folding: run, CheckResult(.accepted)) == .outputLimitExceeded)
    }

    @Test(
        "Wall time used up with less than a twentieth of it as CPU time is idle, above that it is a time limit",
        arguments: [
            (wall: 2000, cpu: 0, cpus: nil, Verdict.idle), (2000, 30, nil, .idle), (2000, 99, nil, .idle),
            (2000, 100, nil, .timeLimitExceeded), (2000, 1900, nil, .timeLimitExceeded),
            // A busy program that gets a hundredth of a processor by its own limit is busy.
            (2000, 20, 0.01, .timeLimitExceeded), (2000, 0, 0.01, .idle),
            // More than one processor makes nobody idle who kept one half busy.
            (2000, 1000, 16, .timeLimitExceeded),
        ] as [(Int, Int, Double?, Verdict)])
    func idle(_ wall: Int, _ cpu: Int, _ cpus: Double?, _ verdict: Verdict) {
        let limits = Limits(wallTime: .milliseconds(wall), cpus: cpus)
        let run = someRun(
            .limitExceeded(.wallTime), wall: .milliseconds(wall), cpu: .milliseconds(cpu), limits: limits)
        #expect(Verdict.failure(of: run) == verdict)
    }

    @Test("Against a package's expectations there are AC, WA, TLE and RTE")
    func inPackage() {
        let expected: [Verdict: Verdict] = [
            .accepted: .accepted, .wrongAnswer: .wrongAnswer, .timeLimitExceeded: .timeLimitExceeded,
            .idle: .timeLimitExceeded, .runtimeError: .runtimeError, .memoryLimitExceeded: .runtimeError,
            .outputLimitExceeded: .runtimeError, .securityViolation: .runtimeError,
            .compileError: .compileError, .judgeError: .judgeError, .presentationError: .wrongAnswer,
        ]
        for (verdict, counted) in expected { #expect(verdict.inPackage == counted) }
    }
}
#endif
