/// One program from its start to its end: a thread copies its bytes, enforces the two limits, and reaps it.
import Foundation
import SandboxAPI
import Synchronization

/// A running program. A thread of its own makes the blocking calls; callers wait without a thread.
final class ProcessRun: Sendable {
    /// What ended the run; the first cause wins.
    enum Cause: Sendable { case itself, killed, wallTime, output }

    struct End: Sendable {
        var cause: Cause
        /// As `wait4` returns them.
        var status: Int32
        var resources: rusage
        var wallTime: Duration
        var stdout: [UInt8]
        var stderr: [UInt8]
        var isTruncated: [Bool]
    }

    private enum Mode { case collect, stream, discard }

    private struct State {
        var mode: Mode
        var cause: Cause?
        var hasExited = false
        var kept: [[UInt8]] = [[], []]
        var counts = [0, 0]
        var isTruncated = [false, false]
        var chunks: [Execution.Chunk] = []
        var chunkBytes = 0
        var consumers: [CheckedContinuation<Execution.Chunk?, Never>] = []
        var end: End?
        var waiters: [CheckedContinuation<End, Never>] = []
        var inputFailure: SandboxError?
    }

    /// How much output is held for a slow consumer before the program has to wait.
    private static let highWater = 256 << 10

    private let process: pid_t
    private let limits: Limits
    private let start = ContinuousClock.now
    private let wake: Pipe
    private let input: InputPump?
    private let state: Mutex<State>

    init(
        _ program: Program, stdin: StandardInput, limits: Limits, isStreaming: Bool
    ) throws(SandboxError) {
        self.limits = limits
        state = Mutex(State(mode: isStreaming ? .stream : .collect))
        wake = try Pipe()
        let outputs = [try Pipe(), try Pipe()]
        let source = try InputSource(stdin)
        process = try program.spawn([
            source.programsEnd.number, outputs[0].write.number, outputs[1].write.number,
        ])
        for output in outputs { output.write.close() }
        input = source.pump
        source.programsEnd.close()
        input?.begin(waking: wake)
        Thread.detachNewThread { [self] in waitForExit() }
        Thread.detachNewThread { [self] in move(outputs.map(\.read)) }
    }

    var inputFailure: SandboxError? { state.withLock { $0.inputFailure } }

    /// Ends the program and its process group.
    func kill() { end(because: .killed) }

    private func end(because cause: Cause) {
        let isFirst = state.withLock { state in
            guard state.cause == nil, state.end == nil, !state.hasExited else { return false }
            state.cause = cause
            return true
        }
        if isFirst { wake.poke() }
    }

    // MARK: For callers

    func end() async -> End {
        await withCheckedContinuation { continuation in
            let end = state.withLock { state in
                if state.end == nil { state.waiters.append(continuation) }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
    }

    /// Waits for the end as ``end()`` does; when the task is cancelled, kills the program.
    func endOrCancelled() async -> End {
        await withTaskCancellationHandler {
            await end()
        } onCancel: {
            kill()
        }
    }

    /// The next piece of output; `nil` when there will be no more.
    func nextChunk() async -> Execution.Chunk? {
        let chunk = await withCheckedContinuation { continuation in
            let now = state.withLock { state -> Execution.Chunk?? in
                if !state.chunks.isEmpty {
                    let chunk = state.chunks.removeFirst()
                    state.chunkBytes -= chunk.bytes.count
                    return chunk
                }
                if state.end != nil || state.mode == .discard { return .some(nil) }
                state.consumers.append(continuation)
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
        wake.poke()
        return chunk
    }

    /// Discards the rest of the output, and lets the program go on.
    func discardOutput() {
        state.withLock { state in
            state.mode = .discard
            state.chunks = []
            state.chunkBytes = 0
        }
        wake.poke()
    }

    // MARK: Threads

    /// Waits for the program's end without reaping it, so that its pid is not reused.
    private func waitForExit() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        state.withLock { $0.hasExited = true }
        wake.poke()
    }

    private func move(_ outputs: [Descriptor]) {
        // Writing to a program that closed its stdin must not raise SIGPIPE.
        var pipeSignal = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipeSignal, nil)
        var isOpen = [true, true]
        var isKilled = false
        while !state.withLock({ $0.hasExited }) {
            let left = limits.wallTime - (ContinuousClock.now - start)
            if left <= .zero { end(because: .wallTime) }
            if !isKilled, state.withLock({ $0.cause != nil }) {
                isKilled = true
                Glibc.kill(-process, SIGKILL)
            }
            let hasRoom = state.withLock { $0.chunkBytes < Self.highWater }
            var polls = [pollfd(fd: wake.read.number, events: Int16(POLLIN), revents: 0)]
            for (index, output) in outputs.enumerated() {
                polls.append(
                    pollfd(
                        fd: isOpen[index] && hasRoom ? output.number : -1, events: Int16(POLLIN), revents: 0))
            }
            polls.append(pollfd(fd: input?.waitsFor ?? -1, events: Int16(POLLOUT), revents: 0))
            poll(&polls, nfds_t(polls.count), isKilled ? -1 : Self.milliseconds(left))
            wake.drain()
            for (index, output) in outputs.enumerated() where polls[index + 1].revents != 0 {
                isOpen[index] = take(from: output, index)
            }
            if polls[3].revents != 0 { input?.move() }
        }
        finish(outputs, isOpen)
    }

    private static func milliseconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = duration.components
        return Int32(min(max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1), 3_600_000))
    }

    /// Reads once; returns false at the end.
    private func take(from output: Descriptor, _ index: Int) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(output.number, &bytes, bytes.count)
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        if count == 0 { return false }
        let (isTooMuch, consumer) = state.withLock { state in
            let room = limits.output - state.counts[index]
            let piece = Array(bytes.prefix(min(count, room)))
            state.counts[index] += piece.count
            if count > room { state.isTruncated[index] = true }
            guard !piece.isEmpty else { return (count > room, (() -> Void)?.none) }
            switch state.mode {
            case .discard: break
            case .collect: state.kept[index] += piece
            case .stream:
                let chunk = Execution.Chunk(stream: index == 0 ? .stdout : .stderr, bytes: piece)
                if !state.consumers.isEmpty {
                    let consumer = state.consumers.removeFirst()
                    return (count > room, { consumer.resume(returning: chunk) })
                }
                state.chunks.append(chunk)
                state.chunkBytes += piece.count
            }
            return (count > room, nil)
        }
        consumer?()
        if isTooMuch { exceedOutput() }
        return true
    }

    /// Counts as exceeded even if the program has ended meanwhile: it wrote more than the limit.
    private func exceedOutput() {
        state.withLock { state in
            if state.cause == nil { state.cause = .output }
        }
        wake.poke()
    }

    /// After the program's end: kills its group, takes what is left in the pipes, reaps it, and resumes all
    /// waiters.
    private func finish(_ outputs: [Descriptor], _ isOpen: [Bool]) {
        let wallTime = ContinuousClock.now - start
        Glibc.kill(-process, SIGKILL)
        var status: Int32 = 0
        var resources = rusage()
        while wait4(process, &status, 0, &resources) < 0, errno == EINTR {}
        // The rest of the group is ending; the process that inherited them reaps them.
        for _ in 0..<100 where Glibc.kill(-process, 0) == 0 { usleep(1000) }
        for (index, output) in outputs.enumerated() where isOpen[index] {
            var more = pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)
            while poll(&more, 1, 0) > 0, take(from: output, index) {}
        }
        for output in outputs { output.close() }
        input?.end()
        let (end, waiters, consumers) = state.withLock { state in
            let end = End(
                cause: state.cause ?? .itself, status: status, resources: resources, wallTime: wallTime,
                stdout: state.kept[0], stderr: state.kept[1], isTruncated: state.isTruncated)
            state.inputFailure = input?.failure
            state.end = end
            defer { (state.waiters, state.consumers) = ([], []) }
            return (end, state.waiters, state.consumers)
        }
        for waiter in waiters { waiter.resume(returning: end) }
        for consumer in consumers { consumer.resume(returning: nil) }
    }
}
