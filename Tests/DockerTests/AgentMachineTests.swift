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
                machine.expectAnswer(by: now + .seconds(10))
                #expect(machine.ask(questions.randomElement(using: &random)!, asked) == nil)
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
                #expect(machine.ask(.status, 0)?.code == .containerLost)
                #expect(!machine.lose(SandboxError(.cancelled, message: "")).isFirst)
                #expect(machine.failure?.code == .containerLost, "the first reason stays")
                #expect(!machine.isLate(at: now + .seconds(1000)), "nothing is waited for any more")
            default: break
            }
            #expect(machine.isAsked == !waiting.isEmpty)
            #expect(machine.isRunning == (runs.begun > runs.ended))
        }
    }

    /// An agent can never make the embedder store more than was requested.
    @Test func aFileWithoutAnEndIsBounded() {
        var machine = Machine(patience: .seconds(1))
        #expect(machine.ask(.file(path: "a", maxBytes: 1000), 1) == nil)
        _ = machine.received(Self.status())
        let now = ContinuousClock.now
        for _ in 0..<100 { _ = machine.received(file: [UInt8](repeating: 0, count: 512), at: now) }
        guard case .answer(1, .failure(let error)) = machine.received(file: [UInt8](), at: now) else {
            Issue.record("no answer")
            return
        }
        #expect(error.code == .fileTooLarge)
    }
}
#endif
