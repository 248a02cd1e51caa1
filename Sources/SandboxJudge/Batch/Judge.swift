/// Judges a program on many tests.

#if Judge
import Glibc
public import Runners

/// Runs a program on the tests of a problem, each in a fresh sandbox, and says a verdict of each.
///
/// ```swift
/// let judge = Judge(program, on: backend, limits: Limits(wallTime: .seconds(4), cpuTime: .seconds(2)))
/// for try await result in judge.judge(tests) { print(result.name, result.verdict) }
/// ```
///
/// A failure of the sandbox or of the checker is a result with ``Verdict/judgeError``, and not an error.
public struct Judge: Sendable {
    /// Where the program runs, and a checker that is a program.
    public var backend: any SandboxBackend
    /// The submission.
    public var program: Program
    /// What judges the output of a run that succeeded.
    public var checker: any Checker
    /// The limits of tests that have none of their own.
    public var limits: Limits
    /// What the program's language needs more: applied to ``limits`` and to those of each test.
    public var limitFactors: LimitFactors
    /// How many tests run at one time, at least 1. A test holds one sandbox at a time, its program's or its checker's.
    ///
    /// Times are only as good as the processors are free: with more runs than processors they take each other's.
    public var jobs: Int
    /// Whether the first failure ends the batch.
    ///
    /// Then the results are exactly those of the tests up to the first, in the order of the tests, that is not accepted,
    /// in that order, whatever `jobs` is. Tests behind it are not started, or cancelled and without a result.
    public var stopsAtFirstFailure: Bool
    /// The image, the root file system's mode and the least isolation accepted, for the program's runs.
    public var options: SandboxOptions
    /// Called when a test starts or ends, from whatever thread; it should return at once.
    public var progress: (@Sendable (BatchProgress) -> Void)?

    /// A judge of one program; see the properties. ``jobs`` is by default the number of ``processors``.
    public init(
        _ program: Program, on backend: any SandboxBackend, checker: any Checker = TokenChecker(),
        limits: Limits = .standard, limitFactors: LimitFactors = .none, jobs: Int = Judge.processors,
        stopsAtFirstFailure: Bool = false, options: SandboxOptions = SandboxOptions(),
        progress: (@Sendable (BatchProgress) -> Void)? = nil
    ) {
        self.backend = backend
        self.program = program
        self.checker = checker
        self.limits = limits
        self.limitFactors = limitFactors
        self.jobs = jobs
        self.stopsAtFirstFailure = stopsAtFirstFailure
        self.options = options
        self.progress = progress
    }

    /// How many processors are online.
    public static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// Judges the program on tests; results come as the tests end.
    ///
    /// Each iteration of the sequence is a batch of its own, which starts with the first `next()`. At most ``jobs`` results
    /// are ready ahead of the consumer; a slower one makes the batch wait. Dropping the iterator cancels what still runs;
    /// it is gone a moment later. Use ``summary(of:each:)`` where it has to be gone on return.
    ///
    /// - Parameter tests: taken one after another as they start. Their names are unique.
    public func judge<Tests: Sequence<TestCase> & Sendable>(_ tests: Tests) -> TestResults {
        TestResults(judge: self, tests: tests)
    }

    /// Judges the program on tests, and says what became of all together.
    ///
    /// When it returns or throws, nothing of the batch is left: no sandbox, no process, no task.
    ///
    /// - Parameters:
    ///   - tests: taken one after another as they start. Their names are unique.
    ///   - body: called with each result, one at a time; when it throws, the batch is cancelled.
    /// - Returns: the submission's verdict, by the first test in their order that is not accepted, and the figures.
    /// - Throws: `SandboxError`: `.cancelled`; `.invalidArgument` for two tests of one name, or `jobs` below 1; and
    ///   whatever `body` throws.
    public func summary<Tests: Sequence<TestCase> & Sendable>(
        of tests: Tests, each body: (TestResult) async throws -> Void = { _ in }
    ) async throws -> BatchSummary {
        var summary = BatchSummary()
        var results = judge(tests).makeAsyncIterator()
        do {
            while let result = try await results.next() {
                summary.add(result)
                try await body(result)
            }
        } catch {
            await results.cancel()
            throw error
        }
        await results.cancel()
        return summary
    }
}

/// How far a batch is.
public struct BatchProgress: Sendable, Hashable {
    /// As many tests as are known: the sequence's `underestimatedCount` (an array's count), or those that started, if
    /// these are more.
    public var tests: Int
    /// Tests that are under way.
    public var running: Int
    /// Tests that ended; with ``Judge/stopsAtFirstFailure`` those that were cancelled, too.
    public var ended: Int
    /// Tests that ended and were not accepted.
    public var failed: Int

    public init(tests: Int, running: Int, ended: Int, failed: Int) {
        self.tests = tests
        self.running = running
        self.ended = ended
        self.failed = failed
    }
}
#endif
