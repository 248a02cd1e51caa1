/// Ends a run on SIGINT, SIGTERM or SIGHUP: cancels it, lets everything be killed, then exits.

#if CLI
import Glibc
import SandboxRuntime
import Synchronization

enum Interruption {
    private struct State {
        var cancel: (@Sendable () -> Void)?
        var patience = Interruption.patience
        var received: Int32?
    }

    private static let state = Mutex(State())

    /// How long a cancelled run may take to end before the command exits anyway; the supervisor then kills
    /// all processes.
    static let patience = Duration.seconds(3)

    /// The pipe from the signal handlers to the thread that acts on them, open until the process ends. Set once, before
    /// the first handler is installed; initialized with constants, so that a handler runs no lazy initialization.
    nonisolated(unsafe) private static var readEnd: Int32 = -1
    nonisolated(unsafe) private static var writeEnd: Int32 = -1

    /// The signal that interrupted the run.
    static var received: Int32? { state.withLock { $0.received } }

    /// Installs the signal handlers; for SIGHUP only where the parent did not ignore it (`nohup`).
    ///
    /// Uses handlers: blocking the signals fails, since the runtime's main thread waits with no signal
    /// blocked.
    ///
    /// - Returns: 0 or an error number; then no handler is installed.
    static func install() -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return errno }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        readEnd = ends[0]
        writeEnd = ends[1]
        let failure = BlockingThread.start { Interruption.wait() }
        guard failure == 0 else { return failure }

        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            let before = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = write(Interruption.writeEnd, &byte, 1)
            errno = before
        }
        action.sa_flags = SA_RESTART
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        if !isIgnored(SIGHUP) { sigaction(SIGHUP, &action, nil) }
        return 0
    }

    /// Runs `body` as a task that the signals cancel.
    ///
    /// - Parameter patience: how long everything after a signal may take.
    static func cancelling<Value: Sendable>(
        patience: Duration = patience, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task { try await body() }
        state.withLock { state in
            state.cancel = { task.cancel() }
            state.patience = patience
        }
        defer { state.withLock { $0.cancel = nil } }
        return try await task.value
    }

    private static func wait() {
        let number = nextSignal()
        let (cancel, patience) = state.withLock { state in
            if state.cancel != nil { state.received = number }
            return (state.cancel, state.patience)
        }
        if let cancel {
            cancel()
            // A second signal, or the patience is over.
            var event = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
            _ = poll(&event, 1, Int32(clamping: patience.components.seconds * 1000))
        }
        _exit(ExitStatus.signalBase + number)
    }

    private static func nextSignal() -> Int32 {
        var byte: UInt8 = 0
        while read(readEnd, &byte, 1) != 1 {}
        return Int32(byte)
    }

    private static func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        sigaction(signal, nil, &action)
        // SIG_IGN, compared by its bits: Swift cannot compare function pointers.
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
#endif
