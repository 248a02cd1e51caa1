/// A queue of unique keys from which any key can be removed in constant time.

import SandboxAPI

/// Keys in the order in which they were appended; every operation takes constant time.
struct LinkedQueue<Key: Hashable & Sendable>: Sendable {
    private struct Links {
        var previous: Key?
        var next: Key?
    }

    private var links: [Key: Links] = [:]
    private(set) var first: Key?
    private(set) var last: Key?

    var count: Int { links.count }
    var isEmpty: Bool { links.isEmpty }

    func contains(_ key: Key) -> Bool { links[key] != nil }

    /// Appends a key; one that is already in the queue keeps its place.
    mutating func append(_ key: Key) {
        guard !contains(key) else { return }
        links[key] = Links(previous: last, next: nil)
        if let last { links[last]?.next = key } else { first = key }
        last = key
    }

    /// Inserts a new key before another; at the end if that is `nil` or not in the queue.
    mutating func insert(_ key: Key, before next: Key?) {
        guard let next, let links = links[next], !contains(key) else { return append(key) }
        self.links[key] = Links(previous: links.previous, next: next)
        self.links[next]?.previous = key
        if let previous = links.previous { self.links[previous]?.next = key } else { first = key }
    }

    /// The next key; `nil` after the last one, and for a key that is not in the queue.
    func key(after key: Key) -> Key? { links[key]?.next }

    /// The key before it; `nil` before the first one, and for a key that is not in the queue.
    func key(before key: Key) -> Key? { links[key]?.previous }

    /// Removes a key. Returns whether it was in the queue.
    @discardableResult
    mutating func remove(_ key: Key) -> Bool {
        guard let taken = links.removeValue(forKey: key) else { return false }
        if let previous = taken.previous { links[previous]?.next = taken.next } else { first = taken.next }
        if let next = taken.next { links[next]?.previous = taken.previous } else { last = taken.previous }
        return true
    }

    mutating func popFirst() -> Key? {
        guard let key = first else { return nil }
        remove(key)
        return key
    }

    mutating func popLast() -> Key? {
        guard let key = last else { return nil }
        remove(key)
        return key
    }
}
