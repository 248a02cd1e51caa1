/// Tells a deadlock from slowness. Pure.
///
/// One look proves little: a participant that waits may be woken at any moment by one that was looked at before it. But
/// when two rounds of looks find every participant asleep in a read of its connected stdin, and none was put on a
/// processor in between, then all of them were asleep at one time, between the last look of the first round and the first
/// look of the second. If nothing was under way between them then, nobody is left who could write: a deadlock. A program
/// that computes, sleeps for a time, has several threads, or catches a timer's signal is never found so.

import SandboxAPI

struct StandstillStateMachine: Sendable {
    /// One round of looks.
    struct Round: Sendable {
        /// By participant, for those that run.
        var looks: [Int: RunLook] = [:]
        /// Whether no byte was under way through this process, seen between the round before and this one. False also
        /// where that cannot be known.
        var isQuiet = false
        /// Since the conversation's start, before the first look.
        var after: Duration
    }

    struct Deadlock: Sendable, Hashable {
        var participants: [Int]
        /// The start of the round that was the first to find it.
        var since: Duration
    }

    /// Participants whose stdin is connected.
    private let connected: Set<Int>
    private let participants: Int
    private var last: Round?
    /// The last round in which all participants could still be looked at.
    private var complete: Round?
    /// The last round's finding.
    private(set) var isDeadlock = false
    /// The first deadlock.
    private(set) var deadlock: Deadlock?

    init(connected: Set<Int>, participants: Int) {
        self.connected = connected
        self.participants = participants
    }

    /// Takes a round of looks at those that run.
    mutating func take(_ round: Round, running: [Int]) {
        isDeadlock = isStill(round, running)
        if isDeadlock, deadlock == nil, let last {
            deadlock = Deadlock(participants: running.sorted(), since: last.after)
        }
        last = round
        if running.count == participants, round.looks.count == participants { complete = round }
    }

    private func isStill(_ round: Round, _ running: [Int]) -> Bool {
        guard let last, !running.isEmpty, round.isQuiet else { return false }
        return running.allSatisfy { index in
            guard connected.contains(index), let before = last.looks[index] else { return false }
            return before.activity == .waitingForInput && round.looks[index] == before
        }
    }

    /// Who did nothing but wait for input when all were looked at for the last time.
    var waiting: [Int] { indices(.waitingForInput) }
    /// Who was busy at that time.
    var busy: [Int] { indices(.busy) }

    private func indices(_ activity: RunLook.Activity) -> [Int] {
        (complete?.looks ?? [:]).filter { $0.value.activity == activity }.map(\.key).sorted()
    }
}
