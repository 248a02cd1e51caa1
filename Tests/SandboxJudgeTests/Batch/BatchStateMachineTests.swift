#if Judge
import TestSupport
import Testing

@testable import SandboxJudge

@Suite("Which tests of a batch run, and which results come")
struct BatchStateMachineTests {
    private func result(_ index: Int, _ verdict: Verdict) -> TestResult {
        TestResult(name: "\(index)", index: index, verdict: verdict, run: nil)
    }

    /// Plays a batch whose tests end in a random order; returns what was delivered, and what was started.
    private func play(
        _ verdicts: [Verdict], jobs: Int, stops: Bool, _ random: inout SeededGenerator
    ) -> (delivered: [TestResult], started: Int) {
        var machine = BatchStateMachine(jobs: jobs, stopsAtFirstFailure: stops)
        var running: [Int] = []
        var cancelled: Set<Int> = []
        var delivered: [TestResult] = []
        while true {
            while machine.canStart {
                guard machine.started < verdicts.count else {
                    machine.exhausted()
                    break
                }
                running.append(machine.start())
                #expect(running.count <= jobs)
                #expect(machine.runningTests == running.count)
            }
            guard let place = running.indices.randomElement(using: &random) else { break }
            let index = running.remove(at: place)
            // A test that was cancelled may end by itself all the same.
            let isGone = cancelled.contains(index) && Bool.random(using: &random)
            let deliveries = machine.ended(index, isGone ? nil : result(index, verdicts[index]))
            for index in deliveries.cancelled { #expect(running.contains(index)) }
            cancelled.formUnion(deliveries.cancelled)
            delivered += deliveries.results
        }
        return (delivered, machine.started)
    }

    @Test("Each result comes once, when its test ends")
    func all() {
        for seed in 0..<200 {
            var random = SeededGenerator(seed: UInt64(seed))
            let verdicts = (0..<Int.random(in: 0..<90, using: &random)).map { _ in
                Bool.random(using: &random) ? Verdict.accepted : .wrongAnswer
            }
            let jobs = Int.random(in: 1..<9, using: &random)
            let played = play(verdicts, jobs: jobs, stops: false, &random)
            #expect(played.delivered.map(\.index).sorted() == Array(verdicts.indices))
        }
    }

    @Test("With a stop at the first failure the results are those up to it, in order, whatever the timing")
    func stops() {
        for seed in 0..<400 {
            var random = SeededGenerator(seed: UInt64(seed))
            let count = Int.random(in: 0..<200, using: &random)
            let verdicts = (0..<count).map { _ -> Verdict in
                switch Int.random(in: 0..<30, using: &random) {
                case 0: .wrongAnswer
                case 1: .judgeError
                default: .accepted
                }
            }
            let jobs = Int.random(in: 1..<9, using: &random)
            let played = play(verdicts, jobs: jobs, stops: true, &random)
            let last = verdicts.firstIndex { $0 != .accepted } ?? count - 1
            #expect(played.delivered.map(\.index) == Array(0..<(last + 1)))
            #expect(played.started <= last + 1 + max(BatchStateMachine.window, jobs))
        }
    }

    @Test("What is held back behind a slow test is bounded")
    func window() {
        var machine = BatchStateMachine(jobs: 4, stopsAtFirstFailure: true)
        #expect(machine.start() == 0)
        while machine.canStart {
            let index = machine.start()
            #expect(machine.ended(index, result(index, .accepted)).results == [])
        }
        #expect(machine.started == BatchStateMachine.window)
        let deliveries = machine.ended(0, result(0, .accepted))
        #expect(deliveries.results.map(\.index) == Array(0..<BatchStateMachine.window))
        #expect(machine.canStart)
    }

    @Test("The summary is by the order of the tests, not by that of the results")
    func summary() {
        var late = result(3, .timeLimitExceeded)
        late.run = someRun(.limitExceeded(.cpuTime), wall: .seconds(3), cpu: .seconds(2))
        var early = result(1, .wrongAnswer)
        early.check = CheckResult(.wrongAnswer, score: 0.5)
        var summary = BatchSummary([late, early, result(0, .accepted)])
        #expect(summary.verdict == .wrongAnswer)
        #expect(summary.decisive == early)
        #expect((summary.tests, summary.accepted) == (3, 1))
        #expect(summary.maxWallTime == .seconds(3))
        #expect(summary.maxCPUTime == .seconds(2))
        #expect((summary.maxPeakMemory, summary.maxResidentPeak) == (1000, 500))
        #expect(summary.score == 0.5)
        summary = BatchSummary([result(0, .accepted)])
        #expect(summary.verdict == .accepted)
        #expect(summary.score == nil)
        #expect(BatchSummary().verdict == .accepted)
    }

    @Test("Factors and offsets of a language")
    func factors() {
        let limits = Limits(wallTime: .seconds(4), cpuTime: .seconds(2), memory: 64 << 20)
        let adapted = LimitFactors(
            time: 2.5, timeOffset: .milliseconds(500), memory: 2, memoryOffset: 32 << 20)(limits)
        #expect(adapted.wallTime == .milliseconds(10_500))
        #expect(adapted.cpuTime == .milliseconds(5500))
        #expect(adapted.memory == 160 << 20)
        #expect(adapted.output == limits.output)
        #expect(LimitFactors.none(limits) == limits)
        #expect(LimitFactors(time: 1e300, memory: 1e300)(limits).cpuTime == .seconds(86_400))
    }
}
#endif
