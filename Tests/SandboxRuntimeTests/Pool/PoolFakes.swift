/// Members, gates and clocks in memory, for the tests of the pool's driver.

import SandboxAPI
import Testing

@testable import SandboxRuntime

/// Makes and destroys numbers, and counts them.
final class FakeFactory: Sendable {
    private struct State {
        var alive: Set<Int> = []
        var made = 0
        var destroyed = 0
        var tries = 0
        var isBroken = false
        var wrong = 0
        var resets = 0
        var checks = 0
        /// Members that fail their next reset or health check.
        var sick: Set<Int> = []
    }

    private let state = Locked(State())
    /// Creations wait here.
    let creation = Gate(open: true)
    /// Destructions wait here.
    let destruction = Gate(open: true)
    /// Resets and health checks wait here.
    let examination = Gate(open: true)

    var alive: Set<Int> { state.withLock { $0.alive } }
    var made: Int { state.withLock { $0.made } }
    var tries: Int { state.withLock { $0.tries } }
    /// Members destroyed twice.
    var wrong: Int { state.withLock { $0.wrong } }
    var resets: Int { state.withLock { $0.resets } }
    var checks: Int { state.withLock { $0.checks } }
    var isBroken: Bool {
        get { state.withLock { $0.isBroken } }
        set { state.withLock { $0.isBroken = newValue } }
    }

    func make(_ id: PoolMemberID) async throws(SandboxError) -> Int {
        state.withLock { $0.tries += 1 }
        await creation.pass()
        let isBroken = state.withLock { state in
            if !state.isBroken {
                state.made += 1
                state.alive.insert(id.rawValue)
            }
            return state.isBroken
        }
        if isBroken { throw SandboxError(.setupFailed, message: "the factory is broken") }
        return id.rawValue
    }

    func destroy(_ member: Int) async {
        await destruction.pass()
        state.withLock { if $0.alive.remove(member) == nil { $0.wrong += 1 } }
    }

    func makeSick(_ member: Int) { state.withLock { _ = $0.sick.insert(member) } }

    func reset(_ member: Int) async -> Bool {
        state.withLock { $0.resets += 1 }
        return await examine(member)
    }

    func check(_ member: Int) async -> Bool {
        state.withLock { $0.checks += 1 }
        return await examine(member)
    }

    private func examine(_ member: Int) async -> Bool {
        await examination.pass()
        return state.withLock { !$0.sick.contains(member) && $0.alive.contains(member) }
    }

    /// - Parameter examines: whether members are reset and checked.
    func pool(
        _ configuration: PoolConfiguration, clock: PoolClock = .continuous, examines: Bool = false
    ) throws -> Pool<Int> {
        let reset: Pool<Int>.Test = { await self.reset($0) }
        let check: Pool<Int>.Test = { await self.check($0) }
        return try Pool(
            configuration: configuration, clock: clock,
            create: { id throws(SandboxError) in try await self.make(id) },
            destroy: { await self.destroy($0) },
            reset: examines ? reset : nil, check: examines ? check : nil)
    }
}

/// A value that tasks share.
final class Shared<Value: Sendable>: Sendable {
    private let state: Locked<Value>

    init(_ value: Value) { state = Locked(value) }

    var value: Value { state.withLock { $0 } }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        state.withLock { body(&$0) }
    }
}

/// Holds tasks up until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen: Bool
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Locked<State>

    init(open: Bool) { state = Locked(State(isOpen: open)) }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func close() { state.withLock { $0.isOpen = false } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// Time that advances when a test says so.
final class ManualClock: Sendable {
    private struct State {
        var now = Duration.zero
        var sleepers: [Int: (until: Duration, continuation: CheckedContinuation<Void, Never>)] = [:]
        var last = 0
    }

    private let state = Locked(State())

    var sleepers: Int { state.withLock { $0.sleepers.count } }

    var clock: PoolClock {
        PoolClock(now: { self.state.withLock { $0.now } }, sleep: { try await self.sleep(until: $0) })
    }

    func advance(to time: Duration) {
        let due = state.withLock { state in
            state.now = time
            let due = state.sleepers.filter { $0.value.until <= time }
            for key in due.keys { state.sleepers[key] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    private func sleep(until deadline: Duration) async throws {
        let key = state.withLock { state in
            state.last += 1
            return state.last
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if Task.isCancelled || state.now >= deadline { return true }
                    state.sleepers[key] = (deadline, continuation)
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: key) }?.continuation.resume()
        }
        try Task.checkCancellation()
    }
}

/// Waits for a background event; gives up after ten seconds.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ holds: () async -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while await !holds() {
        if ContinuousClock.now > end {
            Issue.record("never happened: \(what)", sourceLocation: sourceLocation)
            throw CancellationError()
        }
        try await Task.sleep(for: .microseconds(200))
    }
}
