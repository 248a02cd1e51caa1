/// How an outcome and a checker's answer become a verdict. Pure.

#if Judge
extension Verdict {
    /// What a run alone decides.
    ///
    /// - Parameter run: the submission's run. A limit that it met although it ended successfully is no failure: its output
    ///   is judged.
    /// - Returns: `nil` when the program succeeded, so that its output decides.
    public static func failure(of run: RunResult) -> Verdict? {
        switch run.outcome {
        // A part of the output is not what the program answered, whatever it looks like.
        case .exited(code: 0): run.stdoutTruncated ? .outputLimitExceeded : nil
        case .exited, .signaled: .runtimeError
        case .limitExceeded(let limit): failure(at: limit, run)
        case .blockedSyscall: .securityViolation
        }
    }

    /// The verdict of a run and of the checker's answer to its output.
    ///
    /// - Parameters:
    ///   - run: the submission's run.
    ///   - check: the checker's answer; `nil` when it was not asked, which it has to be when the run succeeded: an output
    ///     that nobody judged is a ``judgeError``.
    public init(folding run: RunResult, _ check: CheckResult?) {
        self = Verdict.failure(of: run) ?? check?.verdict ?? .judgeError
    }

    /// What the verdict counts as against the verdicts that a problem package expects, which knows fewer: ``idle`` is
    /// ``timeLimitExceeded``; ``memoryLimitExceeded``, ``outputLimitExceeded`` and ``securityViolation`` are
    /// ``runtimeError``; ``presentationError`` is ``wrongAnswer``.
    public var inPackage: Verdict {
        switch self {
        case .idle: .timeLimitExceeded
        case .memoryLimitExceeded, .outputLimitExceeded, .securityViolation: .runtimeError
        case .presentationError: .wrongAnswer
        default: self
        }
    }

    /// The verdict of a run that had more time than it is judged by.
    ///
    /// - Parameters:
    ///   - run: under wider limits of time.
    ///   - limits: those that decide.
    /// - Returns: `nil` when the run took no more than these.
    static func failure(of run: RunResult, beyond limits: Limits) -> Verdict? {
        if run.usage.cpuTime > limits.cpuTime { return .timeLimitExceeded }
        return run.usage.wallTime > limits.wallTime ? failure(at: .wallTime, run) : nil
    }

    private static func failure(at limit: LimitKind, _ run: RunResult) -> Verdict {
        switch limit {
        case .cpuTime: .timeLimitExceeded
        case .wallTime: isIdle(run) ? .idle : .timeLimitExceeded
        case .memory: .memoryLimitExceeded
        case .output: .outputLimitExceeded
        case .processes, .disk, .fileSize, .openFiles, .stack: .runtimeError
        }
    }

    /// The share of the processor time that a run could have had, below which it counts as idle: a twentieth.
    ///
    /// A program that waits has used what its start takes: 1 to 30 ms in C++ and Python, less than a twentieth of any
    /// usual wall time limit. A busy program gets its share of a processor however loaded the machine is: less than a
    /// twentieth only where twenty others compete with it for each processor, the judge's own runs among them, of which
    /// there should be one per processor. So a starved program is told as busy, except on a machine on which no time limit
    /// means anything.
    public static let idleShare = 0.05

    /// Whether a run that used up its wall time waited rather than worked: all its processes together used less CPU time
    /// than ``idleShare`` of the wall time, times `limits.cpus` where the run had less than one processor.
    private static func isIdle(_ run: RunResult) -> Bool {
        let share = min(1, run.limits.cpus ?? 1) * idleShare
        return run.usage.cpuTime < run.usage.wallTime * share
    }
}
#endif
