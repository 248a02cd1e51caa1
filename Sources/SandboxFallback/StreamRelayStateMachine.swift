/// Which try of a run its consumer reads from, and whether another may follow. Pure.

#if Fallback

/// What the consumer of a relay does next.
enum StreamRelayRead<Source: Sendable>: Sendable {
    /// It reads from a try. The number identifies the try when the result of the read is reported.
    case from(Source, Int)
    /// Nothing more will come.
    case end
}

/// Joins one consumer with the tries, which follow one another.
///
/// `Source` is the output of a try. `Reader` is the consumer while it waits for a source, `Server` a try that
/// waits until its output has been read.
struct StreamRelayStateMachine<Source: Sendable, Reader: Sendable, Server: Sendable>: Sendable {
    typealias Read = StreamRelayRead<Source>
    typealias ConsumerEnd = Result<Void, any Error>

    private var source: Source?
    private var server: Server?
    /// The number of the present try.
    private var generation = 0
    private var isOver = false
    private var wasHandedOut = false
    private var reader: Reader?
    /// How the consumer ended.
    private(set) var consumerEnd: ConsumerEnd?

    // MARK: The consumer

    /// Finds the source that the consumer reads its next piece from.
    ///
    /// - Returns: `nil` when the consumer has to wait for another try.
    mutating func read(_ reader: Reader) -> Read? {
        if let source { return .from(source, generation) }
        if isOver { return .end }
        self.reader = reader
        return nil
    }

    /// Takes the report that a piece was read from the try of this number.
    ///
    /// - Returns: whether the consumer may see the piece: false when that try was given up meanwhile.
    mutating func handOut(of number: Int) -> Bool {
        guard number == generation else { return false }
        wasHandedOut = true
        return true
    }

    /// Takes the report that the output of the try of this number has ended.
    ///
    /// - Returns: the try, which waits for this.
    mutating func sourceEnded(_ number: Int) -> Server? {
        guard number == generation else { return nil }
        return leaveSource()
    }

    /// Ends the relay with the result of the consumer.
    ///
    /// - Returns: the try that waits until it has been read.
    mutating func consumerEnded(_ end: ConsumerEnd) -> Server? {
        consumerEnd = end
        isOver = true
        return server.take()
    }

    // MARK: The tries

    enum Serve {
        /// The try waits until its output has been read. A consumer that was waiting for a source reads from
        /// it.
        case begun(Reader?, Read)
        /// The consumer has ended.
        case consumerEnded
    }

    /// Offers the output of a try to the consumer.
    mutating func serve(_ source: Source, _ server: Server) -> Serve {
        if consumerEnd != nil { return .consumerEnded }
        generation += 1
        (self.source, self.server) = (source, server)
        return .begun(reader.take(), .from(source, generation))
    }

    enum Claim {
        /// The consumer has seen output.
        case refused
        /// The consumer reads no more from the present try, which is resumed if it waits.
        case granted(Server?)
    }

    /// Claims the right to repeat the run.
    mutating func claimRetry() -> Claim {
        if wasHandedOut { return .refused }
        generation += 1
        return .granted(leaveSource())
    }

    /// Ends the relay: no other try will follow.
    ///
    /// - Returns: the consumer, if it waits for another try.
    mutating func end() -> Reader? {
        isOver = true
        return reader.take()
    }

    private mutating func leaveSource() -> Server? {
        source = nil
        return server.take()
    }
}
#endif
