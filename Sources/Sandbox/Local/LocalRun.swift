/// One run of a local sandbox: its pipes, its output, and the wait for its end.

import CIsolate
import Glibc
import Synchronization

/// Reads what a program writes, within bounds, until the slot says that every process of the run is dead.
///
/// All descriptors are read on the event loop's thread. The end is the slot's record, never an end of file: when it
/// comes, whatever was written is in the pipes.
final class LocalRun: EventHandler {
    typealias End = Result<isolate_run_record, SandboxError>

    struct Output {
        var stdout: [UInt8] = []
        var stderr: [UInt8] = []
        var stdoutExceeded = false
        var stderrExceeded = false
    }

    /// Where output goes.
    private enum Mode { case collect, stream, discard }

    private struct Stream {
        var fd: Int32
        var bytes: [UInt8] = []
        /// Of all that was kept or handed out.
        var count = 0
        var isExceeded = false
        var isPaused = false
    }

    private struct State {
        var streams: [Stream]
        var mode: Mode
        var chunks: [Execution.Chunk] = []
        var chunkBytes = 0
        var isEnding = false
        var end: End?
        var waiter: CheckedContinuation<End, Never>?
        var consumer: CheckedContinuation<Execution.Chunk?, Never>?
    }

    /// Of a consumer that is slow, before the program is made to wait.
    static let highWater = 256 << 10
    private static let readSize = 64 << 10

    private let loop: EventLoop
    private let bound: Int
    private let onExceeded: @Sendable () -> Void
    private let onEnd: @Sendable () -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - stdout: the reading end of a non-blocking pipe, owned from here on; so is `stderr`.
    ///   - onExceeded: called once when a stream passes `bound`; it has the run killed.
    ///   - onEnd: called when the run no longer needs the slot.
    init(
        loop: EventLoop, stdout: Int32, stderr: Int32, bound: Int, isStreaming: Bool,
        onExceeded: @escaping @Sendable () -> Void, onEnd: @escaping @Sendable () -> Void
    ) {
        self.loop = loop
        self.bound = bound
        self.onExceeded = onExceeded
        self.onEnd = onEnd
        self.state = Mutex(
            State(streams: [Stream(fd: stdout), Stream(fd: stderr)], mode: isStreaming ? .stream : .collect))
        loop.add(stdout, events: EventLoop.readable, handler: self)
        loop.add(stderr, events: EventLoop.readable, handler: self)
    }

    // MARK: On the loop's thread

    func ready(_ fd: Int32, events: UInt32) {
        let effects = state.withLock { state -> Effects in
            guard let index = state.streams.firstIndex(where: { $0.fd == fd }) else { return Effects() }
            return drain(index, in: &state, toTheEnd: false)
        }
        effects.perform(self)
    }

    /// The slot's last word, or the loss of the slot.
    func ended(_ end: End) {
        let (effects, waiter, consumer) = state.withLock { state in
            var effects = Effects()
            for index in 0..<2 { effects.merge(drain(index, in: &state, toTheEnd: true)) }
            for index in 0..<2 where state.streams[index].fd >= 0 {
                effects.close.append(state.streams[index].fd)
                state.streams[index].fd = -1
            }
            state.end = end
            defer { state.waiter = nil }
            let consumer = state.chunks.isEmpty ? state.consumer : nil
            if consumer != nil { state.consumer = nil }
            return (effects, state.waiter, consumer)
        }
        effects.perform(self)
        onEnd()
        consumer?.resume(returning: nil)
        waiter?.resume(returning: end)
    }

    private struct Effects {
        var close: [Int32] = []
        var exceeded = false
        var consumer: (CheckedContinuation<Execution.Chunk?, Never>, Execution.Chunk)?

        mutating func merge(_ other: Effects) {
            close += other.close
            exceeded = exceeded || other.exceeded
            consumer = consumer ?? other.consumer
        }

        func perform(_ run: LocalRun) {
            for fd in close {
                run.loop.remove(fd)
                Glibc.close(fd)
            }
            if exceeded { run.onExceeded() }
            if let (continuation, chunk) = consumer { continuation.resume(returning: chunk) }
        }
    }

    /// Reads until the pipe is empty; with a slow consumer until enough is held, unless all writers are dead.
    private func drain(_ index: Int, in state: inout State, toTheEnd: Bool) -> Effects {
        var effects = Effects()
        var rounds = 0
        while state.streams[index].fd >= 0 {
            if state.mode == .stream, state.chunkBytes >= Self.highWater, !toTheEnd {
                state.streams[index].isPaused = true
                // Under the lock, or a consumer that goes on in this moment could be overtaken.
                loop.change(state.streams[index].fd, events: 0)
                break
            }
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: Self.readSize) { buffer, initialized in
                count = read(state.streams[index].fd, buffer.baseAddress, Self.readSize)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            guard count > 0 else {
                effects.close.append(state.streams[index].fd)
                state.streams[index].fd = -1
                break
            }
            effects.merge(take(bytes, index, in: &state))
            // One flood must not hold up the other runs of the loop; what is left is reported again.
            rounds += 1
            if !toTheEnd, count < Self.readSize || effects.exceeded || rounds == 4 { break }
        }
        return effects
    }

    private func take(_ bytes: [UInt8], _ index: Int, in state: inout State) -> Effects {
        var effects = Effects()
        let room = bound - state.streams[index].count
        let kept = bytes.count <= room ? bytes : Array(bytes.prefix(max(0, room)))
        if bytes.count > room, !state.streams[index].isExceeded {
            state.streams[index].isExceeded = true
            effects.exceeded = true
        }
        state.streams[index].count += kept.count
        guard !kept.isEmpty else { return effects }
        switch state.mode {
        case .collect:
            if state.streams[index].bytes.isEmpty {
                state.streams[index].bytes = kept
            } else {
                state.streams[index].bytes += kept
            }
        case .stream:
            let chunk = Execution.Chunk(stream: index == 0 ? .stdout : .stderr, bytes: kept)
            if let consumer = state.consumer {
                state.consumer = nil
                effects.consumer = (consumer, chunk)
            } else {
                state.chunks.append(chunk)
                state.chunkBytes += kept.count
            }
        case .discard:
            break
        }
        return effects
    }

    // MARK: On the caller's side

    /// Waits for the end.
    func wait() async -> End {
        await withCheckedContinuation { continuation in
            let end = state.withLock { state -> End? in
                if state.end == nil { state.waiter = continuation }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
    }

    /// The next chunk of a streaming run; `nil` when the run ended and everything was handed out.
    func nextChunk() async -> Execution.Chunk? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> Execution.Chunk?? in
                    if !state.chunks.isEmpty {
                        let chunk = state.chunks.removeFirst()
                        state.chunkBytes -= chunk.bytes.count
                        if state.chunkBytes < Self.highWater / 2 { unpause(&state) }
                        return .some(chunk)
                    }
                    // A second consumer finds the sequence at its end: there is only one.
                    if state.end != nil || state.mode != .stream || Task.isCancelled || state.consumer != nil
                    {
                        return .some(nil)
                    }
                    state.consumer = continuation
                    unpause(&state)
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            let consumer = state.withLock { state in
                defer { state.consumer = nil }
                return state.consumer
            }
            consumer?.resume(returning: nil)
        }
    }

    /// Nobody will ask for chunks any more: the rest is read, counted and dropped.
    func discardRest() {
        state.withLock { state in
            state.mode = .discard
            state.chunks = []
            state.chunkBytes = 0
            unpause(&state)
        }
    }

    private func unpause(_ state: inout State) {
        for index in 0..<2 where state.streams[index].isPaused && state.streams[index].fd >= 0 {
            state.streams[index].isPaused = false
            loop.change(state.streams[index].fd, events: EventLoop.readable)
        }
    }

    /// What was collected; to be called once, after the end.
    func takeOutput() -> Output {
        state.withLock { state in
            defer {
                state.streams[0].bytes = []
                state.streams[1].bytes = []
            }
            return Output(
                stdout: state.streams[0].bytes, stderr: state.streams[1].bytes,
                stdoutExceeded: state.streams[0].isExceeded, stderrExceeded: state.streams[1].isExceeded)
        }
    }

    /// The request never left: closes the pipes.
    func abandon() {
        ended(.failure(Slot.gone))
    }
}
