/// The rules of a pool: which events lead to which actions, without clocks, locks, tasks or input and output.

/// The state of a pool and its events; each event returns what the driver has to do now.
///
///     acquire: granted from `available`, or waiting until granted, failed or cancelled
///     member:  creating -> available -> in use -> available ... -> destroying -> gone
///     release: to the first waiter, else available; destroying if worn out
///
/// Time is a `Duration` since a start that the driver chooses. It never goes back: an earlier time counts as
/// the latest one seen. An event about a member or waiter that is not in the right state does nothing.
struct PoolStateMachine<WaiterID: Hashable & Sendable>: Sendable {
    private enum MemberState {
        case creating
        case available
        case inUse(serial: Int)
        case destroying
    }

    private struct MemberRecord {
        var state = MemberState.creating
        /// How many failures there had been when its creation began.
        var epoch: Int
        var createdAt = Duration.zero
        var idleSince = Duration.zero
        var uses = 0
        /// Broke in use, or before its creation was reported.
        var broken = false
    }

    let configuration: PoolConfiguration
    private var members: [PoolMemberID: MemberRecord] = [:]
    /// Ready members, the longest idle first. Callers take the *last*: it is the one whose pages are warmest,
    /// and the surplus of a busy hour stays at the front and grows old there, so that idle shrink can find
    /// it. Taking the first would keep every member just young enough to stay.
    private var available = LinkedQueue<PoolMemberID>()
    private var waiters = LinkedQueue<WaiterID>()
    /// Members available or in use, the oldest first; empty without a `maxAge`. One that gets too old in use
    /// is left out: its release looks at the age again.
    private var byAge = LinkedQueue<PoolMemberID>()
    /// No ready member is retired for its age before: members made together must not all go together.
    private var nextAgeRetirement = Duration.zero
    /// The counters; `available` and `waiting` are filled in by ``statistics``.
    private var counters = PoolStatistics()
    private var lastMember = 0
    private var lastLease = 0
    private var latest = Duration.zero
    /// Set from a failure until a creation that began after it succeeds; no background creation before that
    /// time, and one at a time after it.
    private var backoffUntil: Duration?
    private var backoff = Duration.zero
    private var epoch = 0
    /// Creations that failed while nothing else could serve the waiters: as many waiters fail with the last
    /// one.
    private var unansweredFailures = 0
    private var draining = false

    /// - Parameter configuration: a valid one; see ``PoolConfiguration/validate()``.
    init(configuration: PoolConfiguration) { self.configuration = configuration }

    var statistics: PoolStatistics {
        var snapshot = counters
        snapshot.available = available.count
        snapshot.waiting = waiters.count
        return snapshot
    }

    /// Draining, and nothing is left.
    var isDrained: Bool { draining && members.isEmpty }

    /// The ready members, in no order.
    var availableMembers: [PoolMemberID] {
        members.compactMap { if case .available = $0.value.state { $0.key } else { nil } }
    }

    /// When ``tick(now:)`` has something to do; `nil` if nothing can expire. Later than the latest tick.
    var nextDeadline: Duration? {
        guard !draining else { return nil }
        var deadline = Duration?.none
        func consider(_ time: Duration) { deadline = min(deadline ?? time, time) }
        if let backoffUntil, counters.creating == 0, wanted > 0, members.count < configuration.maximum {
            consider(backoffUntil)
        }
        if let timeout = configuration.idleTimeout, available.count > configuration.minimum,
            let first = available.first, let record = members[first]
        {
            consider(record.idleSince + timeout)
        }
        if let maxAge = configuration.maxAge, let oldest = byAge.first, let record = members[oldest] {
            consider(max(record.createdAt + maxAge, nextAgeRetirement))
        }
        return deadline
    }

    // MARK: Events of callers

    /// A caller wants a member. Takes no member from anybody who came before: while one is ready, nobody
    /// waits.
    ///
    /// A waiter that is in the queue already keeps its place.
    mutating func acquire(_ waiter: WaiterID) -> AcquireResult {
        guard !draining else { return .refused }
        if let member = available.popLast() { return .granted(lease(member)) }
        var actions = Actions()
        waiters.append(waiter)
        createForWaiter(&actions)
        replenish(&actions)
        return .waiting(actions)
    }

    /// A waiter leaves the queue. What is being created for it becomes ready for others.
    ///
    /// - Returns: false if it was not waiting: it has its lease or its failure.
    mutating func cancel(_ waiter: WaiterID) -> Bool {
        guard waiters.remove(waiter) else { return false }
        counters.cancelled += 1
        return true
    }

    /// Starts the background creations that ``acquire(_:)`` left for later. Also the pool's start.
    mutating func replenish() -> Actions {
        var actions = Actions()
        replenish(&actions)
        return actions
    }

    /// A caller is done. Unknown and already released leases do nothing.
    ///
    /// - Parameter reusable: whether the member may serve another caller, its age and uses permitting.
    mutating func release(_ lease: PoolLeaseID, reusable: Bool, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = endLease(lease) else { return actions }
        comeBack(
            lease.member, fit: reusable && isFit(record) && record.uses < configuration.maxUses, &actions)
        return actions
    }

    /// A lease that was granted to a waiter in the instant it was cancelled comes back, and counts as never
    /// granted.
    mutating func giveBack(_ lease: PoolLeaseID, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = endLease(lease) else { return actions }
        members[lease.member]?.uses -= 1
        counters.acquired -= 1
        counters.cancelled += 1
        comeBack(lease.member, fit: isFit(record), &actions)
        return actions
    }

    /// No more leases: waiters fail, ready members are destroyed, the others as soon as they come back.
    mutating func drain() -> Actions {
        var actions = Actions()
        guard !draining else { return actions }
        draining = true
        while let waiter = waiters.popFirst() { actions.failures.append((waiter, .shutDown)) }
        while let member = available.popFirst() { destroy(member, &actions) }
        actions.drained = isDrained
        return actions
    }

    // MARK: Events of members

    /// A creation succeeded.
    mutating func created(_ member: PoolMemberID, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = members[member], case .creating = record.state else { return actions }
        counters.creating -= 1
        counters.created += 1
        members[member]?.createdAt = latest
        if configuration.maxAge != nil { byAge.append(member) }
        if record.broken {
            backOff()
            failWaiters(&actions)
            destroy(member, &actions)
            return actions
        }
        unansweredFailures = 0
        // One that began before the failure says nothing about how things are since.
        if record.epoch == epoch { backoffUntil = nil }
        offer(member, &actions)
        replenish(&actions)
        return actions
    }

    /// A creation failed.
    mutating func creationFailed(_ member: PoolMemberID, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = members[member], case .creating = record.state else { return actions }
        members[member] = nil
        counters.creating -= 1
        counters.failures += 1
        guard !draining else {
            actions.drained = isDrained
            return actions
        }
        backOff()
        failWaiters(&actions)
        return actions
    }

    /// A member is gone.
    mutating func destroyed(_ member: PoolMemberID) -> Actions {
        var actions = Actions()
        guard let record = members[member], case .destroying = record.state else { return actions }
        members[member] = nil
        counters.destroying -= 1
        counters.destroyed += 1
        if draining {
            actions.drained = isDrained
        } else {
            // While others are about, waiters can wait for the backoff; else nothing more would come.
            if counters.creating + counters.inUse + counters.destroying == 0 { createForWaiter(&actions) }
            replenish(&actions)
        }
        return actions
    }

    /// A member died: a ready one is replaced, one in use is not used again, one whose creation is about to
    /// be reported is destroyed then.
    ///
    /// One that dies before anybody had it counts as a failed creation for the backoff: otherwise a host that
    /// kills each as soon as it is made would keep the pool spinning.
    mutating func broken(_ member: PoolMemberID, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = members[member] else { return actions }
        switch record.state {
        case .available:
            available.remove(member)
            if record.uses == 0 { backOff() }
            destroy(member, &actions)
            replenish(&actions)
        case .creating, .inUse:
            members[member]?.broken = true
        case .destroying:
            break
        }
        return actions
    }

    /// Time has passed: idle and old members go, and a creation that was put off is tried.
    mutating func tick(now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard !draining else { return actions }
        shrink(&actions)
        retireOld(&actions)
        if let backoffUntil, latest >= backoffUntil, counters.creating == 0, wanted > 0 { create(&actions) }
        replenish(&actions)
        return actions
    }

    // MARK: Rules

    /// Creations that should be under way. Those for waiters keep `minimum` for the time after: while
    /// somebody waits, more would only slow down the one that is waited for.
    private var wanted: Int { max(waiters.count, configuration.minimum - available.count) }

    private mutating func replenish(_ actions: inout Actions) {
        guard !draining, backoffUntil == nil else { return }
        while counters.creating < wanted, create(&actions) {}
    }

    /// A try for a waiter that has no creation under way yet, whatever the backoff.
    @discardableResult
    private mutating func createForWaiter(_ actions: inout Actions) -> Bool {
        counters.creating < waiters.count && create(&actions)
    }

    /// A waiter fails only when nothing is left that could serve it. Then as many fail as there were failures
    /// since anything could, so that each has had its try, and for those behind them creations start at once.
    private mutating func failWaiters(_ actions: inout Actions) {
        guard !waiters.isEmpty, counters.inUse + counters.destroying == 0 else {
            unansweredFailures = 0
            return
        }
        unansweredFailures += 1
        guard counters.creating == 0 else { return }
        while unansweredFailures > 0, let waiter = waiters.popFirst() {
            unansweredFailures -= 1
            actions.failures.append((waiter, .creationFailed))
        }
        unansweredFailures = 0
        while createForWaiter(&actions) {}
    }

    @discardableResult
    private mutating func create(_ actions: inout Actions) -> Bool {
        guard members.count < configuration.maximum else { return false }
        lastMember += 1
        let member = PoolMemberID(rawValue: lastMember)
        members[member] = MemberRecord(epoch: epoch)
        counters.creating += 1
        actions.create.append(member)
        return true
    }

    /// Gives a fit member to the first waiter, or makes it ready; destroys it when draining.
    private mutating func offer(_ member: PoolMemberID, _ actions: inout Actions) {
        if draining {
            destroy(member, &actions)
        } else if let waiter = waiters.popFirst() {
            actions.grants.append((waiter, lease(member)))
        } else {
            members[member]?.state = .available
            members[member]?.idleSince = latest
            available.append(member)
        }
    }

    /// Destroys a member that is in none of the lists but, perhaps, `byAge`.
    private mutating func destroy(_ member: PoolMemberID, _ actions: inout Actions) {
        members[member]?.state = .destroying
        byAge.remove(member)
        counters.destroying += 1
        actions.destroy.append(member)
    }

    private mutating func lease(_ member: PoolMemberID) -> PoolLeaseID {
        lastLease += 1
        members[member]?.state = .inUse(serial: lastLease)
        members[member]?.uses += 1
        counters.inUse += 1
        counters.acquired += 1
        return PoolLeaseID(member: member, serial: lastLease)
    }

    /// The record of a member whose lease ended now; `nil` if this lease is not the one in force.
    private mutating func endLease(_ lease: PoolLeaseID) -> MemberRecord? {
        guard let record = members[lease.member], case .inUse(lease.serial) = record.state else { return nil }
        counters.inUse -= 1
        return record
    }

    private func isFit(_ record: MemberRecord) -> Bool {
        if record.broken { return false }
        guard let maxAge = configuration.maxAge else { return true }
        return latest - record.createdAt < maxAge
    }

    private mutating func comeBack(_ member: PoolMemberID, fit: Bool, _ actions: inout Actions) {
        if fit { offer(member, &actions) } else { destroy(member, &actions) }
        replenish(&actions)
    }

    private mutating func shrink(_ actions: inout Actions) {
        guard let timeout = configuration.idleTimeout else { return }
        while available.count > configuration.minimum, let first = available.first,
            let record = members[first], record.idleSince + timeout <= latest
        {
            available.remove(first)
            destroy(first, &actions)
        }
    }

    private mutating func retireOld(_ actions: inout Actions) {
        guard let maxAge = configuration.maxAge else { return }
        while let oldest = byAge.first, let record = members[oldest], record.createdAt + maxAge <= latest {
            if case .available = record.state {
                guard nextAgeRetirement <= latest else { return }
                nextAgeRetirement = latest + maxAge / (4 * configuration.maximum)
                available.remove(oldest)
                destroy(oldest, &actions)
            } else {
                byAge.remove(oldest)
            }
        }
    }

    /// Puts background creations off. Failures within one pause are one failure: those that ran side by side.
    private mutating func backOff() {
        epoch += 1
        if let backoffUntil {
            guard latest >= backoffUntil else { return }
            backoff = min(backoff * 2, configuration.maximumBackoff)
        } else {
            backoff = configuration.initialBackoff
        }
        backoffUntil = latest + backoff
    }

    private mutating func advance(to now: Duration) { latest = max(latest, now) }
}
