/// The rules of a pool: which events lead to which actions, without clocks, locks, tasks or input and output.

import SandboxAPI

/// The state of a pool and its events; each event returns what the driver has to do now.
///
///     acquire: granted from `available`, or waiting until granted, failed or cancelled
///     member:  creating -> available -> in use -> resetting -> available ... -> destroying -> gone
///     release: reset if the pool resets; then to the first waiter, else available; destroying if worn out
///     health:  available -> checking -> available, or destroying
///
/// Time is a `Duration` since a start that the driver chooses. It never goes back: an earlier time counts as
/// the latest one seen. An event about a member or waiter in an unsuitable state does nothing.
struct PoolStateMachine<WaiterID: Hashable & Sendable>: Sendable {
    let configuration: PoolConfiguration
    /// Whether a released member is reset before the next caller gets it.
    let resets: Bool
    // Only the events here and the rules in `PoolRules.swift` change the following properties.
    var members: [PoolMemberID: PoolMemberRecord] = [:]
    /// Ready members, the longest idle first. Callers take the *last* one: its pages are the warmest, and the
    /// surplus of a busy hour stays at the front and ages there, so that idle shrink finds it. Taking the
    /// first would keep every member just young enough to stay.
    var available = LinkedQueue<PoolMemberID>()
    var waiters = LinkedQueue<WaiterID>()
    /// When each waiter came.
    var waitingSince: [WaiterID: Duration] = [:]
    /// When a caller last got a member: the waits of those behind it start anew.
    var latestGrant = Duration.zero
    /// When a creation last failed, unless a caller got a member since.
    var latestFailure: Duration?
    /// Members whose reset does not take too long yet, the longest first.
    var byReset = LinkedQueue<PoolMemberID>()
    /// The ready members, the one longest without a check first; empty without health checks.
    var byCheck = LinkedQueue<PoolMemberID>()
    /// Members available or in use, the oldest first; empty without a `maxAge`. One that gets too old in use
    /// is removed: its release checks the age again.
    var byAge = LinkedQueue<PoolMemberID>()
    /// No ready member is retired for its age before this time: members made together must not all go
    /// together.
    var nextAgeRetirement = Duration.zero
    /// The counters; `available` and `waiting` are filled in by ``statistics``.
    var counters = PoolStatistics()
    var lastMember = 0
    var lastLease = 0
    var latest = Duration.zero
    /// Set from a failure until a creation that began after it succeeds: no background creation before that
    /// time, and one at a time after it.
    var backoffUntil: Duration?
    var backoff = Duration.zero
    var epoch = 0
    /// Creations that failed while nothing else could serve the waiters: as many waiters fail with the last
    /// creation.
    var unansweredFailures = 0
    var draining = false

    /// - Parameter configuration: a valid one; see ``PoolConfiguration/validate()``.
    init(configuration: PoolConfiguration, resets: Bool = false) {
        self.configuration = configuration
        self.resets = resets
    }

    var statistics: PoolStatistics {
        var snapshot = counters
        snapshot.available = available.count
        snapshot.waiting = waiters.count
        return snapshot
    }

    /// All members, the oldest first.
    func sandboxes(now: Duration) -> [PooledSandbox] {
        members.sorted { $0.key.rawValue < $1.key.rawValue }.map { member, record in
            let isMade = if case .creating = record.state { false } else { true }
            return PooledSandbox(
                id: member.rawValue, state: record.state.published,
                age: isMade ? max(.zero, now - record.createdAt) : .zero, uses: record.uses)
        }
    }

    func isBroken(_ member: PoolMemberID) -> Bool { members[member]?.broken ?? false }

    /// The pool is draining, and no member is left.
    var isDrained: Bool { draining && members.isEmpty }

    /// The ready members, in no order.
    var availableMembers: [PoolMemberID] {
        members.compactMap { if case .available = $0.value.state { $0.key } else { nil } }
    }

    /// When ``tick(now:)`` is next needed; `nil` if nothing can expire. Later than the latest tick.
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
        if let due = nextCheck { consider(due.time) }
        if let slowest = byReset.first, let since = members[slowest]?.resetSince {
            consider(since + configuration.patience)
        }
        if let waiter = waiters.first, let end = waitEnd(waiter, isMaking: counters.creating > 0) {
            consider(end)
        }
        return deadline
    }

    // MARK: Events of callers

    /// A caller requests a member. It never takes one from an earlier caller: while a member is ready, no
    /// caller waits.
    ///
    /// A waiter that is already in the queue keeps its place.
    ///
    /// - Parameter isPreferred: among the latest few ready members, the latest preferred one is taken, if
    ///   there is any.
    mutating func acquire(
        _ waiter: WaiterID, now: Duration, preferring isPreferred: ((PoolMemberID) -> Bool)? = nil
    ) -> AcquireResult {
        advance(to: now)
        guard !draining else { return .refused }
        if let member = choose(isPreferred) {
            takeOut(member)
            return .granted(lease(member))
        }
        var actions = Actions()
        if !waiters.contains(waiter) { waitingSince[waiter] = latest }
        waiters.append(waiter)
        createForWaiter(&actions)
        replenish(&actions)
        return .waiting(actions)
    }

    /// Removes a waiter from the queue. What is being created for it becomes ready for others.
    ///
    /// - Returns: false if it was not waiting: it has its lease or its failure.
    mutating func cancel(_ waiter: WaiterID) -> Bool {
        guard waiters.remove(waiter) else { return false }
        waitingSince[waiter] = nil
        counters.cancelled += 1
        return true
    }

    /// Starts the background creations that ``acquire(_:)`` deferred. Also the pool's start.
    mutating func replenish() -> Actions {
        var actions = Actions()
        replenish(&actions)
        return actions
    }

    /// Ends a lease. Unknown and already released leases do nothing.
    ///
    /// - Parameter reusable: whether the member may serve another caller, its age and uses permitting.
    mutating func release(_ lease: PoolLeaseID, reusable: Bool, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = endLease(lease) else { return actions }
        let fit = reusable && isFit(record) && record.uses < configuration.uses(of: lease.member)
        if fit, resets, !draining {
            members[lease.member]?.state = .resetting
            members[lease.member]?.resetSince = latest
            byReset.append(lease.member)
            counters.resetting += 1
            actions.reset.append(lease.member)
            replenish(&actions)
        } else {
            comeBack(lease.member, fit: fit, &actions)
        }
        return actions
    }

    /// Ends a lease that was granted to a waiter in the instant it was cancelled; it counts as never granted.
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
        waitingSince = [:]
        while let member = available.popFirst() {
            byCheck.remove(member)
            destroy(member, &actions)
        }
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
        // A creation that began before the failure is no evidence for the time after it.
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

    /// The driver reset a released member, as ``Actions/reset`` requested.
    ///
    /// - Parameter fit: false if the reset failed, and the member must not be used again.
    mutating func resetDone(_ member: PoolMemberID, fit: Bool, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = members[member], case .resetting = record.state else { return actions }
        counters.resetting -= 1
        byReset.remove(member)
        members[member]?.resetSince = nil
        if !fit { counters.unfit += 1 }
        let fit = fit && isFit(record)
        if fit || draining {
            comeBack(member, fit: fit, &actions)
        } else {
            destroy(member, &actions)
            // A waiter that counted on this member has had no try yet.
            createForWaiter(&actions)
            replenish(&actions)
        }
        return actions
    }

    /// The driver checked a ready member, as ``Actions/check`` requested. A healthy one takes its old place.
    mutating func checkDone(_ member: PoolMemberID, healthy: Bool, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = members[member], case .checking = record.state else { return actions }
        counters.checking -= 1
        if !healthy { counters.unfit += 1 }
        let fit = healthy && !record.broken
        // As for a broken one: a host that makes only sick members must not be kept busy.
        if !fit && record.uses == 0 { backOff() }
        comeBack(member, fit: fit && isFit(record), idleSince: record.idleSince, &actions)
        return actions
    }

    /// The driver has destroyed a member.
    mutating func destroyed(_ member: PoolMemberID) -> Actions {
        var actions = Actions()
        guard let record = members[member], case .destroying = record.state else { return actions }
        members[member] = nil
        counters.destroying -= 1
        counters.destroyed += 1
        if draining {
            actions.drained = isDrained
        } else {
            // While other members exist, waiters can wait for the backoff; else no member would come.
            if counters.creating + counters.others == 0 { createForWaiter(&actions) }
            replenish(&actions)
        }
        return actions
    }

    /// A member died: a ready one is replaced, one in use is not used again, one whose creation is about to
    /// be reported is destroyed then.
    ///
    /// One that dies before a caller had it counts as a failed creation for the backoff: otherwise a host
    /// that kills each member as soon as it is made would keep the pool spinning.
    mutating func broken(_ member: PoolMemberID, now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard let record = members[member] else { return actions }
        switch record.state {
        case .available:
            takeOut(member)
            if record.uses == 0 { backOff() }
            destroy(member, &actions)
            replenish(&actions)
        case .creating, .inUse, .resetting, .checking:
            members[member]?.broken = true
        case .destroying:
            break
        }
        return actions
    }

    /// Time has passed: idle and old members are destroyed, one may be due for its health check, and a
    /// delayed creation starts.
    mutating func tick(now: Duration) -> Actions {
        advance(to: now)
        var actions = Actions()
        guard !draining else { return actions }
        shrink(&actions)
        retireOld(&actions)
        startCheck(&actions)
        giveUpSlowResets(&actions)
        failOverdue(&actions)
        if let backoffUntil, latest >= backoffUntil, counters.creating == 0, wanted > 0 { create(&actions) }
        replenish(&actions)
        return actions
    }
}
