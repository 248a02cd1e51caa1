/// Suspends a task until its answer is there, whichever comes first: the answer or the task.

/// A task that waits for one answer. Resume it once, outside the lock.
package struct Waiter<Answer: Sendable>: Sendable {
    private let continuation: CheckedContinuation<Answer, Never>

    /// Calls `start` and suspends until the waiter that it got is resumed, from any thread.
    package static func wait(_ start: (Waiter) -> Void) async -> Answer {
        await withCheckedContinuation { start(Waiter(continuation: $0)) }
    }

    package func resume(returning answer: Answer) { continuation.resume(returning: answer) }
}

extension Waiter where Answer == Void {
    package func resume() { resume(returning: ()) }
}

extension Locked where Value: ~Copyable & Sendable {
    /// Waits for an answer that another task or thread gives.
    ///
    /// - Parameter enter: called with the lock held: returns the answer if it is there already, else stores
    ///   the waiter and returns `nil`.
    package func answer<Answer: Sendable>(
        _ enter: (inout Value, Waiter<Answer>) -> Answer?
    ) async -> Answer {
        let answer = await Waiter<Answer>.wait { waiter in
            if let early = withLock({ value in enter(&value, waiter) }) { waiter.resume(returning: early) }
        }
        follow()
        return answer
    }
}
