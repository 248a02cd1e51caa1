/// What a run writes: kept within bounds, or handed out in pieces. Pure.

import SandboxAPI

/// Both streams of one run. `Waiter` is a consumer who waits for the next piece.
struct OutputStateMachine<Waiter: Sendable>: Sendable {
    /// Where output goes.
    private enum Mode { case collect, stream, discard }

    private struct Stream {
        var bytes: [UInt8] = []
        /// Of all that was kept or handed out.
        var count = 0
        var isExceeded = false
    }

    /// What came of a piece that the program wrote.
    struct Taken {
        /// The stream has just gone beyond its bound.
        var hasExceeded = false
        /// The consumer who waited for it, and what he gets.
        var delivery: (waiter: Waiter, chunk: Execution.Chunk)?
    }

    /// What a consumer gets who asks for the next piece.
    enum Next {
        case chunk(Execution.Chunk)
        case end, wait
    }

    /// Of a consumer that is slow, before the program is made to wait.
    static var highWater: Int { 256 << 10 }
    /// Small pieces are joined up to that: a program can write a megabyte byte by byte, and each piece would cost more
    /// than it holds.
    static var chunkSize: Int { 64 << 10 }
    /// With more than these waiting a piece is joined with the last one of its stream, though some of the other came
    /// in between.
    static var chunksInOrder: Int { 256 }

    private let bound: Int
    private var mode: Mode
    /// By ``index(of:)``: appended to where it lies, never copied.
    private var streams = [Stream(), Stream()]
    private var chunks: [Execution.Chunk] = []
    private var chunkBytes = 0
    private var consumer: Waiter?
    private var isOver = false

    /// - Parameter bound: of each stream, in bytes.
    init(bound: Int, isStreaming: Bool) {
        self.bound = bound
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

    /// Whoever counts the bytes himself says so.
    mutating func markExceeded(_ stream: Execution.Chunk.Stream) {
        streams[Self.index(of: stream)].isExceeded = true
    }

    var hasExceeded: Bool { streams[0].isExceeded || streams[1].isExceeded }

    /// A streaming consumer has enough for now.
    var isFull: Bool { mode == .stream && chunkBytes >= Self.highWater }

    /// How many pieces wait for a streaming consumer: some hundred at most, whatever the program does.
    var waitingChunks: Int { chunks.count }

    /// The run is over; nothing is taken after it.
    ///
    /// - Returns: the consumer who waits for a piece that will not come.
    mutating func finish() -> Waiter? {
        isOver = true
        guard chunks.isEmpty else { return nil }
        defer { consumer = nil }
        return consumer
    }

    // MARK: On the consumer's side

    /// - Parameter isCancelled: the consumer's task is.
    mutating func next(_ waiter: Waiter, isCancelled: Bool = false) -> Next {
        if !chunks.isEmpty {
            let chunk = chunks.removeFirst()
            chunkBytes -= chunk.bytes.count
            return .chunk(chunk)
        }
        // A second consumer finds the sequence at its end: there is only one.
        if isOver || mode != .stream || isCancelled || consumer != nil { return .end }
        consumer = waiter
        return .wait
    }

    /// The consumer does not wait any more.
    mutating func cancelNext() -> Waiter? {
        defer { consumer = nil }
        return consumer
    }

    /// Nobody will ask for pieces any more: the rest is counted and dropped.
    mutating func discardRest() {
        mode = .discard
        chunks = []
        chunkBytes = 0
    }

    /// What was collected; to be called once, after the end.
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
