/// Waits for a task that several callers wait for, with cancellation and a timeout.

import SandboxAPI

/// How waiting for a shared task ended; the task itself goes on in any case.
package enum Awaited<Value: Sendable>: Sendable {
    case value(Value)
    /// The waiting task was cancelled.
    case cancelled
    case timedOut

    /// Waits for `task`: until it is done, the waiting task is cancelled, or `timeout` has passed.
    package init(_ task: Task<Value, Never>, within timeout: Duration? = nil) async {
        let race = Race<Self>()
        Task.detached { race.finish(.value(await task.value)) }
        let timer = timeout.map { timeout in
            Task.detached {
                // The runtime counts nanoseconds in 64 bits, so longer waits are cut to a day.
                if (try? await Task.sleep(for: min(timeout, .seconds(86_400)))) != nil {
                    race.finish(.timedOut)
                }
            }
        }
        self = await withTaskCancellationHandler {
            await race.result()
        } onCancel: {
            race.finish(.cancelled)
        }
        timer?.cancel()
    }
}

/// Takes the first result of several.
private final class Race<Value: Sendable>: Sendable {
    private struct State: Sendable {
        var value: Value?
        var waiter: Waiter<Value>?
    }

    private let state = Locked(State())

    func finish(_ value: Value) {
        let waiter = state.withLock { state -> Waiter<Value>? in
            guard state.value == nil else { return nil }
            state.value = value
            return state.waiter
        }
        waiter?.resume(returning: value)
    }

    func result() async -> Value {
        await state.answer { state, waiter in
            if state.value == nil { state.waiter = waiter }
            return state.value
        }
    }
}
