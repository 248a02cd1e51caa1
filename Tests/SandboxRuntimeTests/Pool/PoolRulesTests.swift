/// Tests each rule of the pool's state machine, one test a rule.

import SandboxAPI
import Testing

@testable import SandboxRuntime

private typealias Machine = PoolStateMachine<Int>

@Suite struct PoolRulesTests {
    // MARK: Creation

    @Test func startMakesTheMinimum() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 2, maximum: 4))
        #expect(machine.replenish().summary == "create 1, create 2")
        #expect(machine.replenish().summary == "")
        #expect(machine.created(member(1), now: .zero).summary == "")
        #expect(machine.statistics.available == 1)
        #expect(machine.statistics.creating == 1)
    }

    @Test func takingOneOwesAReplacement() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 2, maximum: 4))
        _ = try machine.take(1)
        #expect(machine.statistics.creating == 0)
        #expect(machine.replenish().summary == "create 3")
    }

    @Test func theMaximumBoundsReplacement() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 2, maximum: 2))
        let lease = try machine.take(1)
        #expect(machine.replenish().summary == "")
        // A member being destroyed still counts.
        #expect(
            machine.release(lease, reusable: true, now: .zero).summary == "destroy \(lease.member.rawValue)")
        #expect(machine.destroyed(lease.member).summary == "create 3")
    }

    @Test func minimumZeroMakesNothingUntilAsked() throws {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 2))
        #expect(machine.replenish().summary == "")
        #expect(machine.enqueue(1) == "create 1")
        let granted = machine.created(member(1), now: .zero)
        #expect(granted.summary == "grant 1←1")
        #expect(machine.release(granted.grants[0].lease, reusable: true, now: .zero).summary == "destroy 1")
        #expect(machine.destroyed(member(1)).summary == "")
        #expect(machine.statistics.total == 0)
    }

    @Test func creationUnderWayServesAWaiter() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 1, maximum: 4))
        #expect(machine.replenish().summary == "create 1")
        #expect(machine.enqueue(1) == "")
        #expect(machine.enqueue(2) == "create 2")
        #expect(machine.created(member(1), now: .zero).summary == "grant 1←1")
        // Waiters come first; the minimum is made once no caller waits.
        #expect(machine.created(member(2), now: .zero).summary == "create 3, grant 2←2")
    }

    @Test func onDemandCreationStopsAtTheMaximum() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 2))
        #expect(machine.enqueue(1) == "create 1")
        #expect(machine.enqueue(2) == "create 2")
        #expect(machine.enqueue(3) == "")
        #expect(machine.statistics.waiting == 3)
    }

    // MARK: Waiting

    @Test func waitersAreServedInOrder() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 1, maxUses: 9))
        for waiter in 1...3 { _ = machine.enqueue(waiter) }
        var actions = machine.created(member(1), now: .zero)
        #expect(actions.summary == "grant 1←1")
        actions = machine.release(actions.grants[0].lease, reusable: true, now: .zero)
        #expect(actions.summary == "grant 2←1")
        actions = machine.release(actions.grants[0].lease, reusable: true, now: .zero)
        #expect(actions.summary == "grant 3←1")
    }

    @Test func aCancelledWaiterLeavesItsCreationToOthers() throws {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 2))
        #expect(machine.enqueue(1) == "create 1")
        #expect(machine.cancel(1) == true)
        #expect(machine.cancel(1) == false)
        #expect(machine.created(member(1), now: .zero).summary == "")
        #expect(try machine.take(2).member == member(1))
        #expect(machine.statistics.cancelled == 1)
    }

    @Test func theNextWaiterMovesUpWhenOneIsCancelled() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 1))
        for waiter in 1...3 { _ = machine.enqueue(waiter) }
        #expect(machine.cancel(2) == true)
        #expect(machine.cancel(1) == true)
        #expect(machine.created(member(1), now: .zero).summary == "grant 3←1")
    }

    @Test func aLeaseGivenBackCountsAsNeverGranted() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 1, maximum: 1, maxUses: 2))
        #expect(try machine.giveBack(machine.take(1), now: .zero).summary == "")
        #expect(machine.statistics.available == 1)
        #expect(machine.statistics.acquired == 0)
        #expect(machine.statistics.cancelled == 1)
        // The member has both its uses left.
        #expect(try machine.release(machine.take(2), reusable: true, now: .zero).summary == "")
        #expect(try machine.release(machine.take(3), reusable: true, now: .zero).summary == "destroy 1")
    }

    // MARK: Release

    @Test func theLatestReadyIsTakenFirst() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 2, maximum: 2, maxUses: 9))
        let first = try machine.take(1)
        #expect(first.member == member(2))
        #expect(machine.release(first, reusable: true, now: .zero).summary == "")
        #expect(try machine.take(2).member == member(2))
    }

    @Test func membersMadeTogetherAreNotWornOutTogether() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 5, maximum: 5, maxUses: 100))
        var uses: [PoolMemberID: Int] = [:]
        for waiter in 1... {
            guard let lease = try? machine.take(waiter) else { break }
            uses[lease.member, default: 0] += 1
            _ = machine.release(lease, reusable: true, now: .zero)
        }
        #expect(Set(uses.values).count == 5, "\(uses)")
        #expect(uses.values.allSatisfy { (75...100).contains($0) }, "\(uses)")
    }

    @Test func aMemberIsDestroyedAfterItsLastUse() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 0, maximum: 1, maxUses: 2))
        _ = machine.enqueue(1)
        let lease = machine.created(member(1), now: .zero).grants[0].lease
        #expect(machine.release(lease, reusable: true, now: .zero).summary == "")
        #expect(try machine.release(machine.take(2), reusable: true, now: .zero).summary == "destroy 1")
    }

    @Test func anUnusableMemberIsDestroyed() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 1, maximum: 2, maxUses: 9))
        let lease = try machine.take(1)
        #expect(machine.release(lease, reusable: false, now: .zero).summary == "create 2, destroy 1")
    }

    @Test func aSecondReleaseDoesNotEndTheNextLease() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 1, maximum: 1, maxUses: 9))
        let old = try machine.take(1)
        _ = machine.release(old, reusable: true, now: .zero)
        let new = try machine.take(2)
        #expect(new.member == old.member)
        #expect(machine.release(old, reusable: false, now: .zero).summary == "")
        #expect(machine.giveBack(old, now: .zero).summary == "")
        #expect(machine.statistics.inUse == 1)
    }

    @Test func eventsOfUnknownMembersDoNothing() {
        var machine = Machine.ready(PoolConfiguration(minimum: 1, maximum: 2))
        let before = machine.statistics
        for number in [0, 1, 99] {
            let stranger = PoolLeaseID(member: member(number), serial: 5)
            #expect(machine.created(member(number), now: .zero).summary == "")
            #expect(machine.creationFailed(member(number), now: .zero).summary == "")
            #expect(machine.destroyed(member(number)).summary == "")
            #expect(machine.release(stranger, reusable: true, now: .zero).summary == "")
        }
        #expect(machine.broken(member(99), now: .zero).summary == "")
        #expect(machine.cancel(1) == false)
        #expect(machine.statistics == before)
    }

    // MARK: Failures

    @Test func aFailureFailsTheWaiterThatHasNoOtherProspect() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 1))
        #expect(machine.enqueue(1) == "create 1")
        #expect(machine.enqueue(2) == "")
        // The second waiter has had no creation yet: one starts at once.
        #expect(machine.creationFailed(member(1), now: .zero).summary == "create 2, fail 1")
        #expect(machine.creationFailed(member(2), now: .zero).summary == "fail 2")
        #expect(machine.statistics.failures == 2)
        #expect(machine.nextDeadline == nil)
    }

    @Test func aFailureWaitsForTheOtherCreations() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 3))
        for waiter in 1...3 { _ = machine.enqueue(waiter) }
        #expect(machine.creationFailed(member(1), now: .zero).summary == "")
        #expect(machine.creationFailed(member(2), now: .zero).summary == "")
        // All three creations failed, so all three waiters fail, and no further creation starts for them.
        #expect(machine.creationFailed(member(3), now: .zero).summary == "fail 1, fail 2, fail 3")
    }

    @Test func aFailureWaitsForAMemberInUse() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 2, maxUses: 9))
        _ = machine.enqueue(1)
        let lease = machine.created(member(1), now: .zero).grants[0].lease
        #expect(machine.enqueue(2) == "create 2")
        #expect(machine.creationFailed(member(2), now: .zero).summary == "")
        #expect(machine.nextDeadline == .milliseconds(100))
        #expect(machine.release(lease, reusable: true, now: .zero).summary == "grant 2←1")
    }

    @Test func roomMadeDuringBackoffIsUsedForAWaiter() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 2))
        _ = machine.enqueue(1)
        let lease = machine.created(member(1), now: .zero).grants[0].lease
        _ = machine.enqueue(2)
        _ = machine.creationFailed(member(2), now: .zero)
        #expect(machine.release(lease, reusable: true, now: .zero).summary == "destroy 1")
        #expect(machine.destroyed(member(1)).summary == "create 3")
        #expect(machine.creationFailed(member(3), now: .zero).summary == "fail 2")
    }

    @Test func backgroundReplacementBacksOff() {
        var machine = Machine(
            configuration: PoolConfiguration(
                minimum: 2, maximum: 4, initialBackoff: .seconds(1), maximumBackoff: .seconds(5)))
        #expect(machine.replenish().summary == "create 1, create 2")
        #expect(machine.creationFailed(member(1), now: .zero).summary == "")
        #expect(machine.nextDeadline == nil)  // The other one is still under way.
        #expect(machine.creationFailed(member(2), now: .zero).summary == "")
        var now = Duration.zero
        for (index, pause) in [1, 2, 4, 5, 5].enumerated() {
            #expect(machine.nextDeadline == now + .seconds(pause))
            #expect(machine.tick(now: now + .seconds(pause) - .nanoseconds(1)).summary == "")
            now += .seconds(pause)
            // One at a time, until one succeeds.
            #expect(machine.tick(now: now).summary == "create \(3 + index)")
            #expect(machine.replenish().summary == "")
            #expect(machine.tick(now: now).summary == "")
            #expect(machine.creationFailed(member(3 + index), now: now).summary == "")
        }
        now += .seconds(5)
        #expect(machine.tick(now: now).summary == "create 8")
        #expect(machine.created(member(8), now: now).summary == "create 9")
        // The next failure starts with the first pause again.
        #expect(machine.creationFailed(member(9), now: now).summary == "")
        #expect(machine.nextDeadline == now + .seconds(1))
    }

    @Test func aCallerTriesAtOnceDuringBackoff() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 1, maximum: 4))
        _ = machine.replenish()
        _ = machine.creationFailed(member(1), now: .zero)
        #expect(machine.enqueue(1) == "create 2")
        // Its success ends the backoff.
        #expect(machine.created(member(2), now: .zero).summary == "create 3, grant 1←2")
    }

    @Test func aSuccessThatBeganBeforeTheFailureDoesNotEndTheBackoff() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 2, maximum: 4))
        _ = machine.replenish()
        _ = machine.creationFailed(member(1), now: .zero)
        #expect(machine.created(member(2), now: .zero).summary == "")
        #expect(machine.nextDeadline == .milliseconds(100))
    }

    // MARK: Time

    @Test func idleMembersShrinkToTheMinimum() {
        var machine = Machine(
            configuration: PoolConfiguration(minimum: 1, maximum: 4, idleTimeout: .seconds(10)))
        for waiter in 1...3 { _ = machine.enqueue(waiter) }
        for waiter in 1...3 { _ = machine.cancel(waiter) }
        for number in 1...3 { _ = machine.created(member(number), now: .seconds(number)) }
        #expect(machine.nextDeadline == .seconds(11))
        #expect(machine.tick(now: .seconds(11)).summary == "destroy 1")
        #expect(machine.nextDeadline == .seconds(12))
        #expect(machine.tick(now: .seconds(20)).summary == "destroy 2")
        #expect(machine.nextDeadline == nil)
        #expect(machine.tick(now: .seconds(99)).summary == "")
        #expect(machine.statistics.available == 1)
    }

    @Test func noIdleTimeoutMeansForEver() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 1, idleTimeout: nil))
        _ = machine.enqueue(1)
        _ = machine.cancel(1)
        _ = machine.created(member(1), now: .zero)
        #expect(machine.nextDeadline == nil)
        #expect(machine.tick(now: .seconds(1 << 40)).summary == "")
    }

    @Test func oldMembersAreReplacedOneAfterAnother() {
        var machine = Machine.ready(
            PoolConfiguration(minimum: 2, maximum: 2, idleTimeout: nil, maxAge: .seconds(80)))
        #expect(machine.nextDeadline == .seconds(80))
        #expect(machine.tick(now: .seconds(80)).summary == "destroy 1")
        #expect(machine.nextDeadline == .seconds(90))
        #expect(machine.destroyed(member(1)).summary == "create 3")
        #expect(machine.created(member(3), now: .seconds(81)).summary == "")
        #expect(machine.tick(now: .seconds(90)).summary == "destroy 2")
        #expect(machine.nextDeadline == .seconds(161))
    }

    @Test func aMemberThatGetsTooOldInUseIsNotUsedAgain() throws {
        var machine = Machine.ready(
            PoolConfiguration(minimum: 1, maximum: 1, idleTimeout: nil, maxAge: .seconds(10), maxUses: 9))
        let lease = try machine.take(1)
        #expect(machine.tick(now: .seconds(10)).summary == "")
        #expect(machine.nextDeadline == nil)
        #expect(machine.release(lease, reusable: true, now: .seconds(10)).summary == "destroy 1")
    }

    @Test func timeNeverGoesBack() {
        var machine = Machine.ready(PoolConfiguration(minimum: 0, maximum: 2, idleTimeout: .seconds(10)))
        _ = machine.tick(now: .seconds(100))
        _ = machine.enqueue(1)
        _ = machine.cancel(1)
        _ = machine.created(member(1), now: .seconds(50))
        #expect(machine.nextDeadline == .seconds(110))
    }

    // MARK: Broken members

    @Test func aBrokenReadyMemberIsReplaced() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 1, maximum: 2, maxUses: 9))
        _ = try machine.release(machine.take(1), reusable: true, now: .zero)
        #expect(machine.broken(member(1), now: .zero).summary == "create 2, destroy 1")
        #expect(machine.broken(member(1), now: .zero).summary == "")
        #expect(machine.statistics.failures == 0)
    }

    @Test func aMemberThatBreaksUnusedBacksOff() {
        var machine = Machine.ready(PoolConfiguration(minimum: 1, maximum: 2))
        #expect(machine.broken(member(1), now: .zero).summary == "destroy 1")
        #expect(machine.destroyed(member(1)).summary == "")
        #expect(machine.nextDeadline == .milliseconds(100))
        #expect(machine.tick(now: .milliseconds(100)).summary == "create 2")
    }

    @Test func aMemberThatBreaksInUseIsNotUsedAgain() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 1, maximum: 1, maxUses: 9))
        let lease = try machine.take(1)
        #expect(machine.broken(lease.member, now: .zero).summary == "")
        #expect(machine.release(lease, reusable: true, now: .zero).summary == "destroy 1")
    }

    @Test func aMemberThatBreaksBeforeItIsReportedServesNobody() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 1))
        #expect(machine.enqueue(1) == "create 1")
        #expect(machine.broken(member(1), now: .zero).summary == "")
        #expect(machine.enqueue(2) == "")
        #expect(machine.created(member(1), now: .zero).summary == "destroy 1, fail 1")
        #expect(machine.destroyed(member(1)).summary == "create 2")
        #expect(machine.created(member(2), now: .zero).summary == "grant 2←2")
    }

    // MARK: Drain

    @Test func drainEndsEverything() throws {
        var machine = Machine.ready(PoolConfiguration(minimum: 2, maximum: 3))
        let lease = try machine.take(1)
        #expect(machine.replenish().summary == "create 3")
        #expect(machine.drain().summary == "destroy 1")
        #expect(machine.drain().summary == "")
        #expect(machine.enqueue(2) == "refused")
        #expect(machine.created(member(3), now: .zero).summary == "destroy 3")
        #expect(machine.release(lease, reusable: true, now: .zero).summary == "destroy 2")
        #expect(machine.destroyed(member(1)).summary == "")
        #expect(machine.destroyed(member(2)).summary == "")
        #expect(!machine.isDrained)
        #expect(machine.destroyed(member(3)).summary == "drained")
        #expect(machine.isDrained)
        #expect(machine.tick(now: .seconds(1000)).summary == "")
    }

    @Test func drainFailsTheWaiters() {
        var machine = Machine(configuration: PoolConfiguration(minimum: 0, maximum: 1))
        for waiter in 1...2 { _ = machine.enqueue(waiter) }
        #expect(machine.drain().summary == "shut down 1, shut down 2")
        #expect(machine.creationFailed(member(1), now: .zero).summary == "drained")
    }

    @Test func anEmptyPoolIsDrainedAtOnce() {
        var machine = Machine(configuration: PoolConfiguration())
        #expect(machine.drain().summary == "drained")
    }
}
