/// Tests deadlines: their order, and that cancelled ones leave nothing.

import TestSupport
import Testing

@testable import Sandbox

struct DeadlinesTests {
    @Test func comeInTheOrderOfTheirTimes() {
        var random = SeededGenerator(seed: 1)
        var deadlines = Deadlines<Int>()
        var expected: [Int] = []
        var ids: [(Deadlines<Int>.ID, Int)] = []
        for _ in 0..<2_000 {
            let time = Int.random(in: 0..<1_000_000, using: &random)
            ids.append((deadlines.add(at: UInt64(time), time), time))
        }
        for (id, time) in ids {
            if Bool.random(using: &random) { deadlines.remove(id) } else { expected.append(time) }
        }
        #expect(deadlines.count == expected.count)
        var seen: [Int] = []
        for now in stride(from: UInt64(0), through: 1_000_000, by: 10_000) {
            while let due = deadlines.takeDue(now: now) {
                #expect(due <= now)
                seen.append(due)
            }
            if let next = deadlines.nextTime() { #expect(next > now) }
        }
        #expect(seen == expected.sorted())
        #expect(deadlines.count == 0)
    }

    /// As runs do: each sets a deadline far away, and cancels it.
    @Test func thoseCalledOffDoNotPileUp() {
        var deadlines = Deadlines<Void>()
        let kept = deadlines.add(at: 5, ())
        for time in 0..<100_000 {
            deadlines.remove(deadlines.add(at: UInt64(1_000_000 + time), ()))
            #expect(deadlines.heapCount <= 66)
        }
        #expect(deadlines.count == 1)
        #expect(deadlines.nextTime() == 5)
        deadlines.remove(kept)
        deadlines.remove(kept)
        #expect(deadlines.nextTime() == nil)
        #expect(deadlines.takeDue(now: .max) == nil)
    }

    @Test func theLoopKeepsThem() async throws {
        let loop = try EventLoop()
        let start = ContinuousClock.now
        let never = loop.schedule(after: .milliseconds(50)) { Issue.record("it was called off") }
        loop.callOff(never)
        for delay in [120, 40, 80] {
            async let waited: Void = withCheckedContinuation { continuation in
                _ = loop.schedule(after: .milliseconds(delay)) { continuation.resume() }
            }
            await waited
            #expect(ContinuousClock.now - start >= .milliseconds(delay))
        }
        loop.stop()
    }
}
