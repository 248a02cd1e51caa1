/// Tests the pool's driver with members in memory that are reset and checked.

import SandboxAPI
import Testing

@testable import SandboxRuntime

@Suite(.timeLimit(.minutes(10))) struct PoolHealthTests {
    private let factory = FakeFactory()

    private func finish(_ pool: Pool<Int>) async {
        await pool.drain()
        #expect(factory.alive == [] && factory.wrong == 0 && pool.statistics.total == 0)
    }

    @Test func aMemberIsResetOffTheAcquirePath() async throws {
        let pool = try factory.pool(
            PoolConfiguration(minimum: 0, maximum: 1, maxUses: .max), examines: true)
        factory.examination.close()
        let first = try await pool.acquire()
        pool.release(first, reusable: true)
        #expect(pool.statistics.resetting == 1)
        let second = Task { try await pool.acquire() }
        try await eventually("it waits") { pool.statistics.waiting == 1 }
        factory.examination.open()
        #expect(try await second.value.member == first.member)
        #expect(factory.resets == 1 && factory.made == 1)
        pool.release(try await second.value, reusable: true)
        await finish(pool)
    }

    @Test func oneThatCannotBeResetIsReplaced() async throws {
        let pool = try factory.pool(
            PoolConfiguration(minimum: 0, maximum: 1, maxUses: .max), examines: true)
        let first = try await pool.acquire()
        factory.makeSick(first.member)
        pool.release(first, reusable: true)
        let second = try await pool.acquire()
        #expect(second.member != first.member && pool.statistics.unfit == 1)
        #expect(!factory.alive.contains(first.member))
        pool.release(second, reusable: false)
        await finish(pool)
    }

    @Test func aSickMemberIsFoundWhileNobodyUsesIt() async throws {
        let time = ManualClock()
        let pool = try factory.pool(
            PoolConfiguration(
                minimum: 2, maximum: 3, idleTimeout: nil, maxUses: .max, healthCheckInterval: .seconds(10)),
            clock: time.clock, examines: true)
        pool.start()
        try await eventually("two are ready") { pool.statistics.available == 2 && time.sleepers == 1 }
        let sick = try #require(factory.alive.min())
        factory.makeSick(sick)
        time.advance(to: .seconds(10))
        try await eventually("both were checked") { factory.checks == 2 }
        try await eventually("the sick one is gone") { !factory.alive.contains(sick) }
        time.advance(to: .seconds(11))
        try await eventually("another is ready") { pool.statistics.available == 2 }
        #expect(pool.statistics.unfit == 1 && factory.made == 3)
        await finish(pool)
    }

    @Test func drainWaitsForResetsAndChecks() async throws {
        let time = ManualClock()
        let pool = try factory.pool(
            PoolConfiguration(
                minimum: 2, maximum: 3, idleTimeout: nil, maxUses: .max, healthCheckInterval: .seconds(10)),
            clock: time.clock, examines: true)
        pool.start()
        try await eventually("two are ready") { pool.statistics.available == 2 && time.sleepers == 1 }
        factory.examination.close()
        time.advance(to: .seconds(10))
        try await eventually("one is being checked") { pool.statistics.checking == 1 }
        pool.release(try await pool.acquire(), reusable: true)
        #expect(pool.statistics.resetting == 1)
        let drain = Task { await pool.drain() }
        try await eventually("it drains") { (try? await pool.acquire()) == nil }
        #expect(pool.statistics.resetting == 1 && pool.statistics.checking == 1)
        factory.examination.open()
        await drain.value
        await finish(pool)
    }

    @Test func theCrowdGetsOnlyWhatWasReset() async throws {
        let pool = try factory.pool(
            PoolConfiguration(minimum: 1, maximum: 4, maxUses: 7, healthCheckInterval: .milliseconds(1)),
            examines: true)
        let held = Shared<Set<Int>>([])
        try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<32 {
                group.addTask {
                    for round in 0..<20 {
                        let lease = try await pool.acquire()
                        #expect(held.withLock { $0.insert(lease.member).inserted }, "two callers with one")
                        await Task.yield()
                        held.withLock { _ = $0.remove(lease.member) }
                        pool.release(lease, reusable: (number + round) % 5 > 0)
                    }
                }
            }
        }
        #expect(pool.statistics.acquired == 640 && factory.resets > 0)
        await finish(pool)
    }
}
