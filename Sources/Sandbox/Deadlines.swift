/// Deadlines in the order of their times: what an event loop does when nothing else happened in time.

import SandboxAPI
import SandboxRuntime

/// A heap of deadlines, each with its action. Almost all are called off long before their time, so that costs one entry
/// of a dictionary, and the heap is swept when most of it is dead. Pure: times come in, due actions go out.
struct Deadlines<Action> {
    /// Names a deadline; never used twice.
    struct ID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Entry {
        var time: UInt64
        var id: ID
    }

    private static var sweepAbove: Int { 64 }
    private var heap: [Entry] = []
    private var actions: [ID: Action] = [:]
    private var lastNumber: UInt64 = 0

    /// How many are neither due nor called off.
    var count: Int { actions.count }
    /// How many the heap holds, dead ones included: never more than twice as many as live ones and some.
    var heapCount: Int { heap.count }

    mutating func add(at time: UInt64, _ action: Action) -> ID {
        lastNumber += 1
        let id = ID(number: lastNumber)
        actions[id] = action
        heap.append(Entry(time: time, id: id))
        rise(heap.count - 1)
        return id
    }

    /// Does nothing when it was due or called off before.
    mutating func remove(_ id: ID) {
        actions[id] = nil
        guard heap.count > Self.sweepAbove, heap.count > 2 * actions.count else { return }
        heap.removeAll { actions[$0.id] == nil }
        // A sorted array is a heap.
        heap.sort { $0.time < $1.time }
    }

    /// The time of the first one, or `nil`.
    mutating func nextTime() -> UInt64? {
        while let first = heap.first, actions[first.id] == nil { dropFirst() }
        return heap.first?.time
    }

    /// Removes the first one when its time has come, and returns what is to be done.
    mutating func takeDue(now: UInt64) -> Action? {
        guard let time = nextTime(), time <= now else { return nil }
        let action = actions.removeValue(forKey: heap[0].id)
        dropFirst()
        return action
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0, heap[(index - 1) / 2].time > heap[index].time {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func dropFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].time < heap[least].time { least = child }
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
