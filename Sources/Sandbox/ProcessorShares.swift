/// Chooses the processors of runs with a limit `cpus`, so that runs at the same time have different ones.

import SandboxRuntime
import Synchronization

/// How many runs each processor has; a value without effects.
///
/// Processors are counted from 0 among those that this process may use. A run has consecutive ones, modulo
/// their number.
struct ProcessorLoad: Sendable {
    private(set) var runs: [Int] = []
    /// Where the next search begins, so that equally loaded processors take turns.
    private var next: Int

    /// - Parameter start: a random number, since other processes on this host choose independently.
    init(start: Int) { next = start }

    /// Takes the `count` consecutive processors of `all` with the fewest runs, and returns the first one.
    mutating func take(_ count: Int, of all: Int) -> Int {
        if runs.count < all { runs += Array(repeating: 0, count: all - runs.count) }
        let count = min(count, all)
        var load = 0
        for step in 0..<count { load += runs[(next + step) % all] }
        var best = (first: next % all, load: load)
        for step in 1..<max(all, 1) {
            let first = (next + step) % all
            load += runs[(first + count - 1) % all] - runs[(first + all - 1) % all]
            if load < best.load { best = (first, load) }
        }
        for step in 0..<count { runs[(best.first + step) % all] += 1 }
        next = (best.first + count) % all
        return best.first
    }

    mutating func giveBack(_ first: Int, _ count: Int, of all: Int) {
        for step in 0..<min(count, all) { runs[(first + step) % all] -= 1 }
    }
}

/// The processors of one run, until the run ends.
final class ProcessorShare: Sendable {
    /// The load of all local backends of this process, which share its processors.
    private static let load = Locked(ProcessorLoad(start: Int.random(in: 0..<1 << 16)))

    let first: Int
    private let count: Int
    private let all: Int
    private let isHeld = Atomic(true)

    init(_ count: Int, of all: Int) {
        self.count = count
        self.all = all
        first = Self.load.withLock { $0.take(count, of: all) }
    }

    /// Returns the processors; further calls do nothing.
    func giveBack() {
        guard isHeld.exchange(false, ordering: .acquiringAndReleasing) else { return }
        Self.load.withLock { $0.giveBack(first, count, of: all) }
    }
}
