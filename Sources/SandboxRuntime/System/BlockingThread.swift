/// Waiting for a call that blocks, without keeping a thread that tasks run on.

import Glibc

/// A thread for work that blocks, so that it takes none of those on which all tasks run.
package enum BlockingThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread, on which all signals are blocked.
    ///
    /// - Parameter refused: makes a failure of the error number when there can be no more threads.
    /// - Returns: what `body` returned.
    package static func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () -> Result<Value, Failure>, refused: (Int32) -> Failure
    ) async -> Result<Value, Failure> {
        await Waiter.wait { waiter in
            let number = start { waiter.resume(returning: body()) }
            if number != 0 { waiter.resume(returning: .failure(refused(number))) }
        }
    }

    /// Starts a thread that runs `body`, with all signals blocked, and ends with it.
    ///
    /// - Returns: 0 or an error number; `body` does not run then.
    package static func start(_ body: @escaping @Sendable () -> Void) -> Int32 {
        // Every signal is blocked while the thread is made, so that it inherits that.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        if result == 0 {
            pthread_detach(thread)
        } else {
            work.release()
        }
        return result
    }
}
