/// What a backend's pools counted that it no longer has.

package import SandboxAPI

/// The pools that a backend gave up. Each serves until its last sandbox is closed, and what it counted stays counted.
package final class FormerPools<Holder: AnyObject & Sendable>: Sendable {
    private struct State {
        var ending: [Holder] = []
        /// Of those that are at their end.
        var counted = PoolDetails()
    }

    private let details: @Sendable (Holder) -> PoolDetails
    private let state = Locked(State())

    /// - Parameter details: what a pool, or whatever has one, counts.
    package init(_ details: @escaping @Sendable (Holder) -> PoolDetails) { self.details = details }

    /// Counts a pool as long as it ends, and its counters from then on. Does not wait.
    package func end(_ pool: Holder, _ end: @escaping @Sendable (Holder) async -> Void) {
        state.withLock { $0.ending.append(pool) }
        Task.detached { [self] in
            await end(pool)
            var last = details(pool)
            last.sandboxes = []
            state.withLock { state in
                state.ending.removeAll { $0 === pool }
                state.counted = state.counted + last
            }
        }
    }

    /// Those that are not at their end yet.
    package var ending: [Holder] { state.withLock { $0.ending } }

    /// Of all of them together.
    package var total: PoolDetails {
        let (ending, counted) = state.withLock { ($0.ending, $0.counted) }
        return ending.map(details).reduce(counted, +)
    }
}
