/// Starting once for each key as a state machine: random interleavings against what must hold whatever the order.

import TestSupport
import Testing

@testable import SandboxRuntime

struct StartOnceMachineTests {
    private final class Started: Sendable {
        let key: Int
        let number: Int

        init(_ key: Int, _ number: Int) { (self.key, self.number) = (key, number) }
    }

    private typealias Machine = StartOnceStateMachine<Int, Started, Int, String>

    /// What the outside knows.
    private struct World {
        var starting: [Int: Int] = [:]
        var running: [Int: Started] = [:]
        /// The keys of both, the one asked for longest ago first.
        var order: [Int] = []
        var used: Set<Int> = []
        var lost: Set<Int> = []
        var ended: Set<Int> = []

        func isUsed(_ value: Started) -> Bool { used.contains(value.number) }
        func isLost(_ value: Started) -> Bool { lost.contains(value.number) }

        mutating func end(_ value: Started) {
            #expect(ended.insert(value.number).inserted, "ended twice")
        }

        mutating func leave(_ key: Int) {
            running[key] = nil
            starting[key] = nil
            order.removeAll { $0 == key }
        }

        /// What has to go before another one is started.
        func surplus(_ most: Int) -> [Started] {
            Array(
                order.compactMap { running[$0] }.filter { !isUsed($0) }.prefix(max(0, order.count - most + 1))
            )
        }
    }

    private enum Step: CaseIterable {
        case ask, askAgain, started, failed, stale, use, leave, lose, remove, end
    }

    @Test(arguments: 0..<200) func anyOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let most = Int.random(in: 1...4, using: &random)
        var machine = Machine(most: most)
        var world = World()
        var (lastStart, stale, isOver) = (0, [(key: Int, number: Int)](), false)
        func ask(_ key: Int) {
            let lost = world.running[key].flatMap { world.isLost($0) ? $0 : nil }
            if let lost { world.leave(lost.key) }
            let isNew = !world.order.contains(key)
            let expected = (lost.map { [$0] } ?? []) + (isNew ? world.surplus(most) : [])
            let answer = machine.ask(key, isLost: world.isLost, isUsed: world.isUsed) { number in
                #expect(isNew && number == lastStart + 1)
                lastStart = number
                return number
            }
            guard let answer else { return #expect(isOver) }
            #expect(!isOver && answer.givenUp.elementsEqual(expected, by: ===))
            for value in answer.givenUp {
                world.leave(value.key)
                world.end(value)
            }
            switch answer.found {
            case .running(let value): #expect(value === world.running[key] && !isNew)
            case .starting(let number, let isMine):
                #expect(isMine == isNew && number == (isNew ? lastStart : world.starting[key]))
                world.starting[key] = number
            }
            world.order.removeAll { $0 == key }
            world.order.append(key)
        }
        for _ in 0..<300 {
            let value = world.running.values.sorted { $0.key < $1.key }.randomElement(using: &random)
            let start = world.starting.sorted { $0.key < $1.key }.randomElement(using: &random)
            switch Step.allCases.randomElement(using: &random)! {
            case .ask, .askAgain: ask(Int.random(in: 0..<6, using: &random))
            case .started:
                guard let start else { continue }
                let value = Started(start.key, start.value)
                machine.started(start.key, start.value, value)
                stale.append((start.key, start.value))
                world.starting[start.key] = nil
                world.running[start.key] = value
            case .failed:
                guard let start else { continue }
                machine.started(start.key, start.value, nil)
                stale.append((start.key, start.value))
                world.leave(start.key)
            // What an earlier start came to is not what this one does.
            case .stale:
                guard let (key, number) = stale.randomElement(using: &random) else { continue }
                machine.started(key, number, Bool.random(using: &random) ? Started(key, number) : nil)
            case .use: if let value { world.used.insert(value.number) }
            case .leave: if let value { world.used.remove(value.number) }
            case .lose: if let value { world.lost.insert(value.number) }
            case .remove:
                guard let value else { continue }
                #expect(machine.remove(value.key, value) && !machine.remove(value.key, value))
                world.leave(value.key)
                world.end(value)
            case .end where Int.random(in: 0..<20, using: &random) == 0:
                let ending = machine.shutDown { running, starting in
                    #expect(!isOver, "the end is made once")
                    let known = world.order.compactMap { world.running[$0] }
                    #expect(running.map(\.number) == known.map(\.number))
                    #expect(starting == world.order.compactMap { world.starting[$0] })
                    for value in running { world.end(value) }
                    return "the end"
                }
                #expect(ending == "the end")
                stale += world.starting.map { ($0.key, $0.value) }
                (world.starting, world.running, world.order, isOver) = ([:], [:], [], true)
            case .end: break
            }
            #expect(machine.isShutDown == isOver)
            let running = world.order.compactMap { key in world.running[key].map { (key, $0) } }
            #expect(machine.running.elementsEqual(running) { $0.key == $1.0 && $0.value === $1.1 })
            for key in 0..<6 { #expect(machine.running(key) === world.running[key]) }
        }
    }
}
