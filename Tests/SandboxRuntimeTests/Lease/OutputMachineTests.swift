/// Tests output as a state machine: in any order of writes, reads, cancellations and the end, no byte is
/// lost, doubled or given to no reader.

import SandboxAPI
import TestSupport
import Testing

@testable import SandboxRuntime

struct OutputMachineTests {
    private typealias Machine = OutputStateMachine<Int>

    /// A stream's bytes, numbered, so that a gap shows.
    private struct Written {
        var count = 0
        mutating func next(_ size: Int) -> [UInt8] {
            defer { count += size }
            return (count..<count + size).map { UInt8(truncatingIfNeeded: $0) }
        }
    }

    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bound = Int.random(in: 0...20_000, using: &random)
        var machine = Machine(bound: bound, isStreaming: true)
        var written = [Written(), Written()]
        var seen: [[UInt8]] = [[], []]
        var (waiter, asked, isOver, isDiscarded) = (Int?.none, 0, false, false)
        func receive(_ chunk: Execution.Chunk) { seen[chunk.stream == .stdout ? 0 : 1] += chunk.bytes }
        for _ in 0..<300 {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<55 where !isOver:
                let index = Int.random(in: 0...1, using: &random)
                let before = written[index].count
                let size = Int.random(in: 1...700, using: &random)
                let taken = machine.take(written[index].next(size), from: index == 0 ? .stdout : .stderr)
                #expect(taken.hasExceeded == (before <= bound && written[index].count > bound))
                if let (who, chunk) = taken.delivery {
                    #expect(who == waiter)
                    waiter = nil
                    receive(chunk)
                }
            case 55..<90:
                asked += 1
                switch machine.next(asked) {
                case .chunk(let chunk): receive(chunk)
                case .end: #expect(isOver || isDiscarded || waiter != nil)
                case .wait:
                    #expect(waiter == nil && !isOver)
                    waiter = asked
                }
            case 90..<97:
                #expect(machine.cancelNext() == waiter)
                waiter = nil
            case 97 where seed % 3 == 0:
                machine.discardRest()
                isDiscarded = true
            case 98...:
                let consumer = machine.finish()
                #expect(consumer == waiter || (consumer == nil && isOver))
                (isOver, waiter) = (true, nil)
            default: break
            }
            #expect(machine.isFull == false || !isDiscarded)
        }
        _ = machine.finish()
        while case .chunk(let chunk) = machine.next(0) { receive(chunk) }
        for index in 0..<2 {
            let all = (0..<min(bound, written[index].count)).map { UInt8(truncatingIfNeeded: $0) }
            if isDiscarded { #expect(all.starts(with: seen[index])) } else { #expect(seen[index] == all) }
        }
        #expect(machine.hasExceeded == written.contains { $0.count > bound })
    }
}
