/// Tests how long callers wait: an acquire always ends, with its reason.

import SandboxAPI
import Testing

@testable import SandboxRuntime

private typealias Machine = PoolStateMachine<Int>

@Suite struct PoolDeadlineRulesTests {
    private let reused = PoolConfiguration(
        minimum: 1, maximum: 2, idleTimeout: nil, maxUses: 99, acquireTimeout: .seconds(10),
        patience: .seconds(1))

    @Test func aCallerForWhomNothingMovesIsToldSo() throws {
        var machine = Machine.ready(reused)
        _ = try machine.take(1)
        #expect(machine.enqueue(2, now: .seconds(1)) == "create 2")
        #expect(machine.nextDeadline == .seconds(11))
        #expect(machine.tick(now: .seconds(11) - .nanoseconds(1)).summary == "")
        #expect(machine.tick(now: .seconds(11)).summary == "time out 2")
        #expect(machine.statistics.waiting == 0 && machine.statistics.refused == 1)
        #expect(machine.nextDeadline == nil)
    }

    @Test func aQueueThatMovesIsWaitedOut() throws {
        var machine = Machine.ready(
            PoolConfiguration(
                minimum: 1, maximum: 1, idleTimeout: nil, maxUses: 99, acquireTimeout: .seconds(10)))
        var lease = try machine.take(0)
        for waiter in 1...5 { #expect(machine.enqueue(waiter) == "") }
        for turn in 1...4 {
            // Each turn is within the timeout; the last caller's whole wait is far longer.
            let now = Duration.seconds(9 * turn)
            #expect(machine.tick(now: now).summary == "")
            let actions = machine.release(lease, reusable: true, now: now)
            #expect(actions.summary == "grant \(turn)←1")
            lease = try #require(actions.grants.first?.lease)
        }
        #expect(machine.tick(now: .seconds(45)).summary == "")
        #expect(machine.tick(now: .seconds(46)).summary == "time out 5")
    }

    @Test func makingThatKeepsFailingFailsWaitersThoughOneIsInUse() throws {
        var machine = Machine.ready(reused)
        _ = try machine.take(1)
        #expect(machine.enqueue(2) == "create 2")
        #expect(machine.creationFailed(member(2), now: .milliseconds(10)).summary == "")
        // Creations go on meanwhile.
        #expect(machine.tick(now: .milliseconds(110)).summary == "create 3")
        #expect(machine.creationFailed(member(3), now: .milliseconds(120)).summary == "")
        #expect(machine.tick(now: .milliseconds(999)).failures.isEmpty)
        // A creation under way is waited for; then the patience is over.
        #expect(machine.statistics.creating == 1)
        #expect(machine.tick(now: .seconds(2)).failures.isEmpty)
        #expect(machine.creationFailed(member(4), now: .seconds(3)).summary == "fail 2")
    }

    @Test func waitersFailBetweenTwoTriesToo() throws {
        var machine = Machine.ready(
            PoolConfiguration(
                minimum: 1, maximum: 2, maxUses: 99, initialBackoff: .seconds(30), patience: .seconds(1)))
        _ = try machine.take(1)
        _ = machine.enqueue(2)
        _ = machine.enqueue(3)
        #expect(machine.creationFailed(member(2), now: .zero).summary == "")
        #expect(machine.nextDeadline == .seconds(1))
        #expect(machine.tick(now: .seconds(1)).summary == "fail 2, fail 3")
    }

    /// Callers that keep coming start creations of their own: earlier callers must not wait for these.
    @Test func newcomersDoNotKeepWaitersFromTheirFailure() throws {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 9, patience: .seconds(1)))
        #expect(machine.enqueue(1) == "create 1")
        #expect(machine.enqueue(2, now: .seconds(2)) == "create 2")
        #expect(machine.creationFailed(member(1), now: .seconds(3)).summary == "fail 1")
        #expect(machine.enqueue(3, now: .seconds(4)) == "create 3")
        #expect(machine.creationFailed(member(2), now: .seconds(5)).summary == "fail 2")
    }

    @Test func aSuccessInBetweenGivesHopeAgain() throws {
        var machine = Machine.ready(reused)
        let lease = try machine.take(1)
        _ = machine.enqueue(2)
        _ = machine.enqueue(3)
        _ = machine.creationFailed(member(2), now: .zero)
        let grant = machine.release(lease, reusable: true, now: .milliseconds(900))
        #expect(grant.summary == "grant 2←1")
        // Earlier failures are forgotten: for the third waiter none has failed since.
        #expect(machine.tick(now: .milliseconds(1100)).failures.isEmpty)
        #expect(machine.statistics.waiting == 1)
    }

    @Test func aSlowResetIsNotCountedOn() throws {
        var machine = Machine.ready(reused, resets: true)
        #expect(try machine.release(machine.take(1), reusable: true, now: .zero).summary == "reset 1")
        #expect(machine.enqueue(2) == "")
        #expect(machine.nextDeadline == .seconds(1))
        #expect(machine.tick(now: .seconds(1)).summary == "create 2")
        #expect(machine.created(member(2), now: .seconds(1)).summary == "grant 2←2")
        // When the slow reset ends, the member is used as any other.
        #expect(machine.resetDone(member(1), fit: true, now: .seconds(2)).summary == "")
        #expect(machine.statistics.available == 1)
    }

    @Test func withoutATimeoutNobodyIsToldAnything() throws {
        var machine = Machine.ready(
            PoolConfiguration(minimum: 1, maximum: 1, idleTimeout: nil, acquireTimeout: nil))
        _ = try machine.take(1)
        _ = machine.enqueue(2)
        #expect(machine.nextDeadline == nil)
        #expect(machine.tick(now: .seconds(1 << 30)).summary == "")
    }
}

@Suite(.timeLimit(.minutes(10))) struct PoolDeadlineTests {
    private let factory = FakeFactory()

    private func error(_ pool: Pool<Int>) async -> SandboxError? {
        do throws(SandboxError) {
            _ = try await pool.acquire()
            return nil
        } catch {
            return error
        }
    }

    @Test func theErrorSaysWhatTheOthersDo() async throws {
        let time = ManualClock()
        let pool = try factory.pool(
            PoolConfiguration(minimum: 0, maximum: 1, maxUses: .max, acquireTimeout: .seconds(5)),
            clock: time.clock)
        let lease = try await pool.acquire()
        let waiter = Task { await error(pool) }
        try await eventually("it waits") { pool.statistics.waiting == 1 && time.sleepers == 1 }
        time.advance(to: .seconds(5))
        let failure = try #require(await waiter.value)
        #expect(failure.code == .acquireTimedOut)
        #expect(failure.message.contains("of at most 1, 1 in use"))
        #expect(failure.hint?.contains("acquireTimeout") == true)
        pool.release(lease, reusable: true)
        await pool.drain()
    }

    @Test func theErrorIsTheMakingsOwnThoughOneIsInUse() async throws {
        let pool = try factory.pool(
            PoolConfiguration(minimum: 0, maximum: 4, maxUses: .max, patience: .milliseconds(20)))
        let lease = try await pool.acquire()
        factory.isBroken = true
        // Several callers at a time, none of which the member in use can serve.
        let answers = await withTaskGroup(of: SandboxError?.self) { group in
            for _ in 0..<8 { group.addTask { await error(pool) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 8)
        #expect(answers.allSatisfy { $0?.code == .setupFailed && $0?.message == "the factory is broken" })
        factory.isBroken = false
        pool.release(try await pool.acquire(), reusable: true)
        pool.release(lease, reusable: true)
        await pool.drain()
        #expect(factory.alive == [])
    }

    @Test func aDrainCancelsWhatIsBeingMade() async throws {
        let cancelled = Shared(0)
        let pool = try Pool<Int>(
            configuration: PoolConfiguration(minimum: 2, maximum: 4),
            create: { _ throws(SandboxError) in
                do { try await Task.sleep(for: .seconds(3600)) } catch { cancelled.withLock { $0 += 1 } }
                throw SandboxError(.cancelled, message: "as asked")
            }, destroy: { _ in })
        pool.start()
        let waiter = Task { await error(pool)?.code }
        try await eventually("it waits") { pool.statistics.waiting == 1 }
        let making = pool.statistics.creating
        await pool.drain()
        #expect(await waiter.value == .shutDown)
        #expect(cancelled.value == making && making >= 2)
    }
}

@Suite(.timeLimit(.minutes(10))) struct StartOnceTests {
    private final class Started: Sendable {}

    private let gate = Gate(open: false)
    private let started = Shared(0)

    private func start() async throws(SandboxError) -> Started {
        started.withLock { $0 += 1 }
        await gate.pass()
        return Started()
    }

    private func code(
        _ once: StartOnce<Int, Started>, within timeout: Duration? = nil
    ) async -> SandboxError.Code? {
        do throws(SandboxError) {
            _ = try await once.value(
                1, within: timeout, onGivenUp: { _ in },
                start: { () async throws(SandboxError) in try await start() })
            return nil
        } catch {
            return error.code
        }
    }

    @Test func aCallerLeavesAtOnceAndTheStartGoesOn() async throws {
        let once = StartOnce<Int, Started>(backend: "Fake") { _ in false }
        let caller = Task { await code(once) }
        try await eventually("it starts") { started.value == 1 }
        caller.cancel()
        #expect(await caller.value == .cancelled)
        #expect(await code(once, within: .milliseconds(5)) == .acquireTimedOut)
        gate.open()
        #expect(await code(once) == nil)
        #expect(started.value == 1)
        // Also when no caller waited for it any more.
        #expect(once.running(1) != nil)
        await once.shutDown { _ in }
    }

    @Test func aShutDownCancelsAStart() async throws {
        let once = StartOnce<Int, Started>(backend: "Fake") { _ in false }
        let began = Shared(false)
        let caller = Task {
            try await once.value(1, onGivenUp: { _ in }) { () async throws(SandboxError) -> Started in
                began.withLock { $0 = true }
                do { try await Task.sleep(for: .seconds(3600)) } catch {
                    throw SandboxError(.cancelled, message: "as asked")
                }
                return Started()
            }
        }
        try await eventually("it starts") { began.value }
        await once.shutDown { _ in }
        let error = await #expect(throws: SandboxError.self) { try await caller.value }
        #expect(error?.code == .cancelled)
    }
}
