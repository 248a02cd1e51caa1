/// Tests the queue of unique keys against a slow one made of an array.

import SandboxAPI
import TestSupport
import Testing

@testable import SandboxRuntime

@Suite struct LinkedQueueTests {
    @Test(arguments: 0..<200 as Range<UInt64>) func behavesLikeAnArray(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = LinkedQueue<Int>()
        var model: [Int] = []
        for _ in 0..<100 {
            let key = Int.random(in: 0..<8, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                queue.append(key)
                if !model.contains(key) { model.append(key) }
            case 4:
                let next = Bool.random(using: &random) ? Int.random(in: 0..<8, using: &random) : nil
                queue.insert(key, before: next)
                let place = next.flatMap { model.firstIndex(of: $0) } ?? model.count
                if !model.contains(key) { model.insert(key, at: place) }
            case 2:
                #expect(queue.remove(key) == model.contains(key), "seed \(seed)")
                model.removeAll { $0 == key }
            default:
                if Bool.random(using: &random) {
                    #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()), "seed \(seed)")
                } else {
                    #expect(queue.popLast() == model.popLast(), "seed \(seed)")
                }
            }
            #expect(
                queue.first == model.first && queue.last == model.last && queue.count == model.count
                    && queue.isEmpty == model.isEmpty && queue.contains(key) == model.contains(key),
                "seed \(seed)")
            for (key, next) in zip(model, model.dropFirst().map(Optional.some) + [nil]) {
                #expect(queue.key(after: key) == next, "seed \(seed)")
            }
        }
    }
}
