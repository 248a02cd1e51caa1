/// Which try of a run its consumer reads from, and whether another may follow. Pure.

#if Fallback

/// What the consumer of a relay does next.
enum StreamRelayRead<Source: Sendable>: Sendable {
    /// It reads from a try, whose number tells what came of that.
    case from(Source, Int)
    /// Nothing more will come.
    case end
}

/// One consumer, and the tries one after another.
///
/// `Source` is the output of a try. `Reader` is the consumer while it waits for something to read from, `Server` a try that
/// waits until it has been read.
struct StreamRelayStateMachine<Source: Sendable, Reader: Sendable, Server: Sendable>: Sendable {
    typealias Read = StreamRelayRead<Source>
    typealias ConsumerEnd = Result<Void, any Error>

    private var source: Source?
    private var server: Server?
    /// Tells the tries apart.
    private var generation = 0
    private var isOver = false
    private var wasHandedOut = false
    private var reader: Reader?
    /// How the consumer ended.
    private(set) var consumerEnd: ConsumerEnd?

    // MARK: The consumer

    /// The consumer wants a piece.
    ///
    /// - Returns: `nil` when it is to wait for another try.
    mutating func read(_ reader: Reader) -> Read? {
        if let source { return .from(source, generation) }
        if isOver { return .end }
        self.reader = reader
        return nil
    }

    /// A piece was read from the try of this number.
    ///
    /// - Returns: whether the consumer may see it: not when that try was given up meanwhile.
    mutating func handOut(of number: Int) -> Bool {
        guard number == generation else { return false }
        wasHandedOut = true
        return true
    }

    /// The output of the try of this number is over.
    ///
    /// - Returns: the try, which waits for that.
    mutating func sourceEnded(_ number: Int) -> Server? {
        guard number == generation else { return nil }
        return leaveSource()
    }

    /// The consumer wants no more.
    ///
    /// - Returns: the try that waits until it has been read.
    mutating func consumerEnded(_ end: ConsumerEnd) -> Server? {
        consumerEnd = end
        isOver = true
        return server.take()
    }

    // MARK: The tries

    enum Serve {
        /// The try waits until it has been read; the consumer, if it waits for one, reads from it.
        case begun(Reader?, Read)
        /// There is no consumer any more.
        case consumerEnded
    }

    /// A try has output.
    mutating func serve(_ source: Source, _ server: Server) -> Serve {
        if consumerEnd != nil { return .consumerEnded }
        generation += 1
        (self.source, self.server) = (source, server)
        return .begun(reader.take(), .from(source, generation))
    }

    enum Claim {
        /// The consumer has seen output.
        case refused
        /// The try at hand is not read from any more.
        case granted(Server?)
    }

    /// The run is to be repeated, if it still may.
    mutating func claimRetry() -> Claim {
        if wasHandedOut { return .refused }
        generation += 1
        return .granted(leaveSource())
    }

    /// No other try will follow.
    ///
    /// - Returns: the consumer, if it waits for one.
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
