/// Tests a slot's embedder side as a state machine: random interleavings against invariants.

import TestSupport
import Testing

@testable import Sandbox

struct SlotMachineTests {
    private typealias Machine = SlotStateMachine<Int, String, Int>

    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine()
        // The callers' side: whether a question is under way, whether its caller waits, and the run.
        var (isAsked, isWaiting, answer) = (false, false, Int?.none)
        var (reserved, running) = (UInt64?.none, UInt64?.none)
        var (isClosed, questions, last) = (false, 0, UInt64(0))
        for _ in 0..<300 {
            switch Int.random(in: 0..<9, using: &random) {
            case 0 where !isAsked:
                questions += 1
                (isAsked, answer) = (true, nil)
            case 1 where isAsked && !isWaiting:
                switch machine.wait("asker") {
                case .answer(let given):
                    #expect(given == answer)
                    (isAsked, answer) = (false, nil)
                case .closed:
                    #expect(isClosed && answer == nil)
                    isAsked = false
                case .wait:
                    #expect(answer == nil && !isClosed)
                    isWaiting = true
                }
            case 2 where isAsked && answer == nil && !isClosed:
                let waiter = machine.answered(questions)
                #expect((waiter == "asker") == isWaiting)
                if isWaiting { (isAsked, isWaiting) = (false, false) } else { answer = questions }
            case 3:
                let serial = machine.reserveRun()
                #expect((serial == nil) == (reserved != nil || running != nil))
                if let serial {
                    #expect(serial > last)
                    (reserved, last) = (serial, serial)
                }
            case 4 where reserved != nil:
                #expect(machine.beginRun(Int(reserved!)) == !isClosed)
                if isClosed { machine.forgetRun(reserved!) } else { running = reserved }
                reserved = nil
            case 5 where reserved != nil && !isClosed:
                machine.forgetRun(reserved!)
                reserved = nil
            case 6 where running != nil:
                // A second report of an earlier run's end belongs to no run.
                if last > 1 { #expect(machine.runEnded(last - 1).run == nil) }
                let end = machine.runEnded(last)
                #expect(end.run == Int(running!) && !end.closes)
                running = nil
            case 7 where running != nil && seed % 2 == 0:
                let end = machine.runEnded(0)
                #expect(end.run == Int(running!) && end.closes && machine.mustRetire)
                running = nil
            case 8 where Int.random(in: 0..<20, using: &random) == 0:
                let closed = machine.close()
                #expect((closed == nil) == isClosed)
                if let closed {
                    #expect(closed.run == running.map { Int($0) })
                    #expect((closed.waiter == "asker") == isWaiting)
                    if isWaiting { (isAsked, isWaiting) = (false, false) }
                    // An answer that is there stays for its caller: why the slot ended.
                    (running, isClosed) = (nil, true)
                    if reserved != nil { machine.forgetRun(reserved!) }
                    reserved = nil
                }
            default: break
            }
            #expect(machine.isClosed == isClosed)
        }
    }
}
