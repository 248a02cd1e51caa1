/// Tests the pool's driver with members in memory: concurrency, cancellation, failure, maintenance, drain.

import SandboxAPI
import TestSupport
import Testing

@testable import SandboxRuntime

@Suite(.timeLimit(.minutes(10))) struct PoolTests {
    private let factory = FakeFactory()

    /// Drains the pool and checks that nothing is left.
    private func finish(_ pool: Pool<Int>) async {
        await pool.drain()
        let statistics = pool.statistics
        #expect(factory.alive == [] && factory.wrong == 0)
        #expect(statistics.total == 0 && statistics.waiting == 0)
        #expect(statistics.created == factory.made && statistics.destroyed == factory.made)
    }

    /// The code of an acquire's error; `nil` if it gets a lease.
    private func failure(_ pool: Pool<Int>) async -> SandboxError.Code? {
        do throws(SandboxError) {
            _ = try await pool.acquire()
            return nil
        } catch {
            return error.code
        }
    }

    // MARK: Leases

    @Test func aReadyMemberIsTakenWithoutStartingAnything() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 1, maximum: 2))
        pool.start()
        try await eventually("one is ready") { pool.statistics.available == 1 }
        factory.creation.close()
        let lease = try await pool.acquire()
        #expect(pool.statistics.creating == 0)
        pool.replenish()
        #expect(pool.statistics.creating == 1)
        pool.release(lease, reusable: true)
        factory.creation.open()
        await finish(pool)
    }

    @Test func singleUseMembersAreReplaced() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 2, maximum: 4))
        var seen: Set<Int> = []
        for _ in 0..<50 {
            let lease = try await pool.acquire()
            #expect(seen.insert(lease.member).inserted)
            pool.release(lease, reusable: true)
        }
        try await eventually("the minimum is ready again") { pool.statistics.available >= 2 }
        await finish(pool)
    }

    @Test func aSecondReleaseIsHarmless() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 0, maximum: 1, maxUses: .max))
        let first = try await pool.acquire()
        pool.release(first, reusable: true)
        let second = try await pool.acquire()
        pool.release(first, reusable: false)
        #expect(second.member == first.member && pool.statistics.inUse == 1)
        pool.release(second, reusable: true)
        await finish(pool)
    }

    @Test(arguments: [1, 3, Int.max]) func manyCallersShareFewMembers(_ maxUses: Int) async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 1, maximum: 4, maxUses: maxUses))
        let held = Shared<Set<Int>>([])
        let served = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    for _ in 0..<20 {
                        let lease = try await pool.acquire()
                        let count = held.withLock { held in
                            held.insert(lease.member).inserted ? held.count : .max
                        }
                        #expect(count <= 4, "more than four, or two callers with one member")
                        await Task.yield()
                        held.withLock { _ = $0.remove(lease.member) }
                        pool.release(lease, reusable: true)
                    }
                    return 20
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(served == 1_280 && pool.statistics.acquired == 1_280)
        await finish(pool)
    }

    @Test func waitersAreServedInOrderOfArrival() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 0, maximum: 1, maxUses: .max))
        let lease = try await pool.acquire()
        let order = Shared<[Int]>([])
        try await withThrowingTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    let lease = try await pool.acquire()
                    order.withLock { $0.append(number) }
                    pool.release(lease, reusable: true)
                }
                try await eventually("it waits") { pool.statistics.waiting == number + 1 }
            }
            pool.release(lease, reusable: true)
            try await group.waitForAll()
        }
        #expect(order.value == Array(0..<8))
        await finish(pool)
    }

    // MARK: Cancellation

    @Test func aCancelledWaiterLeavesTheQueue() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 0, maximum: 1))
        let lease = try await pool.acquire()
        let waiter = Task { await failure(pool) }
        try await eventually("it waits") { pool.statistics.waiting == 1 }
        waiter.cancel()
        #expect(await waiter.value == .cancelled)
        #expect(pool.statistics.waiting == 0 && pool.statistics.cancelled == 1)
        pool.release(lease, reusable: true)
        await finish(pool)
    }

    @Test func aCancelledTaskGetsNothing() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 0, maximum: 1))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure(pool)
        }
        #expect(await task.value == .cancelled)
        #expect(factory.tries == 0)
        await finish(pool)
    }

    @Test func aMemberGrantedInTheInstantOfTheCancellationGoesBack() async throws {
        let pool = try factory.pool(
            PoolConfiguration(minimum: 0, maximum: 1, idleTimeout: nil, maxUses: .max))
        for round in 0..<500 {
            let lease = try await pool.acquire()
            let waiter = Task {
                do throws(SandboxError) {
                    pool.release(try await pool.acquire(), reusable: true)
                } catch {
                    #expect(error.code == .cancelled)
                }
            }
            if round % 2 == 0 { try await eventually("it waits") { pool.statistics.waiting == 1 } }
            async let cancelled: Void = waiter.cancel()
            pool.release(lease, reusable: true)
            await cancelled
            await waiter.value
            #expect(pool.statistics.available == 1, "round \(round)")
        }
        #expect(factory.made == 1)
        await finish(pool)
    }

    @Test(arguments: [1, Int.max]) func cancellationStormsLeakNothing(_ maxUses: Int) async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 1, maximum: 3, maxUses: maxUses))
        for storm in 0..<20 {
            let callers = (0..<64).map { _ in
                Task {
                    guard let lease = try? await pool.acquire() else { return }
                    await Task.yield()
                    pool.release(lease, reusable: true)
                }
            }
            var random = SeededGenerator(seed: UInt64(storm))
            for caller in callers.shuffled(using: &random).dropLast(8) { caller.cancel() }
            for caller in callers { await caller.value }
            #expect(pool.statistics.waiting == 0 && pool.statistics.inUse == 0, "storm \(storm)")
        }
        await finish(pool)
    }

    // MARK: Details

    @Test func detailsTellAgesUsesAndWaits() async throws {
        let time = ManualClock()
        let pool = try factory.pool(
            PoolConfiguration(minimum: 1, maximum: 2, idleTimeout: nil, maxUses: 9), clock: time.clock)
        pool.start()
        try await eventually("one is ready") { pool.statistics.available == 1 }
        time.advance(to: .seconds(5))
        factory.creation.close()
        let first = try await pool.acquire()
        let second = Task { try await pool.acquire() }
        try await eventually("it waits") { pool.statistics.waiting == 1 }
        #expect(
            pool.details.sandboxes == [
                PooledSandbox(id: 1, state: .inUse, age: .seconds(5), uses: 1),
                PooledSandbox(id: 2, state: .creating, age: .zero, uses: 0),
            ])
        time.advance(to: .seconds(8))
        pool.release(first, reusable: true)
        pool.release(try await second.value, reusable: true)
        let details = pool.details
        #expect(details.statistics == pool.statistics)
        #expect(details.sandboxes[0] == PooledSandbox(id: 1, state: .available, age: .seconds(8), uses: 2))
        #expect(details.acquireTimes.count == 2)
        #expect(details.acquireTimes.quantile(0.5) == .zero && details.acquireTimes.maximum == .seconds(3))
        factory.creation.open()
        await finish(pool)
    }

    // MARK: Failure

    @Test func aCallerGetsTheErrorOfItsCreation() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 0, maximum: 2))
        factory.isBroken = true
        let error = await #expect(throws: SandboxError.self) { try await pool.acquire() }
        #expect(error?.code == .setupFailed && error?.message == "the factory is broken")
        factory.isBroken = false
        pool.release(try await pool.acquire(), reusable: true)
        #expect(pool.statistics.failures == 1)
        await finish(pool)
    }

    @Test func allCallersFailWhileNothingCanBeMade() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 2, maximum: 4))
        factory.isBroken = true
        await withTaskGroup { group in
            for _ in 0..<64 { group.addTask { await failure(pool) } }
            for await code in group { #expect(code == .setupFailed) }
        }
        // Each caller has at most one creation, and the background ones pause after a failure.
        #expect(factory.tries <= 64 + 4)
        await finish(pool)
    }

    @Test func theMinimumComesBackAfterTheBackoff() async throws {
        let time = ManualClock()
        let pool = try factory.pool(PoolConfiguration(minimum: 2, maximum: 4), clock: time.clock)
        factory.isBroken = true
        pool.start()
        try await eventually("both failed") { pool.statistics.failures == 2 && time.sleepers == 1 }
        #expect(factory.tries == 2)
        factory.isBroken = false
        time.advance(to: .milliseconds(100))
        try await eventually("the minimum is ready") { pool.statistics.available == 2 }
        await finish(pool)
    }

    @Test func aBrokenMemberIsReplaced() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 1, maximum: 2, maxUses: .max))
        let lease = try await pool.acquire()
        pool.release(lease, reusable: true)
        try await eventually("it is back, and so is the minimum") { pool.statistics.creating == 0 }
        pool.memberBroke(lease.memberID)
        try await eventually("it is destroyed") { !factory.alive.contains(lease.member) }
        try await eventually("another is ready") { pool.statistics.available >= 1 }
        await finish(pool)
    }

    @Test func anInvalidConfigurationIsRefused() {
        #expect(throws: SandboxError.self) { try factory.pool(PoolConfiguration(maximum: 0)) }
    }

    // MARK: Maintenance

    @Test func idleMembersGoAndTheMaintenanceTaskWithThem() async throws {
        let time = ManualClock()
        let pool = try factory.pool(
            PoolConfiguration(minimum: 0, maximum: 1, idleTimeout: .seconds(5), maxUses: .max),
            clock: time.clock)
        #expect(time.sleepers == 0)
        for round in 1...3 {
            pool.release(try await pool.acquire(), reusable: true)
            try await eventually("the maintenance task sleeps") { time.sleepers == 1 }
            time.advance(to: .seconds(5 * round))
            try await eventually("it is gone") { pool.statistics.destroyed == round }
            #expect(time.sleepers == 0)
        }
        await finish(pool)
    }

    @Test func drainEndsTheMaintenanceTask() async throws {
        let time = ManualClock()
        let pool = try factory.pool(
            PoolConfiguration(minimum: 0, maximum: 1, maxUses: .max), clock: time.clock)
        pool.release(try await pool.acquire(), reusable: true)
        try await eventually("the maintenance task sleeps") { time.sleepers == 1 }
        await finish(pool)
        try await eventually("it was cancelled") { time.sleepers == 0 }
    }

    @Test func aForgottenPoolDestroysItsReadyMembers() async throws {
        let time = ManualClock()
        weak var forgotten: Pool<Int>?
        do {
            let pool = try factory.pool(
                PoolConfiguration(minimum: 3, maximum: 4, maxAge: .seconds(9)), clock: time.clock)
            forgotten = pool
            pool.start()
            try await eventually("three are ready") { pool.statistics.available == 3 && time.sleepers == 1 }
        }
        try await eventually("the pool is gone") { forgotten == nil }
        try await eventually("its members are gone") { factory.alive == [] }
        try await eventually("its maintenance task is gone") { time.sleepers == 0 }
    }

    // MARK: Drain

    @Test func drainWaitsForCreationsAndDestroysThem() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 3, maximum: 4))
        factory.creation.close()
        pool.start()
        try await eventually("three are being made") { factory.tries == 3 }
        let drain = Task { await pool.drain() }
        try await eventually("it drains") { await failure(pool) == .shutDown }
        #expect(pool.statistics.creating == 3)
        factory.creation.open()
        await drain.value
        #expect(factory.made == 3)
        await finish(pool)
    }

    @Test func drainWaitsForLeasesAndDestructions() async throws {
        let pool = try factory.pool(PoolConfiguration(minimum: 0, maximum: 1, maxUses: .max))
        let lease = try await pool.acquire()
        let waiter = Task { await failure(pool) }
        try await eventually("it waits") { pool.statistics.waiting == 1 }
        let drained = Shared(0)
        factory.destruction.close()
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<3 {
                group.addTask {
                    await pool.drain()
                    drained.withLock { $0 += 1 }
                }
            }
            #expect(await waiter.value == .shutDown)
            pool.release(lease, reusable: true)
            #expect(pool.statistics.destroying == 1 && drained.value == 0)
            factory.destruction.open()
        }
        #expect(drained.value == 3)
        await finish(pool)
    }

    @Test func drainAmidstTheCrowdLeavesNothing() async throws {
        for _ in 0..<20 {
            let pool = try factory.pool(PoolConfiguration(minimum: 2, maximum: 4, maxUses: 3))
            await withTaskGroup { group in
                for number in 0..<64 {
                    group.addTask {
                        if number == 40 { await pool.drain() }
                        guard let lease = try? await pool.acquire() else { return }
                        await Task.yield()
                        pool.release(lease, reusable: true)
                    }
                }
            }
            #expect(pool.statistics.total == 0 && factory.alive == [])
        }
        #expect(factory.wrong == 0)
    }
}
