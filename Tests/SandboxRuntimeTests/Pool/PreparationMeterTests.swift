/// Tests what the observer of a preparation is told.

import SandboxAPI
import SandboxRuntime
import Testing

/// What an observer was told.
private final class Reports: Sendable {
    private let list = Locked<[PreparationProgress]>([])
    var all: [PreparationProgress] { list.withLock { $0 } }
    func add(_ report: PreparationProgress) { list.withLock { $0.append(report) } }
}

@Suite struct PreparationMeterTests {
    private let reports = Reports()

    private func meter(_ image: String = "x") throws -> PreparationMeter {
        let meter = PreparationMeter(image) { [reports] in reports.add($0) }
        return try #require(meter)
    }

    private var told: [PreparationProgress] { reports.all }

    @Test func withoutAnObserverThereIsNoMeter() {
        let meter = PreparationMeter("x", nil)
        #expect(meter == nil)
    }

    @Test func stepsAndTheEndAreAlwaysTold() throws {
        let meter = try meter()
        meter.advance(5)  // before any step: nothing to tell
        meter.begin(.reading, total: 10)
        meter.advance(3)  // less than 50 ms later, so not told by itself
        meter.begin(.unpacking)
        meter.finish()
        meter.finish()
        meter.begin(.loading)
        meter.advance(1)
        #expect(told.map(\.step) == [.reading, .unpacking, .unpacking])
        #expect(told.map(\.isFinished) == [false, false, true])
        #expect(told[0].totalBytes == 10 && told[1].totalBytes == nil && told[0].completedBytes == 0)
        #expect(Set(told.map(\.preparation)).count == 1 && told.allSatisfy { $0.image == "x" })
    }

    @Test func bytes() throws {
        let meter = try meter()
        meter.begin(.pulling, total: 10)
        meter.set(done: 4, total: 8)
        meter.advance(3)
        meter.finish()
        #expect(told.last?.completedBytes == 7 && told.last?.totalBytes == 8)
        let many = try self.meter()
        many.begin(.reading, total: 10)
        many.advance(25)
        many.finish()
        // Never more than all.
        #expect(told.last?.completedBytes == 10)
        #expect(told.last?.preparation != told.first?.preparation)
    }
}
