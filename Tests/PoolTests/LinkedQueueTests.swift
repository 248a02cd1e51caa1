/// The queue of unique keys against an array that does the same slowly.

import Testing

@testable import Sandbox

@Suite struct LinkedQueueTests {
    @Test(arguments: 0..<200 as Range<UInt64>) func behavesLikeAnArray(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = LinkedQueue<Int>()
        var model: [Int] = []
        for _ in 0..<100 {
            let key = Int.random(in: 0..<8, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                queue.append(key)
                if !model.contains(key) { model.append(key) }
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
        }
    }
}
