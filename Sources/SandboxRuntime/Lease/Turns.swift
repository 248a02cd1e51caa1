/// One after another.

import SandboxAPI

/// Lets callers in one at a time, in the order in which they came; almost always nobody is there.
package final class Turns: Sendable {
    private struct State {
        var isTaken: Bool
        var queue: [CheckedContinuation<Void, Never>] = []

        mutating func take() -> Bool {
            defer { isTaken = true }
            return !isTaken
        }
    }

    private let state: Locked<State>

    /// - Parameter isTaken: the first turn has begun.
    package init(isTaken: Bool = false) { state = Locked(State(isTaken: isTaken)) }

    /// Waits for a turn, which ``end()`` ends.
    package func begin() async {
        if state.withLock({ $0.take() }) { return }
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.take() { return true }
                state.queue.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        state.follow()
    }

    package func end() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            // With somebody in the queue the turn passes on.
            state.isTaken = !state.queue.isEmpty
            return state.queue.isEmpty ? nil : state.queue.removeFirst()
        }
        next?.resume()
    }
}
