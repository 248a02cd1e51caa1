/// Keeps track of what a backend starts at its first use: what is starting, what is running, and what is
/// given up. Pure.

/// One value for each key, started at a caller's first request. When there are too many values, those that
/// are not in use are given up, the least recently requested first.
///
/// Callers wait for a start by `Start`, and for the end of all values by `Ending`.
struct StartOnceStateMachine<
    Key: Hashable & Sendable, Value: AnyObject & Sendable, Start: Sendable, Ending: Sendable
>: Sendable {
    private enum Entry: Sendable {
        /// The number distinguishes this start from an earlier one of the same key.
        case starting(Start, Int)
        case running(Value)
    }

    private let most: Int
    private var entries: [Key: Entry] = [:]
    /// The keys of all entries, the least recently requested first.
    private var order: [Key] = []
    private var lastStart = 0
    private var ending: Ending?

    /// - Parameter most: how many values may exist; of more, those that are not in use are given up.
    init(most: Int) { self.most = most }

    // MARK: Asking

    /// What exists for a key.
    enum Found {
        case running(Value)
        /// - isNew: the start was made for this caller.
        case starting(Start, isNew: Bool)
    }

    struct Answer {
        var found: Found
        /// Values that the caller of `ask` has to end: lost, or given up for this one.
        var givenUp: [Value]
    }

    /// Finds or starts the value of a key for a caller.
    ///
    /// - Parameters:
    ///   - isLost: whether a running value cannot be used any more.
    ///   - isUsed: whether a running value is in use and must not be given up.
    ///   - start: makes the start of this number, which reports its result with ``started(_:_:_:)``.
    /// - Returns: `nil` after a shutdown.
    mutating func ask(
        _ key: Key, isLost: (Value) -> Bool, isUsed: (Value) -> Bool, start: (Int) -> Start
    ) -> Answer? {
        guard ending == nil else { return nil }
        var givenUp: [Value] = []
        if case .running(let value)? = entries[key], isLost(value) {
            forget(key)
            givenUp.append(value)
        }
        switch entries[key] {
        case .running(let value):
            noteUse(key)
            return Answer(found: .running(value), givenUp: givenUp)
        case .starting(let start, _):
            noteUse(key)
            return Answer(found: .starting(start, isNew: false), givenUp: givenUp)
        case nil:
            givenUp += giveUpIdle(isUsed)
            lastStart += 1
            let start = start(lastStart)
            entries[key] = .starting(start, lastStart)
            order.append(key)
            return Answer(found: .starting(start, isNew: true), givenUp: givenUp)
        }
    }

    private mutating func noteUse(_ key: Key) {
        guard order.last != key else { return }
        order.removeAll { $0 == key }
        order.append(key)
    }

    private mutating func forget(_ key: Key) {
        entries[key] = nil
        order.removeAll { $0 == key }
    }

    /// Gives up idle values until there is room for one more.
    private mutating func giveUpIdle(_ isUsed: (Value) -> Bool) -> [Value] {
        var givenUp: [Value] = []
        for key in order where entries.count >= most {
            guard case .running(let value)? = entries[key], !isUsed(value) else { continue }
            forget(key)
            givenUp.append(value)
        }
        return givenUp
    }

    // MARK: What becomes of it

    /// Takes the result of a start, even if no caller waits for it any more.
    ///
    /// - Parameter value: `nil` when the start failed: the next caller begins another.
    mutating func started(_ key: Key, _ number: Int, _ value: Value?) {
        guard case .starting(_, number)? = entries[key] else { return }
        if let value { entries[key] = .running(value) } else { forget(key) }
    }

    /// Forgets a running value; the next caller gets a new one.
    ///
    /// - Returns: false when it was forgotten before.
    mutating func remove(_ key: Key, _ value: Value) -> Bool {
        guard case .running(let known)? = entries[key], known === value else { return false }
        forget(key)
        return true
    }

    /// Returns the value of a key if it is running.
    func running(_ key: Key) -> Value? {
        if case .running(let value)? = entries[key] { return value }
        return nil
    }

    /// All running values, the least recently requested first.
    var running: [(key: Key, value: Value)] { order.compactMap { key in running(key).map { (key, $0) } } }

    // MARK: The end

    var isShutDown: Bool { ending != nil }

    /// Stops all further starts.
    ///
    /// - Parameter end: ends what is running and what is starting; called once.
    /// - Returns: the end, for which later callers wait, too.
    mutating func shutDown(_ end: (_ running: [Value], _ starting: [Start]) -> Ending) -> Ending {
        if let ending { return ending }
        let starting = order.compactMap { key -> Start? in
            if case .starting(let start, _)? = entries[key] { return start }
            return nil
        }
        let ending = end(running.map(\.value), starting)
        self.ending = ending
        (entries, order) = ([:], [])
        return ending
    }
}
