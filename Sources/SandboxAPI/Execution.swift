/// The live output of a run.

/// A run under way, as seen by the body of a streaming `run`.
///
/// Its output is read either as ``output``, both streams in the order of arrival, or stream by stream as ``standardOutput``
/// and ``standardError``; not both ways.
public struct Execution: Sendable {
    /// One piece of output.
    public struct Chunk: Sendable, Hashable {
        public enum Stream: Sendable, Hashable { case stdout, stderr }
        public var stream: Stream
        public var bytes: [UInt8]

        public init(stream: Stream, bytes: [UInt8]) {
            self.stream = stream
            self.bytes = bytes
        }
    }

    /// Both streams in the order of arrival. For one consumer.
    ///
    /// Backpressure reaches the program: while the consumer is slow, the library holds at most 256 KiB and
    /// one read of 128 KiB, and the program's writes block, which counts as wall time. At the end of the run
    /// the content of its pipes is added: at most 64 KiB each, or 1 MiB where the program enlarged them.
    /// Small pieces are joined.
    public let output: Output

    /// The program's stdout alone. For one consumer.
    ///
    /// Reading one stream makes room for both: the other one's bytes are kept until its consumer reads them,
    /// at most `limits.output` bytes.
    public let standardOutput: Bytes

    /// The program's stderr alone; see ``standardOutput``.
    public let standardError: Bytes

    /// An asynchronous sequence of chunks that ends when the run ended.
    public struct Output: AsyncSequence, Sendable {
        let next: @Sendable () async -> Chunk?

        /// - Parameter next: gives the next chunk; `nil` at the end and at each later call.
        public init(next: @escaping @Sendable () async -> Chunk?) { self.next = next }

        public struct AsyncIterator: AsyncIteratorProtocol {
            let nextChunk: @Sendable () async -> Chunk?
            public mutating func next() async -> Chunk? { await nextChunk() }
        }
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(nextChunk: next) }
    }

    /// One stream's bytes in pieces, until the run ended.
    public struct Bytes: AsyncSequence, Sendable {
        let stream: Chunk.Stream
        let splitter: OutputSplitter

        public struct AsyncIterator: AsyncIteratorProtocol {
            let stream: Chunk.Stream
            let splitter: OutputSplitter
            public mutating func next() async -> [UInt8]? { await splitter.next(of: stream) }
        }
        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(stream: stream, splitter: splitter)
        }

        /// The stream's lines as text, without their ends (LF or CR LF); bytes that are not UTF-8 are
        /// replaced. A last line without an end counts, too.
        ///
        /// - Parameter maximumLength: in bytes, 4 or more; a longer line comes in pieces of at most that
        ///   length.
        public func lines(maximumLength: Int = 64 << 10) -> Lines {
            Lines(bytes: self, maximumLength: maximumLength)
        }
    }

    public init(output: Output) {
        self.output = output
        let splitter = OutputSplitter(output)
        standardOutput = Bytes(stream: .stdout, splitter: splitter)
        standardError = Bytes(stream: .stderr, splitter: splitter)
    }
}

/// Splits the output for two consumers, one for each stream. A consumer without bytes of its own stream reads
/// for both.
actor OutputSplitter {
    private static let pieceSize = 64 << 10
    private let output: Execution.Output
    private var waiting: [Execution.Chunk.Stream: [[UInt8]]] = [:]
    private var isReading = false
    private var isAtEnd = false
    /// The consumer that waits while the other one reads.
    private var others: [CheckedContinuation<Void, Never>] = []

    init(_ output: Execution.Output) { self.output = output }

    /// The stream's next bytes; `nil` at the end, and when the consumer's task is cancelled.
    func next(of stream: Execution.Chunk.Stream) async -> [UInt8]? {
        while true {
            if let first = waiting[stream]?.first {
                waiting[stream]?.removeFirst()
                return first
            }
            if isAtEnd || Task.isCancelled { return nil }
            if isReading {
                await waitForOther()
                continue
            }
            isReading = true
            let chunk = await output.next()
            isReading = false
            // A read that its consumer's cancellation ended is not the end of the other stream.
            if chunk == nil, !Task.isCancelled { isAtEnd = true }
            if let chunk { keep(chunk) }
            wake()
        }
    }

    /// Joins small pieces: an array costs more than the few bytes in it.
    private func keep(_ chunk: Execution.Chunk) {
        if let last = waiting[chunk.stream]?.last, last.count + chunk.bytes.count <= Self.pieceSize {
            waiting[chunk.stream]![waiting[chunk.stream]!.count - 1] += chunk.bytes
        } else {
            waiting[chunk.stream, default: []].append(chunk.bytes)
        }
    }

    private func waitForOther() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { others.append($0) }
        } onCancel: {
            Task { await wake() }
        }
    }

    private func wake() {
        for other in others { other.resume() }
        others = []
    }
}

/// The lines of a stream, see ``Execution/Bytes/lines(maximumLength:)``.
public struct Lines: AsyncSequence, Sendable {
    let bytes: Execution.Bytes
    let maximumLength: Int

    public struct AsyncIterator: AsyncIteratorProtocol {
        var bytes: Execution.Bytes.AsyncIterator
        var splitter: LineSplitter

        /// The next line; `nil` at the end.
        public mutating func next() async -> String? {
            while true {
                if let line = splitter.next() { return line }
                guard let more = await bytes.next() else { return splitter.rest() }
                splitter.add(more)
            }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(bytes: bytes.makeAsyncIterator(), splitter: LineSplitter(maximumLength))
    }
}

/// Splits bytes into lines. Pure.
struct LineSplitter: Sendable {
    private let maximum: Int
    private var bytes: [UInt8] = []
    /// The start of the bytes that are still needed.
    private var start = 0
    /// Up to here no line ends.
    private var searched = 0

    init(_ maximumLength: Int) { maximum = Swift.max(4, maximumLength) }

    mutating func add(_ more: [UInt8]) {
        bytes.removeFirst(start)
        searched -= start
        start = 0
        bytes += more
    }

    /// The next line, or the next piece of one that is too long; `nil` when more bytes are needed.
    mutating func next() -> String? {
        // A line of the greatest length may end with two more bytes.
        let most = Swift.min(bytes.count, start + maximum + 2)
        if let end = bytes[searched..<Swift.max(searched, most)].firstIndex(of: 0x0a),
            end - start <= maximum || bytes[end - 1] == 0x0d
        {
            defer { (start, searched) = (end + 1, end + 1) }
            return text(start..<(end > start && bytes[end - 1] == 0x0d ? end - 1 : end))
        }
        searched = Swift.max(searched, Swift.min(most, start + maximum + 1))
        let count = bytes.count - start
        guard count > maximum, count > maximum + 1 || bytes[start + maximum] != 0x0d else { return nil }
        let cut = boundary(at: start + maximum)
        defer { (start, searched) = (cut, cut) }
        return text(start..<cut)
    }

    /// The bytes behind the last line's end.
    mutating func rest() -> String? {
        guard start < bytes.count else { return nil }
        defer { (start, searched) = (bytes.count, bytes.count) }
        return text(start..<bytes.count)
    }

    /// An index at which no character is cut, where the bytes are UTF-8.
    private func boundary(at index: Int) -> Int {
        var cut = index
        while cut > index - 3, bytes[cut] & 0xc0 == 0x80 { cut -= 1 }
        return bytes[cut] & 0xc0 == 0x80 ? index : cut
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
