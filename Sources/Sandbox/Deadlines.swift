/// Deadlines in the order of their times, for actions of an event loop.

import SandboxAPI
import SandboxRuntime

/// A heap of deadlines, each with its action. Almost all are cancelled long before their time, so cancelling
/// costs one removal from a dictionary, and the heap is swept when most of its entries are dead. Pure: times
/// come in, due actions go out.
struct Deadlines<Action> {
    /// The number of a deadline; never used twice.
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

    /// How many are neither due nor cancelled.
    var count: Int { actions.count }
    /// How many entries the heap has, dead ones included: never more than twice the live ones and a constant.
    var heapCount: Int { heap.count }

    mutating func add(at time: UInt64, _ action: Action) -> ID {
        lastNumber += 1
        let id = ID(number: lastNumber)
        actions[id] = action
        heap.append(Entry(time: time, id: id))
        rise(heap.count - 1)
        return id
    }

    /// Does nothing when the deadline was due or cancelled before.
    mutating func remove(_ id: ID) {
        actions[id] = nil
        guard heap.count > Self.sweepAbove, heap.count > 2 * actions.count else { return }
        heap.removeAll { actions[$0.id] == nil }
        // A sorted array is a heap.
        heap.sort { $0.time < $1.time }
    }

    /// The time of the first deadline, or `nil`.
    mutating func nextTime() -> UInt64? {
        while let first = heap.first, actions[first.id] == nil { dropFirst() }
        return heap.first?.time
    }

    /// Removes the first deadline if its time has come, and returns its action.
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
