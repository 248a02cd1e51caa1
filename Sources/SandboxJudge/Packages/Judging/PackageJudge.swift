/// Judges a package's submissions against what they are expected to get, and checks the package itself.

#if Judge
public import Runners
public import SandboxAPI

/// Judges a problem package on any backend.
///
/// ```swift
/// let package = try ProblemPackage.read("problems/sum")
/// let report = try await PackageJudge(package, on: backend).judge()
/// ```
public struct PackageJudge: Sendable {
    public var package: ProblemPackage
    public var backend: any SandboxBackend
    /// The sandboxes of all programs: the image, the root file system's mode, the least isolation accepted.
    public var options: SandboxOptions
    /// The languages that validators and submissions can be in; `nil` for the built-in ones.
    public var languages: LanguageCatalog?
    /// How many tests run at a time, each with one sandbox for the submission and at most one for a validator.
    public var jobs: Int
    /// Whether a submission's tests end at the first that is not accepted. What a package expects of later tests is not seen
    /// then. Where tests have scores all are run.
    public var stopsAtFirstFailure: Bool
    /// The CPU time of a run by which a time limit is inferred; a submission that takes longer is too slow.
    public var mostInferredTime: Duration
    /// Called when a run starts or ends; it must not wait.
    public var onProgress: @Sendable (PackageProgress) -> Void

    public init(
        _ package: ProblemPackage, on backend: any SandboxBackend, options: SandboxOptions = SandboxOptions(),
        languages: LanguageCatalog? = nil, jobs: Int = 1, stopsAtFirstFailure: Bool = false,
        mostInferredTime: Duration = .seconds(60),
        onProgress: @escaping @Sendable (PackageProgress) -> Void = { _ in }
    ) {
        self.package = package
        self.backend = backend
        self.options = options
        self.languages = languages
        self.jobs = max(1, jobs)
        self.stopsAtFirstFailure = stopsAtFirstFailure
        self.mostInferredTime = mostInferredTime
        self.onProgress = onProgress
    }

    /// Judges submissions.
    ///
    /// The package's validators are built, its inputs and sample answers are checked, a time limit is inferred where the
    /// package has none, and each submission is built once and run on all tests.
    ///
    /// - Parameter submissions: `nil` for all of the package's own. Those without an expectation are expected to be accepted.
    /// - Returns: what each got. A submission that fails is a result; so is a validator that does.
    /// - Throws: `SandboxError` when the sandbox failed before there was a test to blame it on, and `.cancelled`.
    public func judge(_ submissions: [PackageSubmission]? = nil) async throws(SandboxError) -> PackageReport {
        do {
            return try await judgeAll(submissions ?? package.submissions)
        } catch let error as SandboxError {
            throw error
        } catch is CancellationError {
            throw SandboxError(.cancelled, message: "judging was cancelled")
        } catch {
            throw SandboxError(.internalError, message: "\(error)")
        }
    }

    private func judgeAll(_ submissions: [PackageSubmission]) async throws -> PackageReport {
        var report = PackageReport(problem: package.name)
        onProgress(PackageProgress(step: .validating, done: 0, total: package.allTests.count))
        let catalog: LanguageCatalog
        if let languages { catalog = languages } else { catalog = try LanguageCatalog() }
        var tools = PackageTools(self, catalog)
        try await tools.build()
        report.issues += tools.issues
        guard let output = tools.output, !report.hasJudgeError else { return report }
        report.issues += try await PackageValidation(judge: self, tools: tools, output: output).check()

        var times: [ByteString: TimedSubmission] = [:]
        var limit = package.limits.time
        if limit == nil, !package.isSubmitAnswer {
            let inference = TimeLimitInference(judge: self, tools: tools, output: output)
            (limit, times) = try await inference.infer(&report.issues)
            report.isTimeLimitInferred = true
        }
        report.timeLimit = limit
        for submission in submissions {
            var judging = SubmissionJudging(
                judge: self, tools: tools, output: output, limits: runLimits(time: limit ?? .seconds(10)))
            if let limit, submission.bounds(.upper) {
                judging.decisive = judging.limits
                judging.limits = runLimits(time: limit * package.limits.timing.limitToTooSlow)
            }
            report.submissions.append(
                try await judging.judge(submission, timed: times[submission.program.path]))
        }
        if let limit {
            for (judged, submission) in zip(report.submissions, submissions) {
                report.issues += margins(judged, submission, limit)
            }
        }
        return report
    }

    /// Warnings that a submission is nearer to the time limit than the package's margins allow.
    private func margins(
        _ report: SubmissionReport, _ submission: PackageSubmission, _ limit: Duration
    ) -> [PackageIssue] {
        let timing = package.limits.timing
        var message: String?
        if report.verdict == .accepted,
            let time = report.slowestTime(where: { submission.bounds(.lower, on: $0) }),
            !timing.permits(limit, accepted: time)
        {
            message =
                "it takes \(time), so a limit of \(limit) leaves less than \(timing.acceptedToLimit) times that"
        } else if let time = report.slowestTime(where: { submission.bounds(.upper, on: $0) }), time > limit,
            !timing.permits(limit, tooSlow: time)
        {
            message =
                "it is too slow, but takes \(time), less than \(timing.limitToTooSlow) times the limit of \(limit)"
        }
        return message.map { [PackageIssue(.warning, report.path, .timeLimit, $0)] } ?? []
    }

    // MARK: Limits

    /// The limits of a submission's run.
    func runLimits(time: Duration) -> Limits {
        var limits = Limits()
        limits.cpuTime = min(time, .seconds(86_400))
        // Time to wait, and for a busy machine: a program that computes is to meet its CPU time first.
        limits.wallTime = min(time * 2 + .seconds(2), .seconds(86_400))
        limits.memory = package.limits.memory ?? 2 << 30
        limits.output = package.limits.output ?? 8 << 20
        limits.fileSize = max(limits.fileSize, limits.output)
        limits.stack = min(limits.memory, 1 << 30)
        return limits
    }

    var validatorLimits: Limits {
        var limits = Limits()
        limits.cpuTime = max(package.limits.validationTime ?? .seconds(60), .milliseconds(100))
        limits.wallTime = limits.cpuTime * 2
        limits.memory = package.limits.validationMemory ?? 2 << 30
        limits.output = package.limits.validationOutput ?? 8 << 20
        limits.disk = 1 << 30
        limits.fileSize = 256 << 20
        return limits
    }
}
#endif
