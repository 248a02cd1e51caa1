/// Suspending until an answer is there, whichever comes first: the answer or the one who waits for it.

/// Somebody who waits for one answer: to be resumed once, outside the lock.
package struct Waiter<Answer: Sendable>: Sendable {
    private let continuation: CheckedContinuation<Answer, Never>

    /// Waits for the answer of what `start` sets going: a call of somebody else's, on a thread of his own.
    package static func wait(_ start: (Waiter) -> Void) async -> Answer {
        await withCheckedContinuation { start(Waiter(continuation: $0)) }
    }

    package func resume(returning answer: Answer) { continuation.resume(returning: answer) }
}

extension Waiter where Answer == Void {
    package func resume() { resume(returning: ()) }
}

extension Locked where Value: ~Copyable & Sendable {
    /// Waits for an answer that somebody else gives.
    ///
    /// - Parameter enter: called with the lock held: returns the answer where it is there already, else keeps the waiter
    ///   and returns `nil`.
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
