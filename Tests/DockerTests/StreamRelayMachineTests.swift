/// The state machine of a relay: in any order of tries, reads and ends, the consumer sees the output of one
/// try, and every waiter is resumed.

#if Fallback
import TestSupport
import Testing

@testable import SandboxFallback

struct StreamRelayMachineTests {
    private typealias Machine = StreamRelayStateMachine<String, Int, Int>

    private enum Step: CaseIterable { case read, gotPiece, gotEnd, serve, retry, leave, end }

    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine()
        // The try that is read from, and the one that waits for that.
        var (tries, source, serving, mayServe) = (0, Int?.none, Int?.none, true)
        // The consumer: waits, or reads from the try with this number.
        var (isWaiting, reading) = (false, (source: String, number: Int)?.none)
        var (seen, isOver, hasLeft) = (Set<String>(), false, false)
        func released(_ server: Int?) {
            #expect(server == serving, "a try was left waiting, or told twice")
            (serving, source) = (nil, nil)
        }
        func take(_ read: Machine.Read) {
            #expect(reading == nil)
            switch read {
            case .from(let output, let number):
                #expect(output == "try \(source ?? 0)")
                reading = (output, number)
            case .end: #expect(isOver && source == nil)
            }
        }
        for _ in 0..<200 {
            switch Step.allCases.randomElement(using: &random)! {
            case .read where !isWaiting && reading == nil && !hasLeft:
                if let read = machine.read(1) {
                    take(read)
                } else {
                    #expect(source == nil && !isOver)
                    isWaiting = true
                }
            case .gotPiece:
                guard let (output, number) = reading else { continue }
                let isCurrent = output == source.map { "try \($0)" }
                #expect(machine.handOut(of: number) == isCurrent)
                if isCurrent { seen.insert(output) }
                reading = nil
            case .gotEnd:
                guard let (output, number) = reading else { continue }
                reading = nil
                let server = machine.sourceEnded(number)
                if output == source.map({ "try \($0)" }) { released(server) } else { #expect(server == nil) }
            // There is one try, and one more for each retry that was granted.
            case .serve where mayServe && !(isOver && !hasLeft):
                mayServe = false
                tries += 1
                switch machine.serve("try \(tries)", tries) {
                case .consumerEnded: #expect(hasLeft)
                case .begun(let reader, let read):
                    #expect(!hasLeft && (reader != nil) == isWaiting)
                    (source, serving) = (tries, tries)
                    if isWaiting {
                        isWaiting = false
                        take(read)
                    }
                }
            case .retry:
                switch machine.claimRetry() {
                case .refused: #expect(!seen.isEmpty)
                case .granted(let server):
                    #expect(seen.isEmpty)
                    released(server)
                    mayServe = true
                }
            case .leave where !isWaiting && reading == nil && Int.random(in: 0..<10, using: &random) == 0:
                let server = machine.consumerEnded(.success(()))
                #expect(server == serving)
                (serving, hasLeft, isOver) = (nil, true, true)
            case .end where serving == nil && Int.random(in: 0..<10, using: &random) == 0:
                isOver = true
                #expect(machine.end() == (isWaiting ? 1 : nil))
                isWaiting = false
            default: break
            }
            #expect(seen.count <= 1, "output of two tries")
            #expect((machine.consumerEnd != nil) == hasLeft)
            if isWaiting { #expect(source == nil && !isOver, "the consumer waits for nothing") }
        }
    }
}
#endif
