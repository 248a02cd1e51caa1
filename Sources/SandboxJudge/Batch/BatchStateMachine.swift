/// Which tests of a batch run when, and which results come in which order. Pure.

#if Judge
/// Starts tests in their order, at most `jobs` at a time, and says which results the consumer gets.
///
/// Without `stopsAtFirstFailure` each result is delivered when its test ends. With it, exactly the tests up to the first
/// failure are delivered, in their order, whatever order they ended in: a test that fails may yet turn out not to be the
/// first, so the results behind a test that runs are held back.
struct BatchStateMachine {
    /// How far tests may run ahead of the first one without a result, so that what is held back is bounded.
    static let window = 64

    struct Deliveries {
        /// Results for the consumer, in order.
        var results: [TestResult] = []
        /// Running tests whose results nobody needs.
        var cancelled: [Int] = []
    }

    private let jobs: Int
    private let stopsAtFirstFailure: Bool
    private var next = 0
    private var running: Set<Int> = []
    private var isExhausted = false
    /// Results that wait for earlier ones.
    private var held: [Int: TestResult] = [:]
    /// The first test whose result was not delivered.
    private var head = 0
    private var firstFailure: Int?

    init(jobs: Int, stopsAtFirstFailure: Bool) {
        self.jobs = jobs
        self.stopsAtFirstFailure = stopsAtFirstFailure
    }

    /// Tests that were started.
    var started: Int { next }
    var runningTests: Int { running.count }

    /// Whether a further test may start now.
    var canStart: Bool {
        !isExhausted && firstFailure == nil && running.count < jobs
            && (!stopsAtFirstFailure || next - head < max(Self.window, jobs))
    }

    /// A test starts; returns its number, from 0.
    mutating func start() -> Int {
        defer { next += 1 }
        running.insert(next)
        return next
    }

    /// There are no more tests.
    mutating func exhausted() { isExhausted = true }

    /// A test ended.
    ///
    /// - Parameter result: `nil` for a test that was cancelled.
    mutating func ended(_ index: Int, _ result: TestResult?) -> Deliveries {
        running.remove(index)
        guard let result else { return Deliveries() }
        guard stopsAtFirstFailure else { return Deliveries(results: [result]) }
        // Another one before it has failed meanwhile.
        if let firstFailure, index > firstFailure { return Deliveries() }
        var deliveries = Deliveries()
        held[index] = result
        if result.verdict != .accepted {
            firstFailure = index
            deliveries.cancelled = running.filter { $0 > index }.sorted()
            held = held.filter { $0.key <= index }
        }
        while let ready = held.removeValue(forKey: head) {
            deliveries.results.append(ready)
            head += 1
        }
        return deliveries
    }
}
#endif
