/// The state machine of a request: its task, a connection or an end may come first, and there is exactly one
/// result.

#if Docker
import TestSupport
import Testing

@testable import SandboxDocker

struct ExchangeMachineTests {
    private typealias Machine = ExchangeStateMachine<Int, String, Int>

    private static func failure(_ number: Int) -> Machine.Answer {
        .failure(EngineError(.interrupted, operation: "GET /", message: "\(number)"))
    }

    /// What tells one result from another.
    private static func text(_ answer: Machine.Answer?) -> String? {
        switch answer {
        case .success(let number): "\(number)"
        case .failure(let error): error.message
        case nil: nil
        }
    }

    private enum Step: CaseIterable { case wait, connect, connectAgain, answer, fail, cancel }

    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine()
        // What the outside knows.
        var (isWaiting, told, connection, closed) = (false, String?.none, Int?.none, Int?.none)
        var (result, ends) = (String?.none, 0)
        func finish(_ answer: Machine.Answer) {
            ends += 1
            switch machine.finish(answer) {
            case .repeated: #expect(result != nil)
            case .first(let close, let waiter):
                #expect(result == nil)
                result = Self.text(answer)
                #expect(waiter == (isWaiting ? "task" : nil))
                if waiter != nil { told = result }
                closed = close
                if case .failure = answer { #expect(close == connection) } else { #expect(close == nil) }
            }
        }
        for number in 1...12 {
            switch Step.allCases.randomElement(using: &random)! {
            case .wait where !isWaiting:
                let early = machine.wait("task")
                #expect(Self.text(early) == result)
                (isWaiting, told) = (true, Self.text(early))
            case .connect, .connectAgain:
                let isTaken = machine.begin(on: number)
                #expect(isTaken == (result == nil))
                if isTaken { connection = number }
            case .answer: finish(.success(number))
            case .fail, .cancel: finish(Self.failure(number))
            case .wait: break
            }
            #expect(machine.isFinished == (result != nil))
            // The waiting task is resumed as soon as there is a result, and only with the first one.
            if isWaiting { #expect(told == result) }
            #expect(closed == nil || closed == connection)
        }
        #expect((result == nil) == (ends == 0))
    }
}
#endif
