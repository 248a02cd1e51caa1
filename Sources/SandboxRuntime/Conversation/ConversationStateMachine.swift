/// Decides whom a conversation ends and when, and who was the first. Pure.

import SandboxAPI

/// Events are the ends of participants and what was seen of their connections; actions stop others.
struct ConversationStateMachine: Sendable {
    /// A participant's part in the decisions.
    struct Member: Sendable {
        var name: String
        var successCodes: Set<Int32> = [0]
        var grace: Duration?
        var isEndedByDeadlock = true
    }

    /// How one ended.
    struct Ending: Sendable {
        /// `nil`: it was stopped, and its backend gave no result.
        var outcome: Outcome?
        /// By the clock of the machine on which it ran, in ns, and which machine that is; `nil`: unknown.
        var machineTime: UInt64?
        var machine: String = ""
        /// Since the conversation's start, as this process saw it.
        var seenAfter: Duration
    }

    enum Action: Sendable, Hashable {
        case stop(Int)
        case stopLater(Int, after: Duration)
    }

    /// Which end of a connection was closed first, as its relay saw it.
    enum Closing: Sendable, Hashable { case writer, reader }

    /// SIGKILL, the outcome of one that was stopped.
    private static var killed: Int32 { 9 }

    private let members: [Member]
    private var endings: [Ending?]
    private(set) var stops: [StopReason?]
    private var failed: Int?

    init(_ members: [Member]) {
        self.members = members
        endings = Array(repeating: nil, count: members.count)
        stops = Array(repeating: nil, count: members.count)
    }

    var isOver: Bool { endings.allSatisfy { $0 != nil } }
    var hasEnded: Bool { endings.contains { $0 != nil } }
    var running: [Int] { members.indices.filter { endings[$0] == nil } }

    // MARK: Events

    mutating func ended(_ index: Int, _ ending: Ending) -> [Action] {
        guard endings[index] == nil else { return [] }
        endings[index] = ending
        // It had ended by itself before it could be stopped. Not so in a deadlock: nobody could go on any more, and who ends
        // by itself then has seen that another one was ended.
        if stops[index] != .deadlock, let outcome = ending.outcome, outcome != .signaled(signal: Self.killed)
        {
            stops[index] = nil
        }
        guard failed == nil, isFailure(index) else { return [] }
        failed = index
        return running.compactMap { other in
            members[other].grace.map { .stopLater(other, after: $0) }
        }
    }

    /// One could not run at all: the others end at once.
    func broke() -> [Action] { running.map { .stop($0) } }

    /// The grace of a participant is over.
    mutating func graceIsOver(_ index: Int) -> [Action] {
        guard let failed, endings[index] == nil, stops[index] == nil else { return [] }
        stops[index] = .failure(of: members[failed].name)
        return [.stop(index)]
    }

    /// All that run wait for each other.
    mutating func deadlocked() -> [Action] {
        running.filter { members[$0].isEndedByDeadlock && stops[$0] == nil }.map { index in
            stops[index] = .deadlock
            return .stop(index)
        }
    }

    // MARK: Who was the first

    private func isFailure(_ index: Int) -> Bool {
        guard stops[index] == nil, let outcome = endings[index]?.outcome else { return false }
        if case .exited(let code) = outcome { return !members[index].successCodes.contains(code) }
        return true
    }

    var firstToEnd: Precedence? { first(of: members.indices.filter { stops[$0] == nil }) }

    var firstToFail: Precedence? { first(of: members.indices.filter { isFailure($0) }) }

    /// - Parameter seen: which end the relay saw closed first; `nil`: it saw none, or there was no relay.
    func firstToClose(source: Int, target: Int, seen: Closing?) -> Precedence? {
        switch seen {
        case .writer: Precedence(name: members[source].name, isCertain: true)
        case .reader: Precedence(name: members[target].name, isCertain: true)
        case nil: first(of: [source, target].filter { stops[$0] == nil })
        }
    }

    private func first(of indices: [Int]) -> Precedence? {
        let ends = indices.compactMap { index in endings[index].map { (index, $0) } }
        guard let seen = ends.min(by: { $0.1.seenAfter < $1.1.seenAfter }) else { return nil }
        let machines = Set(ends.map { $0.1.machine })
        let times = ends.compactMap { end in end.1.machineTime.map { (end.0, $0) } }
        guard machines.count == 1, times.count == ends.count,
            let earliest = times.min(by: { $0.1 < $1.1 })
        else {
            return Precedence(name: members[seen.0].name, isCertain: ends.count == 1 && indices.count == 1)
        }
        return Precedence(name: members[earliest.0].name, isCertain: true)
    }
}
