import SandboxAPI
// The model of the pool's simulation, and the checks after each event.
import TestSupport

@testable import SandboxRuntime

extension PoolSimulation {
    // MARK: The model

    mutating func apply(_ actions: PoolStateMachine<Int>.Actions) {
        for member in actions.create {
            expect(!draining, "creation while draining")
            expect(member.rawValue > highestMember, "\(member) was used before")
            highestMember = member.rawValue
            phases[member] = .creating
        }
        for (waiter, lease) in actions.grants {
            expect(waiters.first == waiter, "waiter \(waiter) was served out of turn")
            if waiters.first == waiter { waiters.removeFirst() }
            expect(phases[lease.member] == .between, "granted \(lease.member) out of the blue")
            grant(lease)
        }
        for (waiter, reason) in actions.failures {
            expect(waiters.first == waiter, "waiter \(waiter) failed out of turn")
            if waiters.first == waiter { waiters.removeFirst() }
            expect((reason == .shutDown) == draining, "waiter \(waiter) failed for the wrong reason")
            switch reason {
            case .shutDown: break
            case .creationFailed:
                let hasFailed = latestFailure.map { $0 >= waitingSince[waiter, default: now] } ?? false
                // A member that broke while it was made is about to be destroyed.
                let isLost = phases.values.allSatisfy { $0 == .creating || $0 == .between }
                let shortest = min(configuration.patience, configuration.acquireTimeout ?? .seconds(1 << 40))
                expect(hasFailed, "waiter \(waiter) failed without a failure")
                expect(isLost || wait(waiter) >= shortest, "waiter \(waiter) failed too early")
            case .timedOut:
                expect(
                    configuration.acquireTimeout.map { wait(waiter) >= $0 } ?? false,
                    "waiter \(waiter) timed out too early")
            }
            waitingSince[waiter] = nil
        }
        for member in actions.destroy {
            let phase = phases[member]
            expect(phase == .available || phase == .between, "destroys \(member), which is elsewhere")
            phases[member] = .destroying
        }
        for member in actions.reset {
            expect(phases[member] == .between && resets && !draining, "resets \(member) out of turn")
            phases[member] = .resetting
            resetSince[member] = now
        }
        for member in actions.check {
            expect(phases[member] == .available, "checks \(member), which is not ready")
            phases[member] = .checking
        }
        if actions.drained { drainedSaid += 1 }
        for (member, phase) in phases where phase == .between {
            phases[member] = .available
            readySince[member] = now
            if member != examined { idleSince[member] = now }
        }
        check(replenished: true)
    }

    mutating func grant(_ lease: PoolLeaseID) {
        expect(!draining, "granted while draining")
        expect(lease.serial > highestSerial, "lease \(lease.serial) was used before")
        expect(!broken.contains(lease.member), "granted the broken \(lease.member)")
        highestSerial = lease.serial
        (latestGrant, latestFailure) = (now, nil)
        uses[lease.member, default: 0] += 1
        expect(uses[lease.member, default: 0] <= configuration.maxUses, "\(lease.member) is worn out")
        phases[lease.member] = .inUse
        leases.append(lease)
    }

    /// - Parameter replenished: whether the minimum must hold after this event.
    mutating func check(replenished: Bool) {
        let statistics = machine.statistics
        var counts: [Phase: Int] = [:]
        for phase in phases.values { counts[phase, default: 0] += 1 }
        expect(
            statistics.available == counts[.available, default: 0]
                && statistics.creating == counts[.creating, default: 0]
                && statistics.inUse == counts[.inUse, default: 0]
                && statistics.resetting == counts[.resetting, default: 0]
                && statistics.checking == counts[.checking, default: 0]
                && statistics.destroying == counts[.destroying, default: 0]
                && statistics.waiting == waiters.count && statistics.inUse == leases.count,
            "the statistics are wrong: \(statistics)")
        expect(
            statistics.created == statistics.destroyed + statistics.total - statistics.creating,
            "members vanished: \(statistics)")
        expect(statistics.checking <= 1, "several checks at a time")
        expect(statistics.total <= configuration.maximum, "more than the maximum: \(statistics)")
        expect(waiters.isEmpty || statistics.available == 0, "somebody waits while one is ready")
        expect(waiters.isEmpty || statistics.total > 0, "somebody waits for nothing")
        let slow = phases.count {
            $0.value == .resetting && now - resetSince[$0.key, default: now] >= configuration.patience
        }
        if isCalm, replenished, !draining, statistics.total < configuration.maximum {
            expect(
                statistics.creating + statistics.resetting >= waiters.count
                    && statistics.available + statistics.creating + statistics.resetting
                        + statistics.checking + slow >= configuration.minimum,
                "too few under way: \(statistics)")
        }
    }

    /// The values of the ready members.
    func ofReady(_ times: [PoolMemberID: Duration]) -> [Duration] {
        phases.compactMap { $0.value == .available ? times[$0.key] : nil }
    }

    func count(_ phase: Phase) -> Int { phases.values.count { $0 == phase } }

    mutating func pick(_ phase: Phase) -> PoolMemberID? {
        // Sorted, since a dictionary's order differs from run to run and a seed must repeat.
        phases.filter { $0.value == phase }.keys.sorted { $0.rawValue < $1.rawValue }
            .randomElement(using: &random)
    }

    func expect(_ holds: Bool, _ message: @autoclosure () -> String) {
        if !holds { log.faults.append(message()) }
    }
}
