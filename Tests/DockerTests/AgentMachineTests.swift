/// Tests the embedder's side of an agent's stream as a state machine: frames in any order, from a sound or a
/// hostile agent.

#if Docker
import CIsolate
import SandboxAPI
import TestSupport
import Testing

@testable import SandboxDocker

struct AgentMachineTests {
    private typealias Machine = AgentStateMachine<Int, UInt64>

    private static func status(_ errno: Int32 = 0) -> isolate_agent_status {
        var status = isolate_agent_status()
        status.status.failure.errno_value = errno
        status.status.failure.stage = errno == 0 ? 0 : Int32(ISOLATE_STAGE_EXEC.rawValue)
        return status
    }

    private static func ended(_ serial: UInt64) -> isolate_agent_ended {
        var ended = isolate_agent_ended()
        ended.record.serial = serial
        return ended
    }

    /// In any order of events each question has one answer, each run one end, and after the loss no caller
    /// waits.
    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine(patience: .seconds(10))
        var now = ContinuousClock.now
        var (asked, waiting, content) = (0, Set<Int>(), [UInt8]())
        var runs: (begun: UInt64, ended: UInt64) = (0, 0)
        func perform(_ action: Machine.Action) {
            guard case .answer(let waiter, let answer) = action else { return }
            #expect(waiting.remove(waiter) != nil, "\(waiter) was answered twice, or never asked")
            if case .success(.file(let file)) = answer { #expect(file.bytes == content) }
        }
        for _ in 0..<200 where machine.failure == nil {
            now += .milliseconds(1)
            switch Int.random(in: 0..<12, using: &random) {
            case 0...2 where waiting.isEmpty:
                asked += 1
                waiting.insert(asked)
                content = []
                let questions: [Machine.Question] = [
                    .hello, .status, .file(path: "a", maxBytes: 1000), .file(path: "b", maxBytes: 0),
                ]
                let question = questions.randomElement(using: &random)!
                #expect(machine.ask(question, asked, until: now + .seconds(10)) == nil)
            case 3: perform(machine.received(hello: isolate_agent_hello()))
            case 4, 5: perform(machine.received(Self.status(Bool.random(using: &random) ? 0 : 2)))
            case 6, 7:
                let piece = [UInt8](repeating: 7, count: Int.random(in: 0...300, using: &random))
                let isBefore = machine.isAsked
                let action = machine.received(file: piece, at: now)
                if case .none = action, isBefore, machine.isAsked { content += piece }
                if case .answer = action { content = Array(content.prefix(1000)) }
                // The machine drops pieces that come before the file is open, so the answer's content counts.
                if case .answer(_, .success(.file(let file))) = action { content = file.bytes }
                perform(action)
            case 8:
                do throws(SandboxError) {
                    #expect(try machine.beginRun(until: now + .seconds(20)) { $0 } == runs.begun + 1)
                    #expect(runs.begun == runs.ended)
                    runs.begun += 1
                } catch {
                    #expect(error.code == .sandboxBusy && runs.begun > runs.ended)
                }
            case 9, 10:
                let serial = Bool.random(using: &random) ? runs.begun : runs.begun &- 1
                let (run, _) = machine.received(Self.ended(serial))
                let isItsOwn = serial == runs.begun || serial == 0
                #expect((run != nil) == (runs.begun > runs.ended && isItsOwn))
                if run != nil {
                    #expect(run == runs.begun)
                    runs.ended = runs.begun
                }
            case 11 where Int.random(in: 0..<40, using: &random) == 0:
                let lost = machine.lose(SandboxError(.containerLost, message: "gone"))
                #expect(lost.isFirst && (lost.run == nil) == (runs.begun == runs.ended))
                if let waiter = lost.waiter { waiting.remove(waiter) }
                #expect(waiting.isEmpty)
                #expect(machine.ask(.status, 0, until: now)?.code == .containerLost)
                #expect(!machine.lose(SandboxError(.cancelled, message: "")).isFirst)
                #expect(machine.failure?.code == .containerLost, "the first reason stays")
                let isLate = machine.isLate(at: now + .seconds(1000))
                #expect(!isLate, "nothing is waited for any more")
            default: break
            }
            #expect(machine.isAsked == !waiting.isEmpty)
            #expect(machine.isRunning == (runs.begun > runs.ended))
        }
    }

    /// An agent can never make the embedder store more than was requested.
    @Test func aFileWithoutAnEndIsBounded() {
        var machine = Machine(patience: .seconds(1))
        let now = ContinuousClock.now
        #expect(machine.ask(.file(path: "a", maxBytes: 1000), 1, until: now + .seconds(1)) == nil)
        _ = machine.received(Self.status())
        for _ in 0..<100 { _ = machine.received(file: [UInt8](repeating: 0, count: 512), at: now) }
        guard case .answer(1, .failure(let error)) = machine.received(file: [UInt8](), at: now) else {
            Issue.record("no answer")
            return
        }
        #expect(error.code == .fileTooLarge)
    }

    private enum Failure: Error { case noAnswer }

    /// The caller of a question may run long after the answer has come: its container is not lost for that.
    @Test func whatHasComeIsNotLate() throws {
        var machine = Machine(patience: .seconds(1))
        let start = ContinuousClock.now
        func isLate(_ seconds: Int) -> Bool { machine.isLate(at: start + .seconds(seconds)) }
        let isLateWithoutAQuestion = isLate(0)
        #expect(!isLateWithoutAQuestion)
        #expect(machine.ask(.status, 1, until: start + .seconds(1)) == nil)
        _ = try machine.beginRun(until: start + .seconds(2)) { $0 }
        guard case .answer = machine.received(Self.status()) else { throw Failure.noAnswer }
        let isLateAfterTheAnswer = isLate(2)
        #expect(!isLateAfterTheAnswer, "only the end of the run is owed")
        #expect(machine.ask(.status, 2, until: start + .seconds(9)) == nil)
        let isRunLate = isLate(3)
        #expect(isRunLate)
        #expect(machine.received(Self.ended(1)).run == 1)
        let isLateAfterTheRun = isLate(4)
        #expect(!isLateAfterTheRun)
    }

    /// A process that was stopped, or whose machine was, first waits for what may have come meanwhile.
    @Test func aPauseOfTheEmbedderIsNotTheAgents() throws {
        var machine = Machine(patience: .seconds(10))
        let start = ContinuousClock.now
        func isLate(_ seconds: Int) -> Bool { machine.isLate(at: start + .seconds(seconds)) }
        _ = try machine.beginRun(until: start + .seconds(20)) { $0 }
        #expect(machine.ask(.status, 1, until: start + .seconds(10)) == nil)
        let lateness = ([0, 1, 2, 3, 4, 5] + [3600, 3601, 3602, 3603, 3604, 3605]).map(isLate)
        #expect(lateness == [Bool](repeating: false, count: 11) + [true], "only time that it ran counts")
    }
}
#endif
