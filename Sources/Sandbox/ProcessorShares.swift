/// Which processors the runs with a limit `cpus` get, so that runs at the same time have different ones.

import SandboxRuntime
import Synchronization

/// How many runs each processor has; a value, without effects.
///
/// Processors are counted from 0 among those that this process may use. A run has neighbours, from a first one on and around.
struct ProcessorLoad: Sendable {
    private(set) var runs: [Int] = []
    /// Where the next search begins: equals take turns.
    private var next: Int

    /// - Parameter start: other processes on this host choose, too, and know nothing of us: a random number.
    init(start: Int) { next = start }

    /// The first of `count` of `all` processors that have the fewest runs.
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

/// The processors of one run, until it gives them back.
final class ProcessorShare: Sendable {
    /// Of all local backends of this process, which have the same processors.
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

    /// Any number of times.
    func giveBack() {
        guard isHeld.exchange(false, ordering: .acquiringAndReleasing) else { return }
        Self.load.withLock { $0.giveBack(first, count, of: all) }
    }
}
