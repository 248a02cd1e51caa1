/// Tests a sandbox in use as a state machine: random interleavings against invariants.

import TestSupport
import Testing

@testable import SandboxRuntime

struct LeaseMachineTests {
    private typealias Machine = LeaseStateMachine<Int, String>

    /// One caller's step of a run; their order is random.
    private enum Step: CaseIterable { case beginFile, endFile, beginRun, started, ended, left, close, wait }

    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine()
        // The callers' view of the sandbox.
        var (files, isRunning, hasStarted, isPlaceHeld) = (0, false, false, false)
        var (isClosed, isWaiting, wasTold, toKill) = (false, false, false, Set<Int>())
        var number = 0
        func told(_ waiter: String?) {
            guard let waiter else { return }
            #expect(waiter == "closer" && isWaiting && !wasTold, "nobody waits, or he was told before")
            wasTold = true
        }
        for _ in 0..<400 {
            switch Step.allCases.randomElement(using: &random)! {
            case .beginFile:
                do {
                    try machine.beginFile()
                    files += 1
                } catch {
                    #expect(isClosed && error == .closed)
                }
            case .endFile where files > 0:
                files -= 1
                told(machine.endFile())
            case .beginRun:
                do {
                    try machine.beginRun()
                    #expect(!isRunning && !isClosed)
                    (isRunning, hasStarted, isPlaceHeld) = (true, false, true)
                    number += 1
                } catch {
                    #expect(error == (isClosed ? .closed : .busy))
                    #expect(isClosed || isRunning)
                }
            case .started where isRunning && !hasStarted:
                hasStarted = true
                let mustKill = machine.started(number)
                // The earlier close found no run to kill.
                #expect(mustKill == (isClosed && isPlaceHeld))
            case .ended where isRunning:
                isPlaceHeld = false
                told(machine.runEnded())
            case .left where isRunning:
                (isRunning, isPlaceHeld) = (false, false)
                told(machine.runLeft())
            case .close:
                switch machine.close() {
                case .repeated: #expect(isClosed)
                case .first(let run):
                    #expect(!isClosed)
                    #expect(run == (hasStarted && isPlaceHeld && isRunning ? number : nil))
                    isClosed = true
                    if let run { toKill.insert(run) }
                }
            case .wait where isClosed && !isWaiting:
                isWaiting = true
                if !machine.waitUntilFree("closer") { wasTold = true }
                #expect(wasTold == (files == 0 && !isPlaceHeld))
            default: break
            }
            #expect(machine.isPlaceUsed == (files > 0 || isPlaceHeld))
            // A waiting close ends as soon as the place is unused, and never before.
            if isWaiting { #expect(wasTold == !machine.isPlaceUsed) }
        }
    }
}
