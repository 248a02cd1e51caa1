/// What a batch says of a submission. Pure.

#if Judge
/// A submission's verdict and figures, folded from the results of its tests in whatever order they come.
public struct BatchSummary: Sendable, Hashable {
    /// The verdict of the first test, in the order of the tests, that is not accepted; ``Verdict/accepted`` when there is
    /// none.
    public var verdict: Verdict { decisive?.verdict ?? .accepted }
    /// The test that decided; `nil` when all were accepted.
    public private(set) var decisive: TestResult?
    /// How many results there were.
    public private(set) var tests = 0
    /// How many of them were accepted.
    public private(set) var accepted = 0
    /// The longest wall time of a test's run.
    public private(set) var maxWallTime = Duration.zero
    /// The most CPU time of a test's run.
    public private(set) var maxCPUTime = Duration.zero
    /// The highest `peakMemory` of a test's run, in bytes.
    public private(set) var maxPeakMemory = 0
    /// The highest `residentPeak` of a test's run, in bytes.
    public private(set) var maxResidentPeak = 0
    /// The sum of the scores that the checker gave; `nil` when it gave none.
    public private(set) var score: Double?

    public init() {}

    /// The summary of some results.
    public init(_ results: some Sequence<TestResult>) {
        for result in results { add(result) }
    }

    public mutating func add(_ result: TestResult) {
        tests += 1
        if result.verdict == .accepted {
            accepted += 1
        } else if decisive.map({ result.index < $0.index }) ?? true {
            decisive = result
        }
        if let usage = result.run?.usage {
            maxWallTime = max(maxWallTime, usage.wallTime)
            maxCPUTime = max(maxCPUTime, usage.cpuTime)
            maxPeakMemory = max(maxPeakMemory, usage.peakMemory)
            maxResidentPeak = max(maxResidentPeak, usage.residentPeak)
        }
        if let points = result.check?.score { score = (score ?? 0) + points }
    }
}
#endif
