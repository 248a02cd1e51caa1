/// Tests the rules of resets and health checks, one test a rule.

import SandboxAPI
import Testing

@testable import SandboxRuntime

private typealias Machine = PoolStateMachine<Int>

@Suite struct PoolResetRulesTests {
    private let reused = PoolConfiguration(minimum: 1, maximum: 2, maxUses: 9)

    @Test func aMemberGivenBackIsResetBeforeAnybodyHasIt() throws {
        var machine = Machine.ready(reused, resets: true)
        let lease = try machine.take(1)
        // The member will be ready again: the pool makes no other instead.
        #expect(machine.release(lease, reusable: true, now: .zero).summary == "reset 1")
        #expect(machine.statistics.resetting == 1 && machine.statistics.available == 0)
        #expect(machine.statistics.total == 1)
        #expect(machine.resetDone(member(1), fit: true, now: .zero).summary == "")
        #expect(try machine.take(2).member == member(1))
    }

    @Test func oneThatWillNotBeUsedAgainIsNotReset() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 0, maximum: 2, maxUses: 1), resets: true)
        _ = machine.enqueue(1)
        let worn = machine.created(member(1), now: .zero).grants[0].lease
        #expect(machine.release(worn, reusable: true, now: .zero).summary == "destroy 1")
        machine = Machine.ready(reused, resets: true)
        let unfit = try machine.take(1)
        #expect(machine.release(unfit, reusable: false, now: .zero).summary == "create 2, destroy 1")
    }

    @Test func oneThatCannotBeResetIsDestroyedAndReplaced() throws {
        var machine = Machine.ready(reused, resets: true)
        _ = try machine.release(machine.take(1), reusable: true, now: .zero)
        #expect(machine.resetDone(member(1), fit: false, now: .zero).summary == "create 2, destroy 1")
        #expect(machine.statistics.unfit == 1 && machine.statistics.failures == 0)
    }

    @Test func aWaiterCountsOnAReset() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 1, maximum: 4, maxUses: 9), resets: true)
        _ = try machine.release(machine.take(1), reusable: true, now: .zero)
        #expect(machine.enqueue(2) == "")
        #expect(machine.enqueue(3) == "create 2")
        #expect(machine.resetDone(member(1), fit: true, now: .zero).summary == "grant 2←1")
        #expect(machine.created(member(2), now: .zero).summary == "create 3, grant 3←2")
    }

    @Test func aWaiterWhoseResetFailsHasAnotherMadeWhateverTheBackoff() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 0, maximum: 3, maxUses: 9), resets: true)
        _ = machine.enqueue(1)
        let lease = machine.created(member(1), now: .zero).grants[0].lease
        _ = machine.enqueue(2)
        #expect(machine.creationFailed(member(2), now: .zero).summary == "")
        #expect(machine.release(lease, reusable: true, now: .zero).summary == "reset 1")
        #expect(machine.resetDone(member(1), fit: false, now: .zero).summary == "create 3, destroy 1")
        // The waiter's creation failed, too, but the member being destroyed makes room for another.
        #expect(machine.creationFailed(member(3), now: .zero).summary == "")
        #expect(machine.destroyed(member(1)).summary == "create 4")
        #expect(machine.creationFailed(member(4), now: .zero).summary == "fail 2")
    }

    @Test func oneThatBreaksOrAgesInItsResetIsNotUsedAgain() throws {
        var machine = Machine.ready(reused, resets: true)
        _ = try machine.release(machine.take(1), reusable: true, now: .zero)
        #expect(machine.broken(member(1), now: .zero).summary == "")
        #expect(machine.resetDone(member(1), fit: true, now: .zero).summary == "create 2, destroy 1")
        #expect(machine.statistics.unfit == 0)

        machine = Machine.ready(
            PoolConfiguration(minimum: 1, maximum: 2, maxAge: .seconds(9), maxUses: 9), resets: true)
        _ = try machine.release(machine.take(1), reusable: true, now: .seconds(9) - .milliseconds(100))
        #expect(machine.tick(now: .seconds(9)).summary == "")
        #expect(machine.resetDone(member(1), fit: true, now: .seconds(9)).summary == "create 2, destroy 1")
    }

    @Test func aLeaseNobodyUsedNeedsNoReset() throws {
        var machine = Machine.ready(reused, resets: true)
        #expect(try machine.giveBack(machine.take(1), now: .zero).summary == "")
        #expect(machine.statistics.available == 1)
    }

    @Test func drainResetsNothingMore() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 2, maximum: 2, maxUses: 9), resets: true)
        let lease = try machine.take(1)
        _ = try machine.release(machine.take(2), reusable: true, now: .zero)
        #expect(machine.drain().summary == "")
        #expect(machine.release(lease, reusable: true, now: .zero).summary == "destroy 2")
        #expect(machine.resetDone(member(1), fit: true, now: .zero).summary == "destroy 1")
        #expect(machine.destroyed(member(1)).summary == "")
        #expect(machine.destroyed(member(2)).summary == "drained")
    }
}

@Suite struct PoolCheckRulesTests {
    private func configuration(_ minimum: Int, _ maximum: Int) -> PoolConfiguration {
        PoolConfiguration(
            minimum: minimum, maximum: maximum, idleTimeout: nil, maxUses: 9,
            healthCheckInterval: .seconds(10))
    }

    @Test func readyMembersAreCheckedOneAfterAnother() {
        var machine = Machine.ready(configuration(2, 2))
        #expect(machine.nextDeadline == .seconds(10))
        #expect(machine.tick(now: .seconds(9)).summary == "")
        #expect(machine.tick(now: .seconds(10)).summary == "check 1")
        #expect(machine.statistics.checking == 1 && machine.statistics.available == 1)
        #expect(machine.statistics.total == 2)
        #expect(machine.nextDeadline == nil)
        #expect(machine.tick(now: .seconds(11)).summary == "")
        #expect(machine.checkDone(member(1), healthy: true, now: .seconds(12)).summary == "")
        #expect(machine.tick(now: .seconds(12)).summary == "check 2")
        #expect(machine.checkDone(member(2), healthy: true, now: .seconds(13)).summary == "")
        #expect(machine.nextDeadline == .seconds(22))
    }

    @Test func aSickMemberIsReplaced() throws {
        var machine = Machine.ready(configuration(2, 3))
        _ = try machine.release(machine.take(1), reusable: true, now: .seconds(5))
        #expect(machine.tick(now: .seconds(10)).summary == "check 1")
        // The first one starts a backoff, since it failed before a caller had it.
        #expect(machine.checkDone(member(1), healthy: false, now: .seconds(11)).summary == "destroy 1")
        #expect(machine.nextDeadline == .seconds(11) + .milliseconds(100))
        #expect(machine.tick(now: .seconds(12)).summary == "create 3")
        #expect(machine.created(member(3), now: .seconds(12)).summary == "")
        // The other one has served a caller, so there is no backoff.
        #expect(machine.tick(now: .seconds(15)).summary == "check 2")
        #expect(machine.destroyed(member(1)).summary == "")
        let actions = machine.checkDone(member(2), healthy: false, now: .seconds(15))
        #expect(actions.summary == "create 4, destroy 2")
        #expect(machine.statistics.unfit == 2 && machine.statistics.failures == 0)
    }

    @Test func aUseIsAsGoodAsACheck() throws {
        var machine = Machine.ready(configuration(2, 2))
        _ = try machine.release(machine.take(1), reusable: true, now: .seconds(5))
        #expect(machine.tick(now: .seconds(14)).summary == "check 1")
        _ = machine.checkDone(member(1), healthy: true, now: .seconds(14))
        #expect(machine.nextDeadline == .seconds(15))
    }

    @Test func theLastReadyOneIsCheckedOnlyInAQuietPool() throws {
        var machine = Machine.ready(configuration(1, 2))
        let lease = try machine.take(1)
        _ = machine.created(machine.replenish().create[0], now: .zero)
        #expect(machine.nextDeadline == nil)
        #expect(machine.tick(now: .seconds(20)).summary == "")
        #expect(machine.release(lease, reusable: true, now: .seconds(20)).summary == "")
        #expect(machine.tick(now: .seconds(20)).summary == "check 2")

        machine = Machine.ready(configuration(1, 1))
        #expect(machine.tick(now: .seconds(10)).summary == "check 1")
    }

    @Test func aCallerDuringTheCheckGetsWhatIsReadyFirst() {
        var machine = Machine.ready(configuration(1, 2))
        #expect(machine.tick(now: .seconds(10)).summary == "check 1")
        #expect(machine.enqueue(1) == "create 2")
        #expect(machine.checkDone(member(1), healthy: true, now: .seconds(11)).summary == "grant 1←1")
        #expect(machine.created(member(2), now: .seconds(11)).summary == "")

        machine = Machine.ready(configuration(1, 1))
        _ = machine.tick(now: .seconds(10))
        #expect(machine.enqueue(1) == "")
        #expect(machine.checkDone(member(1), healthy: false, now: .seconds(11)).summary == "destroy 1")
        #expect(machine.destroyed(member(1)).summary == "create 2")
        #expect(machine.created(member(2), now: .seconds(12)).summary == "grant 1←2")
    }

    @Test func aCheckDoesNotCountAsUse() {
        var machine = Machine.ready(
            PoolConfiguration(
                minimum: 0, maximum: 3, idleTimeout: .seconds(30), maxUses: 9,
                healthCheckInterval: .seconds(10)))
        for waiter in 1...3 { _ = machine.enqueue(waiter) }
        for waiter in 1...3 { _ = machine.cancel(waiter) }
        for number in 1...3 { _ = machine.created(member(number), now: .seconds(number)) }
        for number in 1...3 {
            #expect(machine.tick(now: .seconds(number + 20)).summary == "check \(number)")
            _ = machine.checkDone(member(number), healthy: true, now: .seconds(number + 20))
        }
        #expect(machine.tick(now: .seconds(31)).summary.hasPrefix("destroy 1"))
        #expect(machine.tick(now: .seconds(32)).summary.hasPrefix("destroy 2"))
    }

    @Test func drainDestroysAMemberWhenItsCheckIsDone() {
        var machine = Machine.ready(configuration(2, 2))
        _ = machine.tick(now: .seconds(10))
        #expect(machine.drain().summary == "destroy 2")
        #expect(machine.checkDone(member(1), healthy: true, now: .seconds(11)).summary == "destroy 1")
        #expect(machine.destroyed(member(2)).summary == "")
        #expect(machine.destroyed(member(1)).summary == "drained")
    }

    @Test func withoutAnIntervalNothingIsChecked() {
        var machine = Machine.ready(PoolConfiguration(minimum: 2, maximum: 2, idleTimeout: nil))
        #expect(machine.nextDeadline == nil)
        #expect(machine.tick(now: .seconds(1 << 40)).summary == "")
    }
}
