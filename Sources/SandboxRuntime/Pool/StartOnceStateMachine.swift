/// What a backend starts with its first use: what is being started, what runs, and what is given up for another one. Pure.

/// One value for each key, started when somebody asks for it. When there are too many, those that nobody uses go, the one asked
/// for longest ago first.
///
/// `Start` is what callers wait for a start by, `Ending` what they wait for the end of all by.
struct StartOnceStateMachine<
    Key: Hashable & Sendable, Value: AnyObject & Sendable, Start: Sendable, Ending: Sendable
>: Sendable {
    private enum Entry: Sendable {
        /// With a number of its own.
        case starting(Start, Int)
        case running(Value)
    }

    private let most: Int
    private var entries: [Key: Entry] = [:]
    /// The keys of all entries, the one asked for longest ago first.
    private var order: [Key] = []
    private var lastStart = 0
    private var ending: Ending?

    /// - Parameter most: of more values than that, those that nobody uses are given up.
    init(most: Int) { self.most = most }

    // MARK: Asking

    /// What there is for a key.
    enum Found {
        case running(Value)
        /// - isNew: the start was made for this caller.
        case starting(Start, isNew: Bool)
    }

    struct Answer {
        var found: Found
        /// Lost, or one too many: to be ended.
        var givenUp: [Value]
    }

    /// Somebody asks for the value of a key.
    ///
    /// - Parameters:
    ///   - isLost: whether one that runs is of no use any more.
    ///   - isUsed: whether one that runs may not be given up for another.
    ///   - start: makes the start of that number, which tells ``started(_:_:_:)`` what came of it.
    /// - Returns: `nil` after a shut-down.
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

    /// Makes room for one more.
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

    /// A start is over, whether or not anybody still waits for it.
    ///
    /// - Parameter value: `nil` when it failed: the next caller begins another.
    mutating func started(_ key: Key, _ number: Int, _ value: Value?) {
        guard case .starting(_, number)? = entries[key] else { return }
        if let value { entries[key] = .running(value) } else { forget(key) }
    }

    /// Forgets one that runs; the next caller gets a new one.
    ///
    /// - Returns: false when it was forgotten before.
    mutating func remove(_ key: Key, _ value: Value) -> Bool {
        guard case .running(let known)? = entries[key], known === value else { return false }
        forget(key)
        return true
    }

    /// The value of a key if it runs.
    func running(_ key: Key) -> Value? {
        if case .running(let value)? = entries[key] { return value }
        return nil
    }

    /// All that run, the one asked for longest ago first.
    var running: [(key: Key, value: Value)] { order.compactMap { key in running(key).map { (key, $0) } } }

    // MARK: The end

    var isShutDown: Bool { ending != nil }

    /// Nothing is started any more.
    ///
    /// - Parameter end: ends what runs and what is being started; called once.
    /// - Returns: the end, which later callers wait for, too.
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
