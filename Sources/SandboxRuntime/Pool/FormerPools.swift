/// The counters of pools that a backend has given up.

package import SandboxAPI

/// The pools that a backend gave up. Each serves until its last sandbox is closed, and its counts stay in the
/// total.
package final class FormerPools<Holder: AnyObject & Sendable>: Sendable {
    private struct State {
        var ending: [Holder] = []
        /// The counts of pools that have ended.
        var counted = PoolDetails()
    }

    private let details: @Sendable (Holder) -> PoolDetails
    private let state = Locked(State())

    /// - Parameter details: gives a pool's counts.
    package init(_ details: @escaping @Sendable (Holder) -> PoolDetails) { self.details = details }

    /// Ends a pool, and adds its counts to the total while it ends and afterwards. Does not wait.
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

    /// The pools that have not ended yet.
    package var ending: [Holder] { state.withLock { $0.ending } }

    /// The counts of all given-up pools together.
    package var total: PoolDetails {
        let (ending, counted) = state.withLock { ($0.ending, $0.counted) }
        return ending.map(details).reduce(counted, +)
    }
}
