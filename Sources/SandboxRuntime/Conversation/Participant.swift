/// Who takes part in a conversation, and how they are connected.

public import SandboxAPI

/// One program of a conversation: a command in a sandbox of its own, with limits of its own.
public struct Participant: Sendable {
    /// Where a participant runs.
    public enum Place: Sendable {
        /// In a fresh sandbox of a backend, which is closed when the conversation is over.
        case backend(any SandboxBackend, SandboxOptions)
        /// In the caller's sandbox, in which no other run is under way.
        case sandbox(any SandboxLease)
    }

    /// Its name in the conversation: unique, not empty.
    public var name: String
    public var place: Place
    public var command: Command
    /// Its bounds. `limits.output` bounds each output that is relayed or collected; a pipe straight to another program
    /// holds what the kernel lets it hold (64 KiB, up to 1 MiB if a program enlarges it), and a writer waits.
    public var limits: Limits
    /// Its stdin where no connection leads to it.
    public var stdin: StandardInput = .none
    /// The exit codes that count as success. Any other end is a failure, which bounds the time of the others.
    public var successCodes: Set<Int32> = [0]
    /// How long it may go on once another participant has failed; `nil`: until its own limits end it.
    public var grace: Duration? = .seconds(2)
    /// Whether a deadlock ends it. One that shall say what it makes of the end of its input is not ended.
    public var isEndedByDeadlock = true
    /// Called with its sandbox before anything starts: writes files. An error ends the conversation.
    public var prepare: (@Sendable (any SandboxLease) async throws(SandboxError) -> Void)?
    /// Called with its sandbox once it has ended and has a result: reads files. An error ends the conversation.
    public var collect: (@Sendable (any SandboxLease) async throws(SandboxError) -> Void)?

    /// A participant in a fresh sandbox.
    public init(
        _ name: String, _ command: Command, on backend: any SandboxBackend,
        options: SandboxOptions = SandboxOptions(), limits: Limits = .standard
    ) {
        var options = options
        if options.firstLimits == nil { options.firstLimits = limits }
        self.init(name, command, .backend(backend, options), limits)
    }

    /// A participant in the caller's sandbox, which stays open.
    public init(
        _ name: String, _ command: Command, in sandbox: any SandboxLease, limits: Limits = .standard
    ) {
        self.init(name, command, .sandbox(sandbox), limits)
    }

    private init(_ name: String, _ command: Command, _ place: Place, _ limits: Limits) {
        self.name = name
        self.command = command
        self.place = place
        self.limits = limits
    }
}

/// A pipe from an output of one participant to the stdin of another.
///
/// An output leads to one place. Several may lead to the same stdin: each write of at most 4,096 bytes then arrives in one
/// piece, and the reader sees the end of the file when all of them have ended.
public struct Connection: Sendable, Hashable {
    /// The name of the participant that writes.
    public var source: String
    /// The output that is connected.
    public var stream: Execution.Chunk.Stream
    /// The name of the participant whose stdin it is.
    public var target: String
    /// Whether the target sees the end of the file only when the source's program has ended, and not already when that
    /// closes the output. Then nothing that the target does of it can come before that end.
    public var endsWithProgram: Bool
    /// Whether the source may write on when the target has ended: nobody gets that, and the source meets no broken pipe.
    ///
    /// Of a target that closes its stdin and goes on, what the source writes stays in the pipe, and the source waits when
    /// that is full; where this process passes the bytes on, they are thrown away at once.
    public var outlivesReader: Bool

    public init(
        from source: String, _ stream: Execution.Chunk.Stream = .stdout, to target: String,
        endsWithProgram: Bool = false, outlivesReader: Bool = false
    ) {
        self.source = source
        self.stream = stream
        self.target = target
        self.endsWithProgram = endsWithProgram
        self.outlivesReader = outlivesReader
    }

    /// The stdout of each to the stdin of the other.
    public static func between(_ first: String, _ second: String) -> [Connection] {
        [Connection(from: first, to: second), Connection(from: second, to: first)]
    }
}

/// Whether a conversation is written down.
public enum TranscriptPolicy: Sendable, Hashable {
    /// No. The fastest: where both ends are local, programs write straight to each other.
    case none
    /// Its first bytes, at most this many: the bytes passed on, and ``Transcript/entryCost`` for each entry. Everything
    /// is then relayed by this process.
    case upTo(Int)
}

/// What happens when all participants wait for each other.
public enum DeadlockPolicy: Sendable, Hashable {
    /// Those whose ``Participant/isEndedByDeadlock`` says so are ended.
    case end
    /// Nothing: their wall time limits end them. The result tells the deadlock all the same.
    case report
}
