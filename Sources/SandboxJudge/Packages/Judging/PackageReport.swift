/// What judging a package gave.

#if Judge
public import Runners
public import SandboxAPI

/// The result of ``PackageJudge/judge(_:)``.
public struct PackageReport: Sendable {
    /// The problem's name.
    public var problem: String
    /// CPU time on one test: the package's, or as inferred; `nil` when nothing was judged by one.
    public var timeLimit: Duration?
    /// Whether the time limit was inferred from the package's submissions.
    public var isTimeLimitInferred = false
    /// What the package's own checks found: validators that do not build, inputs that are refused, margins of the time
    /// limit.
    public var issues: [PackageIssue] = []
    public var submissions: [SubmissionReport] = []

    public init(problem: String) { self.problem = problem }

    /// Whether each submission got what was expected, and no check of the package failed.
    public var allAsExpected: Bool {
        submissions.allSatisfy(\.asExpected) && !issues.contains { $0.severity == .error }
    }

    /// Whether the judge or the package failed, so that verdicts say nothing of submissions.
    public var hasJudgeError: Bool {
        issues.contains {
            $0.severity == .error && ($0.rule == .doesNotBuild || $0.rule == .unsupported)
        }
            || submissions.contains { $0.verdict == .judgeError }
    }
}

/// What a submission got.
public struct SubmissionReport: Sendable {
    /// Relative to the package, or as the caller named it.
    public var path: ByteString
    /// `nil` when it could not be told.
    public var language: Language?
    public var verdict: Verdict
    /// The verdicts that were expected of the whole, by the package; accepted where nothing was.
    public var expected: [Verdict]
    /// Why the submission did not get what was expected; empty when it did.
    public var failures: [String]
    public var asExpected: Bool { failures.isEmpty }
    /// `nil` where the problem has no scores.
    public var score: Double?
    /// The verdicts and scores of the groups.
    public var total: GroupResult
    /// `nil` when there was nothing to compile.
    public var compile: CompileReport?
    /// In the order of the tests; with ``PackageJudge/stopsAtFirstFailure`` up to the first that failed.
    public var tests: [TestResult]
    /// Why there is no verdict of tests: the submission is in no language, or too large.
    public var message: String?

    public init(
        path: ByteString, language: Language?, verdict: Verdict, expected: [Verdict], failures: [String],
        total: GroupResult, compile: CompileReport? = nil, tests: [TestResult] = [], message: String? = nil
    ) {
        self.path = path
        self.language = language
        self.verdict = verdict
        self.expected = expected
        self.failures = failures
        self.score = total.score
        self.total = total
        self.compile = compile
        self.tests = tests
        self.message = message
    }

    /// The test that took most CPU time.
    public var slowest: TestResult? {
        tests.filter { $0.run != nil }.max { $0.run!.usage.cpuTime < $1.run!.usage.cpuTime }
    }

    /// The most CPU time of a test among some; `nil` when none of them ran, and when one was ended for its time, so that
    /// nobody knows how much it would take.
    func slowestTime(where counts: (String) -> Bool) -> Duration? {
        let runs = tests.filter { counts($0.name) }.compactMap(\.run)
        let isEnded = runs.contains {
            $0.outcome == .limitExceeded(.cpuTime) || $0.outcome == .limitExceeded(.wallTime)
        }
        return isEnded ? nil : runs.map(\.usage.cpuTime).max()
    }
}

/// How far judging a package has come.
public struct PackageProgress: Sendable, Hashable {
    public enum Step: Sendable, Hashable {
        /// Validators are built, inputs and answers are checked.
        case validating
        /// A submission is built.
        case building(ByteString)
        /// A submission runs, so that a time limit can be inferred.
        case timing(ByteString)
        /// A submission is judged.
        case judging(ByteString)
    }

    public var step: Step
    /// Runs of the step that are over.
    public var done: Int
    /// Runs of the step altogether.
    public var total: Int

    public init(step: Step, done: Int, total: Int) {
        self.step = step
        self.done = done
        self.total = total
    }
}
#endif
