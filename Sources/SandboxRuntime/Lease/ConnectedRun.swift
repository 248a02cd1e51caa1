/// Runs whose streams are connected to other runs: what a conversation needs of a place beyond an ordinary run.

package import CIsolate
package import SandboxAPI

/// A place whose programs can have descriptors of this process as their streams: ``PlacedRequest/ends``.
package protocol DescriptorPlace: SandboxPlace {}

/// A run whose streams can be ended one by one, and that can be looked at.
package protocol ConnectedRun: RunUnderWay {
    /// Nobody reads this output any more: the program's next write to it gets SIGPIPE or EPIPE.
    func closeOutput(_ stream: Execution.Chunk.Stream)
    /// What the run is doing at this moment; `nil` when nobody can tell.
    func look() async -> RunLook?
}

/// What a run was doing when its slot looked at it.
package struct RunLook: Sendable, Hashable {
    package enum Activity: Sendable, Hashable {
        /// Nothing but waiting for its stdin: one thread, asleep in `read` of a pipe, and no timer of its own can wake it.
        case waitingForInput
        /// Its only thread runs, or sleeps for a time of its own choice.
        case busy
        /// Several threads or processes, or another call: it may wait or go on by itself.
        case unknown
    }
    package var activity: Activity
    /// How often its only thread went to sleep or was put off a processor: two equal numbers mean that it did nothing
    /// in between.
    package var switches: UInt64
    /// CPU time so far, in ns, that of its process before exec included.
    package var cpuTime: UInt64

    package init(_ activity: Activity, switches: UInt64 = 0, cpuTime: UInt64 = 0) {
        self.activity = activity
        self.switches = switches
        self.cpuTime = cpuTime
    }

    package init(_ record: isolate_status_record) {
        let activity: Activity =
            switch isolate_activity(UInt32(bitPattern: record.value)) {
            case ISOLATE_ACTIVITY_INPUT: .waitingForInput
            case ISOLATE_ACTIVITY_OWN: .busy
            default: .unknown
            }
        self.init(activity, switches: record.identity, cpuTime: record.bytes)
    }
}

/// Ends of pipes that a program gets as its streams. Each is taken once, and closes in this process as soon as the program
/// has its own copy; one that nobody takes closes with this object.
package final class ProgramEnds: Sendable {
    private let stdin = Locked<OwnedDescriptor?>(nil)
    private let stdout = Locked<OwnedDescriptor?>(nil)
    private let stderr = Locked<OwnedDescriptor?>(nil)
    /// Further descriptors of its outputs: while they are open, a reader does not see the end of the file.
    private let heldStdout = Locked<OwnedDescriptor?>(nil)
    private let heldStderr = Locked<OwnedDescriptor?>(nil)

    package init() {}

    package func setInput(_ end: consuming OwnedDescriptor) {
        var end: OwnedDescriptor? = consume end
        stdin.withLock { $0 = end.take() }
    }

    package func setOutput(_ stream: Execution.Chunk.Stream, _ end: consuming OwnedDescriptor) {
        var end: OwnedDescriptor? = consume end
        switch stream {
        case .stdout: stdout.withLock { $0 = end.take() }
        case .stderr: stderr.withLock { $0 = end.take() }
        }
    }

    /// Keeps an end open until ``close()``.
    package func hold(_ stream: Execution.Chunk.Stream, _ end: consuming OwnedDescriptor) {
        var end: OwnedDescriptor? = consume end
        switch stream {
        case .stdout: heldStdout.withLock { $0 = end.take() }
        case .stderr: heldStderr.withLock { $0 = end.take() }
        }
    }

    package func takeInput() -> OwnedDescriptor? { stdin.withLock { $0.take() } }

    package func takeOutput(_ stream: Execution.Chunk.Stream) -> OwnedDescriptor? {
        switch stream {
        case .stdout: stdout.withLock { $0.take() }
        case .stderr: stderr.withLock { $0.take() }
        }
    }
}

extension ProgramEnds {
    /// Closes those that nobody took, and those that are held.
    package func close() {
        _ = takeInput()
        _ = takeOutput(.stdout)
        _ = takeOutput(.stderr)
        heldStdout.withLock { $0 = nil }
        heldStderr.withLock { $0 = nil }
    }
}

/// Ends a run, or one of its outputs, from outside, whether it has started yet or not.
package final class RunControl: Sendable {
    /// Finds the run that the task's call leads to, through whatever is around a ``PlacedSandbox``: a fallback, or a
    /// backend of somebody else's that uses one of this library.
    @TaskLocal package static var current: RunControl?

    private struct State: Sendable {
        var run: (any RunUnderWay)?
        /// How to end a run of a backend that has no ``PlacedSandbox``.
        var cancel: (@Sendable () -> Void)?
        var isStopped = false
        var isOver = false
        var exceeded: Execution.Chunk.Stream?
        var closed: [Execution.Chunk.Stream] = []
        var endedAt: UInt64?
    }

    private let state = Locked(State())

    package init() {}

    /// When the run began to end, as ``RunEnd/endedAt``.
    package var endedAt: UInt64? { state.withLock { $0.endedAt } }
    package var isStopped: Bool { state.withLock { $0.isStopped } }

    package func started(_ run: any RunUnderWay) {
        let before = state.withLock { state in
            state.run = run
            state.isOver = false
            return state
        }
        if let stream = before.exceeded { run.output.markExceeded(stream) }
        for stream in before.closed { (run as? any ConnectedRun)?.closeOutput(stream) }
        if before.isStopped { Self.kill(run) }
    }

    /// The run is one of another backend. `cancel` ends it without a result, if it leads to no run that can be killed.
    package func started(cancelling cancel: @escaping @Sendable () -> Void) {
        let isStopped = state.withLock { state in
            state.cancel = cancel
            return state.isStopped
        }
        if isStopped { cancel() }
    }

    package func ended(at time: UInt64?) {
        state.withLock { state in
            state.endedAt = time
            state.isOver = true
        }
    }

    /// Whatever it led to is over.
    package func ended() { state.withLock { $0.isOver = true } }

    /// Kills every process of the run. Its result says what it used until then; its outcome is `signaled(SIGKILL)`.
    package func stop() {
        let (run, cancel) = state.withLock { state in
            state.isStopped = true
            return (state.run, state.cancel)
        }
        if let run { Self.kill(run) } else { cancel?() }
    }

    private static func kill(_ run: any RunUnderWay) {
        run.output.markStopped()
        run.kill()
    }

    /// Kills the run because an output is larger than its bound: its outcome is `limitExceeded(.output)`.
    package func exceed(_ stream: Execution.Chunk.Stream) {
        state.withLock { state -> (any RunUnderWay)? in
            state.exceeded = stream
            return state.run
        }?.output.markExceeded(stream)
        stop()
    }

    /// Nobody reads this output any more.
    package func closeOutput(_ stream: Execution.Chunk.Stream) {
        let run = state.withLock { state in
            state.closed.append(stream)
            return state.run
        }
        (run as? any ConnectedRun)?.closeOutput(stream)
    }

    /// What the run is doing; `nil` when it has not started, is over, or cannot be looked at.
    package func look() async -> RunLook? {
        let run = state.withLock { $0.isOver ? nil : $0.run }
        return await (run as? any ConnectedRun)?.look()
    }
}
