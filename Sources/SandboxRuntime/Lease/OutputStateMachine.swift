/// Keeps a run's output within its bounds, or delivers it in pieces. Pure.

import SandboxAPI

/// Both streams of one run. `Waiter` is a consumer that waits for the next piece.
struct OutputStateMachine<Waiter: Sendable>: Sendable {
    /// What happens to output.
    private enum Mode { case collect, stream, discard }

    private struct Stream {
        var bytes: [UInt8] = []
        /// The bytes kept or delivered so far.
        var count = 0
        var isExceeded = false
    }

    /// The effect of a piece that the program wrote.
    struct Taken {
        /// The stream has just exceeded its bound.
        var hasExceeded = false
        /// The consumer that waited for this piece, and the piece.
        var delivery: (waiter: Waiter, chunk: Execution.Chunk)?
    }

    /// The answer to a consumer's request for the next piece.
    enum Next {
        case chunk(Execution.Chunk)
        case end, wait
    }

    /// How many bytes are held for a slow consumer before the program has to wait.
    static var highWater: Int { 256 << 10 }
    /// Small pieces are joined up to this size: a program can write a megabyte byte by byte, and an array for
    /// each piece would cost more than its bytes.
    static var chunkSize: Int { 64 << 10 }
    /// With more waiting pieces than this, a new one is joined with the last one of its stream, even if a
    /// piece of the other stream came in between.
    static var chunksInOrder: Int { 256 }

    private let bound: Int
    /// A consumer gets an empty piece at the end of a stream.
    private let tellsEnds: Bool
    private var mode: Mode
    /// By ``index(of:)``: appended to where it lies, never copied.
    private var streams = [Stream(), Stream()]
    private var chunks: [Execution.Chunk] = []
    private var chunkBytes = 0
    private var consumer: Waiter?
    private var isOver = false

    /// - Parameter bound: the limit of each stream, in bytes.
    init(bound: Int, isStreaming: Bool, tellsEnds: Bool = false) {
        self.bound = bound
        self.tellsEnds = tellsEnds
        mode = isStreaming ? .stream : .collect
    }

    // MARK: On the producer's side

    private static func index(of stream: Execution.Chunk.Stream) -> Int { stream == .stdout ? 0 : 1 }

    /// The program wrote to one of its streams.
    mutating func take(_ bytes: [UInt8], from stream: Execution.Chunk.Stream) -> Taken {
        let index = Self.index(of: stream)
        let room = bound - streams[index].count
        let kept = bytes.count <= room ? bytes : Array(bytes.prefix(max(0, room)))
        var taken = Taken(hasExceeded: bytes.count > room && !streams[index].isExceeded)
        if taken.hasExceeded { streams[index].isExceeded = true }
        streams[index].count += kept.count
        if kept.isEmpty { return taken }
        switch mode {
        case .collect:
            if streams[index].bytes.isEmpty {
                streams[index].bytes = kept
            } else {
                streams[index].bytes += kept
            }
        case .stream:
            let chunk = Execution.Chunk(stream: stream, bytes: kept)
            if let consumer {
                self.consumer = nil
                taken.delivery = (consumer, chunk)
            } else {
                queue(chunk)
            }
        case .discard:
            break
        }
        return taken
    }

    /// No process of the run can write to the stream any more.
    ///
    /// - Returns: the consumer that waits, and the empty piece that tells it.
    mutating func end(_ stream: Execution.Chunk.Stream) -> (waiter: Waiter, chunk: Execution.Chunk)? {
        guard tellsEnds, mode == .stream, !isOver else { return nil }
        let chunk = Execution.Chunk(stream: stream, bytes: [])
        if let consumer {
            self.consumer = nil
            return (consumer, chunk)
        }
        chunks.append(chunk)
        return nil
    }

    private mutating func queue(_ chunk: Execution.Chunk) {
        chunkBytes += chunk.bytes.count
        let isOften = chunks.count >= Self.chunksInOrder
        let last = isOften ? chunks.lastIndex { $0.stream == chunk.stream } : chunks.indices.last
        if let last, chunks[last].stream == chunk.stream,
            chunks[last].bytes.count + chunk.bytes.count <= Self.chunkSize
        {
            chunks[last].bytes += chunk.bytes
        } else {
            chunks.append(chunk)
        }
    }

    /// Marks a stream as exceeded, for a backend that counts the bytes itself.
    mutating func markExceeded(_ stream: Execution.Chunk.Stream) {
        streams[Self.index(of: stream)].isExceeded = true
    }

    var hasExceeded: Bool { streams[0].isExceeded || streams[1].isExceeded }

    /// Whether enough bytes wait for a streaming consumer.
    var isFull: Bool { mode == .stream && chunkBytes >= Self.highWater }

    /// How many pieces wait for a streaming consumer: some hundred at most, whatever the program writes.
    var waitingChunks: Int { chunks.count }

    /// The run has ended; no output is taken afterwards.
    ///
    /// - Returns: the consumer that waits, since no piece will come.
    mutating func finish() -> Waiter? {
        isOver = true
        guard chunks.isEmpty else { return nil }
        defer { consumer = nil }
        return consumer
    }

    // MARK: On the consumer's side

    /// - Parameter isCancelled: whether the consumer's task is cancelled.
    mutating func next(_ waiter: Waiter, isCancelled: Bool = false) -> Next {
        if !chunks.isEmpty {
            let chunk = chunks.removeFirst()
            chunkBytes -= chunk.bytes.count
            return .chunk(chunk)
        }
        // There is only one consumer: a second one finds the sequence at its end.
        if isOver || mode != .stream || isCancelled || consumer != nil { return .end }
        consumer = waiter
        return .wait
    }

    /// Ends the consumer's wait.
    mutating func cancelNext() -> Waiter? {
        defer { consumer = nil }
        return consumer
    }

    /// The consumer reads no more: the rest is counted and dropped.
    mutating func discardRest() {
        mode = .discard
        chunks = []
        chunkBytes = 0
    }

    /// The collected output. Call it once, after the end.
    mutating func takeCollected() -> RunOutput.Collected {
        defer {
            streams[0].bytes = []
            streams[1].bytes = []
        }
        return RunOutput.Collected(
            stdout: streams[0].bytes, stderr: streams[1].bytes, stdoutExceeded: streams[0].isExceeded,
            stderrExceeded: streams[1].isExceeded)
    }
}
