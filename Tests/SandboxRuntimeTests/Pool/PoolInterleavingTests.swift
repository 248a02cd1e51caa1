/// Tests tens of thousands of random interleavings of all events, with a check after each step.

import SandboxAPI
import Testing

@testable import SandboxRuntime

@Suite struct PoolInterleavingTests {
    /// Seeds of one batch; batches run in parallel.
    static let batch: UInt64 = 2_500

    @Test(arguments: 0..<8 as Range<UInt64>) func invariantsHold(_ number: UInt64) {
        for seed in number * Self.batch..<(number + 1) * Self.batch {
            var simulation = PoolSimulation(seed: seed)
            simulation.run(events: 40)
            if let fault = simulation.faults.first {
                Issue.record("seed \(seed): \(fault). Story: \(simulation.story)")
                return
            }
        }
    }

    @Test func invariantsHoldInLongRuns() {
        for seed in 1_000_000..<1_000_020 as Range<UInt64> {
            var simulation = PoolSimulation(seed: seed)
            simulation.run(events: 2_000)
            if let fault = simulation.faults.first {
                Issue.record("seed \(seed): \(fault). Story: \(simulation.story)")
                return
            }
        }
    }
}
