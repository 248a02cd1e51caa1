/// What a run writes, and the wait for its end: the same for a run in a slot and one in a container.

package import CIsolate
package import SandboxAPI

/// Takes output within bounds until the run has ended; collects it, or hands it out in pieces.
package final class RunOutput: Sendable {
    package typealias End = Result<isolate_run_record, SandboxError>

    package struct Collected {
        package var stdout: [UInt8] = []
        package var stderr: [UInt8] = []
        package var stdoutExceeded = false
        package var stderrExceeded = false
    }

    /// Where output goes.
    private enum Mode { case collect, stream, discard }

    private struct Stream {
        var bytes: [UInt8] = []
        /// Of all that was kept or handed out.
        var count = 0
        var isExceeded = false
    }

    private struct State {
        var streams = [Stream(), Stream()]
        var mode: Mode
        var chunks: [Execution.Chunk] = []
        var chunkBytes = 0
        var end: End?
        var waiter: CheckedContinuation<End, Never>?
        var consumer: CheckedContinuation<Execution.Chunk?, Never>?
    }

    /// Of a consumer that is slow, before the program is made to wait.
    package static let highWater = 256 << 10
    /// Small pieces are joined up to that: a program can write a megabyte byte by byte, and each piece would cost more
    /// than it holds.
    package static let chunkSize = 64 << 10
    /// With more than these waiting a piece is joined with the last one of its stream, though some of the other came
    /// in between.
    static let chunksInOrder = 256

    private let bound: Int
    private let onRoom: @Sendable (Execution.Chunk?) -> Void
    private let state: Locked<State>

    /// - Parameters:
    ///   - bound: of each stream, in bytes.
    ///   - onRoom: called with what a streaming consumer took, or with nil when all the rest will be dropped.
    package init(
        bound: Int, isStreaming: Bool, onRoom: @escaping @Sendable (Execution.Chunk?) -> Void
    ) {
        self.bound = bound
        self.onRoom = onRoom
        state = Locked(State(mode: isStreaming ? .stream : .collect))
    }

    // MARK: On the producer's side

    /// Takes what the program wrote to stdout (0) or stderr (1).
    ///
    /// - Returns: true when the stream has just gone beyond its bound.
    package func take(_ bytes: [UInt8], from index: Int) -> Bool {
        var delivered: (CheckedContinuation<Execution.Chunk?, Never>, Execution.Chunk)?
        let hasExceeded = state.withLock { state -> Bool in
            let room = bound - state.streams[index].count
            let kept = bytes.count <= room ? bytes : Array(bytes.prefix(max(0, room)))
            let hasExceeded = bytes.count > room && !state.streams[index].isExceeded
            if hasExceeded { state.streams[index].isExceeded = true }
            state.streams[index].count += kept.count
            if !kept.isEmpty { delivered = keep(kept, index, in: &state) }
            return hasExceeded
        }
        if let (consumer, chunk) = delivered {
            consumer.resume(returning: chunk)
            onRoom(chunk)
        }
        return hasExceeded
    }

    private func keep(
        _ bytes: [UInt8], _ index: Int, in state: inout State
    ) -> (CheckedContinuation<Execution.Chunk?, Never>, Execution.Chunk)? {
        switch state.mode {
        case .collect:
            if state.streams[index].bytes.isEmpty {
                state.streams[index].bytes = bytes
            } else {
                state.streams[index].bytes += bytes
            }
        case .stream:
            let chunk = Execution.Chunk(stream: index == 0 ? .stdout : .stderr, bytes: bytes)
            if let consumer = state.consumer {
                state.consumer = nil
                return (consumer, chunk)
            }
            state.chunkBytes += bytes.count
            let isOften = state.chunks.count >= Self.chunksInOrder
            let last =
                isOften ? state.chunks.lastIndex { $0.stream == chunk.stream } : state.chunks.indices.last
            if let last, state.chunks[last].stream == chunk.stream,
                state.chunks[last].bytes.count + bytes.count <= Self.chunkSize
            {
                state.chunks[last].bytes += bytes
            } else {
                state.chunks.append(chunk)
            }
        case .discard:
            break
        }
        return nil
    }

    /// Whoever counts the bytes himself says so.
    package func markExceeded(_ index: Int) { state.withLock { $0.streams[index].isExceeded = true } }

    /// How many pieces wait for a streaming consumer: some hundred at most, whatever the program does.
    var waitingChunks: Int { state.withLock { $0.chunks.count } }

    /// A streaming consumer has enough for now.
    package var isFull: Bool {
        state.withLock { $0.mode == .stream && $0.chunkBytes >= Self.highWater }
    }

    /// The last word; nothing is taken after it.
    package func finish(_ end: End) {
        var waiter: CheckedContinuation<End, Never>?
        var consumer: CheckedContinuation<Execution.Chunk?, Never>?
        state.withLock { state in
            guard state.end == nil else { return }
            state.end = end
            swap(&waiter, &state.waiter)
            if state.chunks.isEmpty { swap(&consumer, &state.consumer) }
        }
        consumer?.resume(returning: nil)
        waiter?.resume(returning: end)
    }

    // MARK: On the caller's side

    /// Waits for the end.
    package func wait() async -> End {
        defer { state.follow() }
        return await withCheckedContinuation { continuation in
            let end = state.withLock { state -> End? in
                if state.end == nil { state.waiter = continuation }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
    }

    /// The next chunk of a streaming run; `nil` when the run ended and everything was handed out.
    package func nextChunk() async -> Execution.Chunk? {
        defer { state.follow() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                var taken: Execution.Chunk?
                let ready = state.withLock { state -> Execution.Chunk?? in
                    if !state.chunks.isEmpty {
                        let chunk = state.chunks.removeFirst()
                        state.chunkBytes -= chunk.bytes.count
                        taken = chunk
                        return .some(chunk)
                    }
                    // A second consumer finds the sequence at its end: there is only one.
                    if state.end != nil || state.mode != .stream || Task.isCancelled || state.consumer != nil
                    {
                        return .some(nil)
                    }
                    state.consumer = continuation
                    return nil
                }
                if let taken { onRoom(taken) }
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
    package func discardRest() {
        state.withLock { state in
            state.mode = .discard
            state.chunks = []
            state.chunkBytes = 0
        }
        onRoom(nil)
    }

    /// What was collected; to be called once, after the end.
    package func takeCollected() -> Collected {
        state.withLock { state in
            defer {
                state.streams[0].bytes = []
                state.streams[1].bytes = []
            }
            return Collected(
                stdout: state.streams[0].bytes, stderr: state.streams[1].bytes,
                stdoutExceeded: state.streams[0].isExceeded, stderrExceeded: state.streams[1].isExceeded)
        }
    }
}
