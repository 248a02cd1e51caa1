/// The rules that the events of a pool's state machine share: which waiter gets a member, when one is made or
/// destroyed.

import SandboxAPI

extension PoolStateMachine {
    // MARK: Creation

    /// Creations that should be under way: for the waiters or for `minimum`, whichever needs more, and not
    /// for both. While callers wait, more creations would only slow down those that the callers wait for.
    ///
    /// A member being reset counts like one being made, and is ready sooner, unless its reset already takes
    /// too long. One being checked may take long: it counts towards the minimum, but a waiter gets a creation
    /// all the same.
    var wanted: Int {
        let missing = configuration.minimum - available.count - counters.checking
        return max(waiters.count, missing) - byReset.count
    }

    mutating func replenish(_ actions: inout Actions) {
        guard !draining, backoffUntil == nil else { return }
        while counters.creating < wanted, create(&actions) {}
    }

    /// Starts a creation for a waiter that has none under way yet, whatever the backoff.
    @discardableResult
    mutating func createForWaiter(_ actions: inout Actions) -> Bool {
        counters.creating + byReset.count < waiters.count && create(&actions)
    }

    /// A creation failed. Where no member is left that could serve a waiter, as many waiters fail as
    /// creations failed since one could, so that each had its try, and creations for the remaining ones start
    /// at once. Where such a member is left, a waiter fails that has waited long enough.
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
        // One waiter for each failure, while other creations are under way: these may succeed.
        while unansweredFailures > 0 || counters.creating == 0, let waiter = waiters.first,
            let end = waitEnd(waiter, isMaking: false), end <= latest, fail(.creationFailed, &actions)
        {
            unansweredFailures = max(0, unansweredFailures - 1)
        }
        if counters.others > 0 { unansweredFailures = 0 }
    }

    /// Takes the first waiter from the queue, without a member for it.
    private mutating func fail(_ reason: Failure, _ actions: inout Actions) -> Bool {
        guard let waiter = waiters.popFirst() else { return false }
        waitingSince[waiter] = nil
        counters.refused += 1
        actions.failures.append((waiter, reason))
        return true
    }

    /// Until when a waiter waits while no waiter gets a member; for later waiters it is never earlier. `nil`:
    /// for ever.
    ///
    /// - Parameter isMaking: whether a creation under way is waited for, whatever failed before.
    func waitEnd(_ waiter: WaiterID, isMaking: Bool) -> Duration? {
        guard let since = waitingSince[waiter] else { return nil }
        let hasFailed = latestFailure.map { $0 >= since } ?? false
        let bounds = [configuration.acquireTimeout, hasFailed && !isMaking ? configuration.patience : nil]
        return bounds.compactMap { $0 }.min().map { max(since, latestGrant) + $0 }
    }

    /// Fails the waiters that have waited too long since the last grant.
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
    /// - Parameter idleSince: since when the member has been idle, if that is not now.
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

    /// Puts a member back into the ready ones, which are in the order of their idle times.
    mutating func insert(_ member: PoolMemberID, idleSince: Duration) {
        var next = available.first
        while let other = next, let record = members[other], record.idleSince <= idleSince {
            next = available.key(after: other)
        }
        available.insert(member, before: next)
    }

    /// The ready member that a caller gets.
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

    /// Removes a ready member from the lists of ready ones.
    mutating func takeOut(_ member: PoolMemberID) {
        available.remove(member)
        byCheck.remove(member)
    }

    /// Destroys a member that is in none of the lists except, perhaps, `byAge`.
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

    /// Stops counting on resets that take too long: a waiter, and the minimum, get a creation instead.
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

    /// The next health check and its time, which may have passed; `nil` while no check may start.
    ///
    /// One at a time, since a check costs processor time that callers need, and none while callers wait. The
    /// last ready member is checked only while the pool is quiet: a caller that comes during that check
    /// waits, or has a member made for it.
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

    /// Delays background creations. All failures within one pause count as one, since they ran at the same
    /// time.
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
    /// The member's own largest number of uses.
    func uses(of member: PoolMemberID) -> Int {
        // Multiplying by 7 spreads the bounds of neighbouring numbers over the range.
        maxUses - (member.rawValue &* 7 & .max) % (maxUses / 4 + 1)
    }
}
