// Whom a conversation ends, and who was the first.
import SandboxAPI
import Testing

@testable import SandboxRuntime

@Suite("Ends of a conversation")
struct ConversationMachineTests {
    typealias Machine = ConversationStateMachine

    private func machine(_ graces: [Duration?] = [.seconds(1), .seconds(2)]) -> Machine {
        Machine(graces.enumerated().map { .init(name: "\($0)", grace: $1) })
    }

    private func ending(
        _ outcome: Outcome?, at time: UInt64? = nil, on host: String = "local", after: Int
    ) -> Machine.Ending {
        .init(outcome: outcome, machineTime: time, machine: host, seenAfter: .milliseconds(after))
    }

    @Test("A success stops nobody; the first failure gives the others their grace, a later one nothing")
    func failures() {
        var machine = machine([.seconds(1), .seconds(2), nil, .zero])
        #expect(machine.ended(0, ending(.exited(code: 0), after: 1)) == [])
        #expect(
            machine.ended(1, ending(.signaled(signal: 11), after: 2)) == [.stopLater(3, after: .zero)],
            "the one that ended and the one that has no end of its grace are left alone")
        #expect(machine.ended(2, ending(.exited(code: 1), after: 3)) == [])
        #expect(machine.graceIsOver(3) == [.stop(3)])
        #expect(machine.graceIsOver(3) == [], "it was stopped")
        #expect(!machine.isOver)
        #expect(machine.ended(3, ending(.signaled(signal: 9), after: 4)) == [])
        #expect(machine.isOver)
        #expect(machine.stops == [nil, nil, nil, .failure(of: "1")])
        #expect(machine.firstToFail?.name == "1")
    }

    @Test("Success is what the participant says")
    func codes() {
        var machine = Machine([
            .init(name: "a", successCodes: [42], grace: .zero), .init(name: "b", grace: .zero),
        ])
        #expect(machine.ended(0, ending(.exited(code: 42), after: 1)) == [])
        #expect(machine.firstToFail == nil)
        var other = Machine([
            .init(name: "a", successCodes: [42], grace: .zero), .init(name: "b", grace: .zero),
        ])
        #expect(other.ended(0, ending(.exited(code: 0), after: 1)) == [.stopLater(1, after: .zero)])
        #expect(other.firstToFail?.name == "a")
    }

    @Test("One that ended by itself before it could be stopped was not stopped")
    func race() {
        var machine = machine()
        _ = machine.ended(0, ending(.exited(code: 1), after: 1))
        #expect(machine.graceIsOver(1) == [.stop(1)])
        _ = machine.ended(1, ending(.exited(code: 7), after: 2))
        #expect(machine.stops == [nil, nil])
    }

    @Test("One machine's clock decides, whatever was seen first")
    func certain() {
        var machine = machine()
        _ = machine.ended(0, ending(.exited(code: 1), at: 2000, after: 1))
        _ = machine.ended(1, ending(.exited(code: 1), at: 1000, after: 2))
        #expect(machine.firstToEnd == Precedence(name: "1", isCertain: true))
        #expect(machine.firstToFail == Precedence(name: "1", isCertain: true))
        #expect(
            machine.firstToClose(source: 0, target: 1, seen: nil) == Precedence(name: "1", isCertain: true))
        #expect(machine.firstToClose(source: 0, target: 1, seen: .writer)?.name == "0")
        #expect(machine.firstToClose(source: 0, target: 1, seen: .reader)?.name == "1")
    }

    @Test("Clocks of two machines, or none, leave it uncertain")
    func uncertain() {
        for (first, second) in [
            (
                ending(.exited(code: 1), at: 9, after: 1),
                ending(.exited(code: 1), at: 5, on: "other", after: 2)
            ),
            (ending(.exited(code: 1), after: 1), ending(.exited(code: 1), at: 5, after: 2)),
        ] {
            var machine = machine()
            _ = machine.ended(0, first)
            _ = machine.ended(1, second)
            #expect(machine.firstToEnd == Precedence(name: "0", isCertain: false))
        }
    }

    /// The second one may see the end of the first before it is ended, too.
    @Test("One that was stopped is never the first", arguments: [nil, Outcome.exited(code: 1)])
    func stopped(second: Outcome?) {
        var machine = machine()
        #expect(machine.deadlocked() == [.stop(0), .stop(1)])
        #expect(machine.deadlocked() == [])
        _ = machine.ended(0, ending(.signaled(signal: 9), at: 1, after: 1))
        _ = machine.ended(1, ending(second, at: 2, after: 2))
        #expect(machine.firstToEnd == nil)
        #expect(machine.firstToFail == nil)
        #expect(machine.stops == [.deadlock, .deadlock])
        #expect(machine.firstToClose(source: 0, target: 1, seen: nil) == nil)
    }

    @Test("A deadlock leaves alone who is to say what it makes of it")
    func spared() {
        var machine = Machine([
            .init(name: "a", grace: .zero), .init(name: "b", grace: nil, isEndedByDeadlock: false),
        ])
        #expect(machine.deadlocked() == [.stop(0)])
    }

    @Test("When one cannot run, the others end at once")
    func broke() {
        var machine = machine()
        _ = machine.ended(0, ending(nil, after: 1))
        #expect(machine.broke() == [.stop(1)])
    }
}
