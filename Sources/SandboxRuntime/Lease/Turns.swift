/// Runs callers one after another.

import SandboxAPI

/// Lets callers in one at a time, in order of arrival; usually there is no other caller.
package final class Turns: Sendable {
    private struct State: Sendable {
        var isTaken: Bool
        var queue: [Waiter<Void>] = []

        mutating func take() -> Bool {
            defer { isTaken = true }
            return !isTaken
        }
    }

    private let state: Locked<State>

    /// - Parameter isTaken: whether the first turn has begun already.
    package init(isTaken: Bool = false) { state = Locked(State(isTaken: isTaken)) }

    /// Waits for a turn, which ``end()`` ends.
    package func begin() async {
        if state.withLock({ $0.take() }) { return }
        await state.answer { state, waiter in
            if state.take() { return () }
            state.queue.append(waiter)
            return nil
        }
    }

    package func end() {
        let next = state.withLock { state -> Waiter<Void>? in
            // With a caller in the queue the turn passes on to it.
            state.isTaken = !state.queue.isEmpty
            return state.queue.isEmpty ? nil : state.queue.removeFirst()
        }
        next?.resume()
    }
}
