/// The live output of a run.

/// A run under way, as seen by the body of a streaming `run`.
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

    /// Both streams as they come; the order between stdout and stderr is that of arrival. For one consumer.
    ///
    /// Backpressure reaches the program: while the consumer is slow, at most 256 KiB and one reading of 128 KiB are held,
    /// and the program's writes block, on its wall time. At the end of the run what its pipes still hold is added: at
    /// most 64 KiB each, or 1 MiB where the program enlarged them. Small pieces come joined.
    public let output: Output

    /// An asynchronous sequence of chunks that ends when the run ended.
    public struct Output: AsyncSequence, Sendable {
        let next: @Sendable () async -> Chunk?

        /// - Parameter next: gives the next chunk, or `nil` at the end and ever after.
        public init(next: @escaping @Sendable () async -> Chunk?) { self.next = next }

        public struct AsyncIterator: AsyncIteratorProtocol {
            let nextChunk: @Sendable () async -> Chunk?
            public mutating func next() async -> Chunk? { await nextChunk() }
        }
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(nextChunk: next) }
    }

    public init(output: Output) { self.output = output }
}
