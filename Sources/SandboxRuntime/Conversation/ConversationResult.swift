/// What a conversation came to.

public import SandboxAPI

/// The result of a conversation. Participants that failed are results, not errors.
public struct ConversationResult: Sendable {
    /// In the order in which they were given.
    public var participants: [ParticipantReport]
    /// In the order in which they were given.
    public var connections: [ConnectionReport]
    /// Who was the first to end by itself or by a limit of its own. `nil` when all were stopped.
    public var firstToEnd: Precedence?
    /// Who was the first to end in failure. `nil` when nobody did.
    public var firstToFail: Precedence?
    /// Who did nothing but wait for input when all were looked at for the last time, at most some 250 ms before the first of
    /// them ended; empty where nobody can look (a backend of another kind) or the conversation was shorter. A participant
    /// with several threads or processes is never in this list: nobody can tell what they will do.
    public var waits: [Wait]
    /// Who was busy at that time: its only thread ran, or slept for a time of its own choice.
    public var busy: [String]
    /// That all of them waited for each other, so that nothing could happen any more; `nil` when that is not certain.
    public var deadlock: Deadlock?
    public var transcript: Transcript

    /// The report of the participant with this name.
    public subscript(name: String) -> ParticipantReport? { participants.first { $0.name == name } }
}

/// A participant that was the first to do something.
public struct Precedence: Sendable, Hashable {
    public var name: String
    /// True when the machine's own clock orders the ends: it is read when a program begins to exit, before any of its
    /// descriptors is closed, so an end that another one caused is always later. False when only the order in which this
    /// process learned of them is known: on different machines, or on a backend without that clock.
    public var isCertain: Bool

    public init(name: String, isCertain: Bool) {
        self.name = name
        self.isCertain = isCertain
    }
}

/// How one participant ended.
public struct ParticipantReport: Sendable, Hashable {
    public var name: String
    /// Its own result; output that was connected is not in it. `nil` only when it was stopped, and its backend gives no
    /// result of a run that it had to kill.
    public var result: RunResult?
    /// Why the conversation ended it: its outcome is then not its own. That is `signaled(SIGKILL)`, or, in a deadlock, what it
    /// did when another one had been ended just before. `nil`: it ended by itself or by a limit of its own.
    public var stopped: StopReason?
    /// When this process learned of its end, since the conversation's start.
    public var endedAfter: Duration

    init(name: String, endedAfter: Duration) {
        self.name = name
        self.endedAfter = endedAfter
    }
}

/// Why a conversation ended a participant.
public enum StopReason: Sendable, Hashable {
    /// The participant of this name had failed, and the grace was over.
    case failure(of: String)
    /// All waited for each other.
    case deadlock
}

/// What became of a connection.
public struct ConnectionReport: Sendable, Hashable {
    /// How its bytes travelled.
    public enum Form: String, Sendable, Hashable {
        /// Through a pipe of the kernel, straight from program to program.
        case pipe
        /// Through this process, from pipe to pipe. The ends of the file and of the reader arrive as through one pipe.
        case relayedPipe
        /// Through this process and the backends' streams. A backend of this library tells the end of a stream when it
        /// comes, and closes an output whose reader left; of any other backend an output ends with its run, and what
        /// nobody reads is dropped.
        case relayedStream
    }

    public var connection: Connection
    public var form: Form
    /// How many bytes the reader's end took; `nil` for a ``Form/pipe``, which nobody counts.
    public var bytes: Int?
    /// Who closed it first, by closing its descriptor or by ending: the writer, so that the reader saw the end of the
    /// file, or the reader, so that the writer's next write met a broken pipe. `nil` when both were stopped.
    public var firstToClose: Precedence?
}

/// A participant that waits.
public struct Wait: Sendable, Hashable {
    public var name: String
    /// Those whose outputs lead to its stdin.
    public var sources: [String]

    public init(name: String, sources: [String]) {
        self.name = name
        self.sources = sources
    }
}

/// All participants wait for each other.
public struct Deadlock: Sendable, Hashable {
    public var waits: [Wait]
    /// At the latest since then, from the conversation's start.
    public var since: Duration
}

/// What was said, up to a bound.
public struct Transcript: Sendable, Hashable {
    /// One piece that was passed on.
    public struct Entry: Sendable, Hashable {
        /// The index of the connection.
        public var connection: Int
        public var bytes: [UInt8]
        /// When this process had it, since the conversation's start.
        public var after: Duration
    }

    /// What an entry costs besides its bytes: many tiny pieces take no more memory than few large ones.
    public static let entryCost = 32

    public var entries: [Entry] = []
    /// True when more was said than the bound had room for.
    public var isCut = false

    public init() {}
}
