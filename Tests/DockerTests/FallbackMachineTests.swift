/// A sandbox of a fallback as a state machine: whatever the order of runs, losses, moves and the close, there is one move at
/// most, one word to the breaker, and no repetition of what cannot be repeated.

#if Fallback
import SandboxAPI
import TestSupport
import Testing

@testable import SandboxFallback

struct FallbackMachineTests {
    private typealias Machine = FallbackStateMachine<String, Int, String>

    private static let cause = BreakerBoard.Cause(code: .containerLost, text: "lost")

    private enum Step: CaseIterable {
        case begin, end, write, forbid, verdict, incapable, broken, brokenAgain, move, moveAgain, arrive,
            close
    }

    private static func name(_ phase: Machine.Phase) -> String {
        switch phase {
        case .first(let sandbox), .second(let sandbox): sandbox
        case .moving(let number): "move \(number)"
        case .lost(let error): error.message
        }
    }

    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine(first: "first", pass: "pass", journal: FileJournal(capacity: 1000))
        // The state as the test sees it: which backend has the sandbox, and what was reported to the breaker.
        var (place, answers) = ("first", "first")
        var (words, moves, isLost) = (0, 0, false)
        var (isRunning, hasRun, isTooMuch, isClosed) = (false, false, false, false)
        func told(_ pass: String?) {
            guard let pass else { return }
            #expect(pass == "pass")
            words += 1
        }
        for _ in 0..<60 {
            switch Step.allCases.randomElement(using: &random)! {
            case .begin:
                #expect(machine.beginRun() == !isRunning)
                isRunning = true
            case .end:
                machine.endRun()
                isRunning = false
            case .write:
                let size = Int.random(in: 0..<400, using: &random)
                let entry = machine.journal.begin(
                    .write([UInt8](repeating: 0, count: size), executable: false), of: "file")
                if let entry { machine.journal.confirm(entry) } else { isTooMuch = true }
            case .forbid where Int.random(in: 0..<4, using: &random) == 0:
                machine.forbidReplay()
                hasRun = true
            case .verdict:
                let pass = machine.takeVerdict()
                #expect((pass != nil) == (place == "first" && words == 0))
                told(pass)
            case .incapable:
                let judgement = machine.failed(.incapable, Self.cause, isOfFirst: place != "second")
                #expect(judgement.pass == nil, "what lacks something is no failure")
                if place == "first" { #expect((judgement.cause != nil) == !hasRun) }
            case .broken, .brokenAgain:
                let judgement = machine.failed(.broken, Self.cause, isOfFirst: place != "second")
                #expect((judgement.pass != nil) == (place == "first" && !isLost))
                if place == "first" {
                    // A loss counts though a run before it went well.
                    #expect(judgement.cause != nil)
                    (words, isLost) = (max(words, 1), true)
                }
                if place == "second" { #expect(judgement.cause == nil, "there is no third") }
            case .move, .moveAgain:
                let begins = machine.beginMove(Self.cause) { sandbox, journal in
                    #expect(sandbox == "first" && journal.isIncomplete == (hasRun || isTooMuch))
                    moves += 1
                    return moves
                }
                #expect(begins == (place == "first" && !isClosed))
                if begins { place = "move 1" }
            case .arrive where moves > 0:
                let isThere = Bool.random(using: &random)
                machine.moved(
                    isThere ? .success("second") : .failure(SandboxError(.containerLost, message: "none")))
                // Each user that waited tells of it; the first one counts.
                if place == "move 1" { place = isThere ? "second" : "none" }
                if place == "second" { answers = "second" }
            case .close:
                let close = machine.close()
                #expect((close != nil) == !isClosed)
                if let close {
                    #expect(Self.name(close.phase) == place && close.move == (moves == 0 ? nil : 1))
                    #expect((close.pass != nil) == (place == "first" && words == 0))
                    told(close.pass)
                }
                isClosed = true
            case .forbid, .arrive: break
            }
            #expect(Self.name(machine.phase) == place && machine.latest == answers)
            #expect(moves <= 1 && words <= 1)
            #expect((machine.cause != nil) == (moves == 1))
            #expect((machine.passWithoutVerdict == nil) == (words == 1), "the breaker has to be told once")
            #expect((machine.refusal != nil) == (hasRun || isTooMuch))
        }
    }
}
#endif
