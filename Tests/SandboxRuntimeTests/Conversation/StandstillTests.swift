// A deadlock is found from two rounds of looks, and from nothing less.
import SandboxAPI
import Testing

@testable import SandboxRuntime

@Suite("Standstill")
struct StandstillTests {
    typealias Machine = StandstillStateMachine

    private let still = RunLook(.waitingForInput, switches: 7, cpuTime: 1000)

    private func machine(connected: Set<Int> = [0, 1]) -> Machine {
        Machine(connected: connected, participants: 2)
    }

    private func round(_ looks: [RunLook?], quiet: Bool = true, after: Int) -> Machine.Round {
        var round = Machine.Round(isQuiet: quiet, after: .milliseconds(after))
        for (index, look) in looks.enumerated() { round.looks[index] = look }
        return round
    }

    @Test("Two equal rounds of waiting are a deadlock, since the first of them")
    func deadlock() {
        var machine = machine()
        machine.take(round([still, still], after: 250), running: [0, 1])
        #expect(!machine.isDeadlock)
        machine.take(round([still, still], after: 500), running: [0, 1])
        #expect(machine.isDeadlock)
        #expect(machine.deadlock == .init(participants: [0, 1], since: .milliseconds(250)))
        #expect(machine.waiting == [0, 1])
    }

    @Test("What is different in the second round is no deadlock")
    func differences() {
        let awoken = RunLook(.waitingForInput, switches: 8, cpuTime: 1000)
        let worked = RunLook(.waitingForInput, switches: 7, cpuTime: 1001)
        for other in [awoken, worked, RunLook(.busy, switches: 7), RunLook(.unknown, switches: 7), nil] {
            var machine = machine()
            machine.take(round([still, still], after: 250), running: [0, 1])
            machine.take(round([still, other], after: 500), running: [0, 1])
            #expect(!machine.isDeadlock, "\(String(describing: other))")
            #expect(machine.deadlock == nil)
        }
        var machine = machine()
        machine.take(round([still, still], after: 250), running: [0, 1])
        machine.take(round([still, still], quiet: false, after: 500), running: [0, 1])
        #expect(!machine.isDeadlock, "bytes were under way")
    }

    @Test("A stdin that nobody of the conversation writes may get something at any time")
    func unconnected() {
        var machine = machine(connected: [1])
        for after in [250, 500, 750] { machine.take(round([still, still], after: after), running: [0, 1]) }
        #expect(!machine.isDeadlock)
    }

    @Test("Equal rounds of anything but waiting are no deadlock")
    func busy() {
        for activity in [RunLook.Activity.busy, .unknown] {
            var machine = machine()
            let look = RunLook(activity, switches: 7)
            for after in [250, 500] { machine.take(round([still, look], after: after), running: [0, 1]) }
            #expect(!machine.isDeadlock)
            #expect(machine.busy == (activity == .busy ? [1] : []))
        }
    }

    @Test("Who waited is told of the last time when all could be looked at")
    func last() {
        var machine = machine()
        machine.take(round([still, RunLook(.busy)], after: 250), running: [0, 1])
        machine.take(round([nil, still], after: 500), running: [1])
        #expect(machine.waiting == [0])
        #expect(machine.busy == [1])
    }

    @Test("Those that are left may wait for each other, too; with nobody left there is no deadlock")
    func left() {
        var machine = machine()
        machine.take(round([nil, still], after: 250), running: [1])
        machine.take(round([nil, still], after: 500), running: [1])
        #expect(machine.deadlock == .init(participants: [1], since: .milliseconds(250)))
        var over = self.machine()
        for after in [250, 500] { over.take(round([nil, nil], after: after), running: []) }
        #expect(!over.isDeadlock)
    }
}
