/// What the events of a pool's state machine have in common: who gets a member, when one is made or goes.

import SandboxAPI

extension PoolStateMachine {
    // MARK: Creation

    /// Creations that should be under way. Those for waiters keep `minimum` for the time after: while
    /// somebody waits, more would only slow down the one that is waited for.
    ///
    /// A member being reset is as good as one being made, and sooner there, unless it is long about it already. One being
    /// checked may be long about it: it counts towards the minimum, and a waiter gets a creation all the same.
    var wanted: Int {
        let missing = configuration.minimum - available.count - counters.checking
        return max(waiters.count, missing) - byReset.count
    }

    mutating func replenish(_ actions: inout Actions) {
        guard !draining, backoffUntil == nil else { return }
        while counters.creating < wanted, create(&actions) {}
    }

    /// A try for a waiter that has no creation under way yet, whatever the backoff.
    @discardableResult
    mutating func createForWaiter(_ actions: inout Actions) -> Bool {
        counters.creating + byReset.count < waiters.count && create(&actions)
    }

    /// A creation failed. Where nothing is left that could serve a waiter, as many fail as there were failures since
    /// anything could, so that each has had its try, and for those behind them creations start at once. Where something is
    /// left, a waiter fails who has waited long enough.
    mutating func failWaiters(_ actions: inout Actions) {
        latestFailure = latest
        guard !waiters.isEmpty else {
            unansweredFailures = 0
            return
        }
        unansweredFailures += 1
        if counters.creating + counters.others == 0 {
            while unansweredFailures > 0, fail(.creationFailed, &actions) { unansweredFailures -= 1 }
            unansweredFailures = 0
            while createForWaiter(&actions) {}
            return
        }
        // One for each failure, while other creations are under way: they may do better.
        while unansweredFailures > 0 || counters.creating == 0, let waiter = waiters.first,
            let end = waitEnd(waiter, isMaking: false), end <= latest, fail(.creationFailed, &actions)
        {
            unansweredFailures = max(0, unansweredFailures - 1)
        }
        if counters.others > 0 { unansweredFailures = 0 }
    }

    /// Takes the first waiter from the queue, with nothing for him.
    private mutating func fail(_ reason: Failure, _ actions: inout Actions) -> Bool {
        guard let waiter = waiters.popFirst() else { return false }
        waitingSince[waiter] = nil
        counters.refused += 1
        actions.failures.append((waiter, reason))
        return true
    }

    /// Until when a waiter waits while nothing moves; it comes later for those behind him, never earlier. `nil`: for ever.
    ///
    /// - Parameter isMaking: a creation under way is waited for, whatever failed before.
    func waitEnd(_ waiter: WaiterID, isMaking: Bool) -> Duration? {
        guard let since = waitingSince[waiter] else { return nil }
        let hasFailed = latestFailure.map { $0 >= since } ?? false
        let bounds = [configuration.acquireTimeout, hasFailed && !isMaking ? configuration.patience : nil]
        return bounds.compactMap { $0 }.min().map { max(since, latestGrant) + $0 }
    }

    /// Those fail for whom nothing has moved for too long.
    mutating func failOverdue(_ actions: inout Actions) {
        while let waiter = waiters.first, let end = waitEnd(waiter, isMaking: counters.creating > 0),
            end <= latest
        {
            let hasFailed = latestFailure.map { $0 >= waitingSince[waiter] ?? .zero } ?? false
            _ = fail(hasFailed ? .creationFailed : .timedOut, &actions)
        }
    }

    @discardableResult
    mutating func create(_ actions: inout Actions) -> Bool {
        guard members.count < configuration.maximum else { return false }
        lastMember += 1
        let member = PoolMemberID(rawValue: lastMember)
        members[member] = PoolMemberRecord(epoch: epoch)
        counters.creating += 1
        actions.create.append(member)
        return true
    }

    // MARK: Members that come and go

    /// Gives a fit member to the first waiter, or makes it ready; destroys it when draining.
    ///
    /// - Parameter idleSince: since when nobody has wanted it, if that is not now.
    mutating func offer(
        _ member: PoolMemberID, idleSince: Duration? = nil, _ actions: inout Actions
    ) {
        if draining {
            destroy(member, &actions)
        } else if let waiter = waiters.popFirst() {
            waitingSince[waiter] = nil
            actions.grants.append((waiter, lease(member)))
        } else {
            members[member]?.state = .available
            members[member]?.checkedAt = latest
            if configuration.healthCheckInterval != nil { byCheck.append(member) }
            if let idleSince {
                insert(member, idleSince: idleSince)
            } else {
                members[member]?.idleSince = latest
                available.append(member)
            }
        }
    }

    /// Back to its place among the ready ones, which stand in the order of their idle times.
    mutating func insert(_ member: PoolMemberID, idleSince: Duration) {
        var next = available.first
        while let other = next, let record = members[other], record.idleSince <= idleSince {
            next = available.key(after: other)
        }
        available.insert(member, before: next)
    }

    /// The ready member for a caller.
    func choose(_ isPreferred: ((PoolMemberID) -> Bool)?) -> PoolMemberID? {
        guard let isPreferred else { return available.last }
        var candidate = available.last
        for _ in 0..<64 {
            guard let member = candidate else { break }
            if isPreferred(member) { return member }
            candidate = available.key(before: member)
        }
        return available.last
    }

    /// Takes a ready member off the lists of ready ones.
    mutating func takeOut(_ member: PoolMemberID) {
        available.remove(member)
        byCheck.remove(member)
    }

    /// Destroys a member that is in none of the lists but, perhaps, `byAge`.
    mutating func destroy(_ member: PoolMemberID, _ actions: inout Actions) {
        members[member]?.state = .destroying
        byAge.remove(member)
        counters.destroying += 1
        actions.destroy.append(member)
    }

    mutating func lease(_ member: PoolMemberID) -> PoolLeaseID {
        lastLease += 1
        members[member]?.state = .inUse(serial: lastLease)
        members[member]?.uses += 1
        counters.inUse += 1
        counters.acquired += 1
        (latestGrant, latestFailure) = (latest, nil)
        return PoolLeaseID(member: member, serial: lastLease)
    }

    /// The record of a member whose lease ended now; `nil` if this lease is not the one in force.
    mutating func endLease(_ lease: PoolLeaseID) -> PoolMemberRecord? {
        guard let record = members[lease.member], case .inUse(lease.serial) = record.state else { return nil }
        counters.inUse -= 1
        return record
    }

    func isFit(_ record: PoolMemberRecord) -> Bool {
        if record.broken { return false }
        guard let maxAge = configuration.maxAge else { return true }
        return latest - record.createdAt < maxAge
    }

    mutating func comeBack(
        _ member: PoolMemberID, fit: Bool, idleSince: Duration? = nil, _ actions: inout Actions
    ) {
        if fit { offer(member, idleSince: idleSince, &actions) } else { destroy(member, &actions) }
        replenish(&actions)
    }

    // MARK: Time

    /// What is made as new for too long is not counted on: a waiter, and the minimum, get a creation instead.
    mutating func giveUpSlowResets(_ actions: inout Actions) {
        while let slowest = byReset.first, let since = members[slowest]?.resetSince,
            since + configuration.patience <= latest
        {
            byReset.remove(slowest)
            createForWaiter(&actions)
        }
    }

    mutating func shrink(_ actions: inout Actions) {
        guard let timeout = configuration.idleTimeout else { return }
        while available.count > configuration.minimum, let first = available.first,
            let record = members[first], record.idleSince + timeout <= latest
        {
            takeOut(first)
            destroy(first, &actions)
        }
    }

    mutating func retireOld(_ actions: inout Actions) {
        guard let maxAge = configuration.maxAge else { return }
        while let oldest = byAge.first, let record = members[oldest], record.createdAt + maxAge <= latest {
            if case .available = record.state {
                guard nextAgeRetirement <= latest else { return }
                nextAgeRetirement = latest + maxAge / (4 * configuration.maximum)
                takeOut(oldest)
                destroy(oldest, &actions)
            } else {
                byAge.remove(oldest)
            }
        }
    }

    /// The next health check and its time, which may have come; `nil` while none may be made.
    ///
    /// One at a time, for it costs processor time that callers want, and none while somebody waits. The last
    /// ready member is left alone unless the pool is quiet: a caller who comes during a check of it waits, or
    /// has one made.
    var nextCheck: (member: PoolMemberID, time: Duration)? {
        guard let interval = configuration.healthCheckInterval, let first = byCheck.first,
            let record = members[first], counters.checking == 0, waiters.isEmpty,
            available.count > 1 || counters.inUse + counters.resetting == 0
        else { return nil }
        return (first, record.checkedAt + interval)
    }

    mutating func startCheck(_ actions: inout Actions) {
        guard let (member, time) = nextCheck, time <= latest else { return }
        takeOut(member)
        members[member]?.state = .checking
        counters.checking += 1
        actions.check.append(member)
    }

    /// Puts background creations off. Failures within one pause are one failure: those that ran side by side.
    mutating func backOff() {
        epoch += 1
        if let backoffUntil {
            guard latest >= backoffUntil else { return }
            backoff = min(backoff * 2, configuration.maximumBackoff)
        } else {
            backoff = configuration.initialBackoff
        }
        backoffUntil = latest + backoff
    }

    mutating func advance(to now: Duration) { latest = max(latest, now) }
}

extension PoolConfiguration {
    /// The member's own bound.
    func uses(of member: PoolMemberID) -> Int {
        // 7 spreads the numbers of neighbours over whatever there is.
        maxUses - (member.rawValue &* 7 & .max) % (maxUses / 4 + 1)
    }
}
