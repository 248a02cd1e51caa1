/// A machine under random events: the simulation plays its effects, and checks every step against a model.

import SandboxAPI
import TestSupport

@testable import SandboxRuntime

/// One random run of a ``PoolStateMachine``. The violations found are in ``faults``.
struct PoolSimulation {
    enum Phase: Hashable {
        case creating, available, inUse, resetting, checking, destroying, between
    }

    var random: SeededGenerator
    var machine: PoolStateMachine<Int>
    let configuration: PoolConfiguration
    let resets: Bool
    /// Whether nothing fails and nothing breaks in this run, so that the minimum must hold at every step.
    let isCalm: Bool
    var now = Duration.zero
    var phases: [PoolMemberID: Phase] = [:]
    var uses: [PoolMemberID: Int] = [:]
    var madeAt: [PoolMemberID: Duration] = [:]
    var broken: Set<PoolMemberID> = []
    /// Since when a ready member has been idle; a health check does not change it.
    var idleSince: [PoolMemberID: Duration] = [:]
    /// When a member last became ready.
    var readySince: [PoolMemberID: Duration] = [:]
    /// The member whose health check ends with this event.
    var examined: PoolMemberID?
    var waiters: [Int] = []
    var waitingSince: [Int: Duration] = [:]
    var latestGrant = Duration.zero
    var latestFailure: Duration?
    /// When the reset of a member began.
    var resetSince: [PoolMemberID: Duration] = [:]
    var leases: [PoolLeaseID] = []
    var ended: [PoolLeaseID] = []
    var lastWaiter = 0
    var highestMember = 0
    var highestSerial = 0
    var draining = false
    var drainedSaid = 0
    var trace: [String] = []
    let log = FaultLog()

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let maximum = Int.random(in: 1...6, using: &random)
        let configuration = PoolConfiguration(
            minimum: Int.random(in: 0...maximum, using: &random), maximum: maximum,
            idleTimeout: Bool.random(using: &random) ? .seconds(Int.random(in: 1...40, using: &random)) : nil,
            maxAge: Bool.random(using: &random) ? .seconds(Int.random(in: 1...90, using: &random)) : nil,
            maxUses: [1, 1, 2, 5, .max].randomElement(using: &random) ?? 1,
            healthCheckInterval: Bool.random(using: &random)
                ? .seconds(Int.random(in: 1...30, using: &random)) : nil,
            initialBackoff: .seconds(1), maximumBackoff: .seconds(20),
            acquireTimeout: Bool.random(using: &random)
                ? .seconds(Int.random(in: 1...60, using: &random)) : nil,
            patience: .milliseconds(Int.random(in: 1...15_000, using: &random)))
        self.configuration = configuration
        self.resets = Bool.random(using: &random)
        self.isCalm = Bool.random(using: &random)
        self.random = random
        self.machine = PoolStateMachine(configuration: configuration, resets: resets)
    }

    /// The violations found.
    var faults: [String] { log.faults }

    /// The last events, for the message.
    var story: String { trace.suffix(30).joined(separator: "; ") }

    /// Plays random events, then all effects to rest, then the drain.
    mutating func run(events: Int) {
        if Bool.random(using: &random) { replenish() }
        for _ in 0..<events where faults.isEmpty { step() }
        if faults.isEmpty { rest() }
        if faults.isEmpty { finish() }
    }

    // MARK: Events

    mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25: acquire()
        case 25..<35: cancel()
        case 35..<60: finishCreation(failing: !isCalm && Int.random(in: 0..<3, using: &random) == 0)
        case 60..<75: release(givingBack: Int.random(in: 0..<8, using: &random) == 0)
        case 75..<81: finishDestruction()
        case 81..<85: finishReset(fit: Int.random(in: 0..<4, using: &random) > 0)
        case 85..<88: finishCheck(healthy: isCalm || Int.random(in: 0..<3, using: &random) > 0)
        case 88..<90: replenish()
        case 90..<94: tick(after: .milliseconds(Int.random(in: 0...20_000, using: &random)))
        case 94..<96: if !isCalm { breakOne() }
        case 96..<99: nonsense()
        default: if Int.random(in: 0..<4, using: &random) == 0 { drain() }
        }
    }

    mutating func acquire() {
        lastWaiter += 1
        trace.append("acquire \(lastWaiter)")
        let ready = phases.values.contains(.available)
        switch machine.acquire(lastWaiter, now: now) {
        case .granted(let lease):
            expect(waiters.isEmpty, "a newcomer was served before those who wait")
            expect(phases[lease.member] == .available, "granted \(lease.member), which was not ready")
            let idle = ofReady(idleSince)
            expect(idleSince[lease.member] == idle.max(), "granted \(lease.member), not the latest")
            grant(lease)
            check(replenished: false)
        case .waiting(let actions):
            expect(!ready && !draining, "must not wait")
            waiters.append(lastWaiter)
            waitingSince[lastWaiter] = now
            apply(actions)
        case .refused:
            expect(draining, "refused")
            check(replenished: true)
        }
    }

    mutating func cancel() {
        guard let waiter = waiters.randomElement(using: &random) else { return }
        trace.append("cancel \(waiter)")
        expect(machine.cancel(waiter), "waiter \(waiter) was not waiting")
        waiters.removeAll { $0 == waiter }
        check(replenished: false)
    }

    mutating func finishCreation(failing: Bool) {
        guard let member = pick(.creating) else { return }
        trace.append("\(failing ? "failed" : "created") \(member.rawValue)")
        if failing {
            phases[member] = nil
            latestFailure = now
            apply(machine.creationFailed(member, now: now))
        } else {
            phases[member] = .between
            madeAt[member] = now
            if broken.contains(member) { latestFailure = now }
            apply(machine.created(member, now: now))
        }
    }

    mutating func release(givingBack: Bool) {
        guard let lease = leases.randomElement(using: &random) else { return }
        let reusable = Int.random(in: 0..<4, using: &random) > 0
        trace.append("\(givingBack ? "give back" : "release") \(lease.member.rawValue) \(reusable)")
        leases.removeAll { $0 == lease }
        ended.append(lease)
        phases[lease.member] = .between
        let member = lease.member
        if givingBack {
            uses[member, default: 0] -= 1
            apply(machine.giveBack(lease, now: now))
        } else {
            let mustGo =
                !reusable || broken.contains(member) || uses[member, default: 0] >= configuration.maxUses
            apply(machine.release(lease, reusable: reusable, now: now))
            expect(!mustGo || phases[member] == .destroying, "\(member) must not live on")
            if resets {
                let phase = phases[member]
                expect(phase == .resetting || phase == .destroying, "\(member) was not reset")
            }
        }
    }

    mutating func finishReset(fit: Bool) {
        guard let member = pick(.resetting) else { return }
        trace.append("reset \(member.rawValue) \(fit)")
        phases[member] = .between
        apply(machine.resetDone(member, fit: fit, now: now))
        let mustGo = !fit || broken.contains(member) || isOld(member) || draining
        expect(mustGo == (phases[member] == .destroying), "after its reset \(member) is in the wrong phase")
    }

    mutating func finishCheck(healthy: Bool) {
        guard let member = pick(.checking) else { return }
        trace.append("checked \(member.rawValue) \(healthy)")
        phases[member] = .between
        examined = member
        apply(machine.checkDone(member, healthy: healthy, now: now))
        examined = nil
        let mustGo = !healthy || broken.contains(member) || isOld(member) || draining
        expect(mustGo == (phases[member] == .destroying), "after its check \(member) is in the wrong phase")
    }

    func isOld(_ member: PoolMemberID) -> Bool {
        guard let maxAge = configuration.maxAge else { return false }
        return now - madeAt[member, default: now] >= maxAge
    }

    mutating func finishDestruction() {
        guard let member = pick(.destroying) else { return }
        trace.append("destroyed \(member.rawValue)")
        phases[member] = nil
        apply(machine.destroyed(member))
    }

    mutating func replenish() {
        trace.append("replenish")
        apply(machine.replenish())
    }

    mutating func tick(after pause: Duration) {
        now += pause
        trace.append("tick \(now)")
        let ready = count(.available)
        let actions = machine.tick(now: now)
        apply(actions)
        if configuration.maxAge == nil {
            let spare = max(0, ready - configuration.minimum)
            expect(actions.destroy.count <= spare, "shrank below the minimum")
            let kept = ofReady(idleSince).min()
            let gone = actions.destroy.compactMap { idleSince[$0] }.max()
            if let kept, let gone { expect(gone <= kept, "shrank the busier one") }
        }
        judgeChecks(actions.check)
        judgeWaits()
        let deadline = machine.nextDeadline
        expect(deadline ?? .seconds(1 << 40) > now, "a deadline is past at \(now)")
        if let maxAge = configuration.maxAge, !draining {
            let old = phases.contains {
                $0.value == .available && now - madeAt[$0.key, default: now] >= maxAge
            }
            let soon = now + maxAge / (4 * configuration.maximum)
            expect(!old || deadline ?? .seconds(1 << 40) <= soon, "an old member is forgotten")
        }
    }

    /// How long a waiter has waited without progress.
    func wait(_ waiter: Int) -> Duration {
        now - max(waitingSince[waiter, default: now], latestGrant)
    }

    /// Checks that after a tick no waiter has waited longer than allowed.
    mutating func judgeWaits() {
        for waiter in waiters {
            if let timeout = configuration.acquireTimeout {
                expect(wait(waiter) < timeout, "waiter \(waiter) waits beyond the acquireTimeout")
            }
            let hasFailed = latestFailure.map { $0 >= waitingSince[waiter, default: now] } ?? false
            expect(
                !hasFailed || count(.creating) > 0 || wait(waiter) < configuration.patience,
                "waiter \(waiter) waits although making fails")
        }
        let quick = phases.count {
            $0.value == .resetting && now - resetSince[$0.key, default: now] < configuration.patience
        }
        expect(
            !isCalm || count(.creating) + quick >= waiters.count || phases.count == configuration.maximum,
            "somebody waits for a slow reset")
    }

    /// Compares the health checks that a tick started with those it should have started.
    mutating func judgeChecks(_ begun: [PoolMemberID]) {
        guard let interval = configuration.healthCheckInterval else {
            return expect(begun.isEmpty, "checked without an interval")
        }
        for member in begun {
            expect(waiters.isEmpty && !draining, "checked while somebody waits, or nobody ever will")
            expect(now - readySince[member, default: now] >= interval, "\(member) was checked too early")
            let quiet = count(.inUse) + count(.resetting) == 0
            expect(quiet || count(.available) > 0, "the last ready one was taken for a check")
        }
        let mayCheck =
            count(.checking) == 0 && waiters.isEmpty
            && (count(.available) > 1 || count(.inUse) + count(.resetting) == 0)
        let longest = ofReady(readySince).min() ?? now
        expect(!mayCheck || now - longest < interval, "a health check was forgotten")
    }

    mutating func breakOne() {
        guard
            let member = pick(
                [.available, .inUse, .creating, .resetting, .checking].randomElement(using: &random) ?? .inUse
            )
        else { return }
        trace.append("broken \(member.rawValue)")
        broken.insert(member)
        let wasReady = phases[member] == .available
        apply(machine.broken(member, now: now))
        expect(!wasReady || phases[member] == .destroying, "\(member) is broken and not destroyed")
    }

    /// Events about members and waiters in unsuitable states: they must do nothing.
    mutating func nonsense() {
        let before = machine.statistics
        var answers: [PoolStateMachine<Int>.Actions] = []
        if let lease = ended.randomElement(using: &random) {
            answers.append(machine.release(lease, reusable: true, now: now))
            answers.append(machine.giveBack(lease, now: now))
        }
        if let member = pick(.available) ?? pick(.inUse) {
            answers += [machine.created(member, now: now), machine.creationFailed(member, now: now)]
            answers.append(machine.destroyed(member))
            answers.append(machine.resetDone(member, fit: true, now: now))
            answers.append(machine.checkDone(member, healthy: false, now: now))
        }
        let stranger = PoolMemberID(rawValue: highestMember + 1)
        answers += [machine.created(stranger, now: now), machine.broken(stranger, now: now)]
        expect(!machine.cancel(-1), "cancelled a waiter that never was")
        let silent = answers.allSatisfy {
            $0.create.isEmpty && $0.destroy.isEmpty && $0.grants.isEmpty && $0.failures.isEmpty && !$0.drained
                && $0.reset.isEmpty && $0.check.isEmpty
        }
        expect(silent && machine.statistics == before, "something came of nonsense")
    }

    mutating func drain() {
        trace.append("drain")
        draining = true
        apply(machine.drain())
        expect(waiters.isEmpty, "waiters outlived the drain")
    }

    // MARK: The end

    /// Plays every effect with success until nothing is under way: the minimum must be ready again.
    mutating func rest() {
        trace.append("rest")
        var patience = 10_000
        while faults.isEmpty, patience > 0 {
            patience -= 1
            if pick(.creating) != nil {
                finishCreation(failing: false)
            } else if pick(.destroying) != nil {
                finishDestruction()
            } else if pick(.resetting) != nil {
                finishReset(fit: true)
            } else if pick(.checking) != nil {
                finishCheck(healthy: true)
            } else if !leases.isEmpty {
                release(givingBack: false)
            } else if count(.available) < configuration.minimum, !draining {
                replenish()
                if count(.creating) > 0 { continue }
                guard let deadline = machine.nextDeadline else {
                    expect(false, "the minimum is missing and nothing will mend it")
                    return
                }
                tick(after: max(.zero, deadline - now))
            } else {
                break
            }
        }
        expect(patience > 0, "never comes to rest")
        expect(waiters.isEmpty, "somebody waits for ever")
        expect(draining || count(.available) >= configuration.minimum, "the minimum is not restored")
    }

    mutating func finish() {
        drain()
        // A member being reset or checked goes only when that is done.
        while faults.isEmpty, pick(.resetting) != nil { finishReset(fit: true) }
        while faults.isEmpty, pick(.checking) != nil { finishCheck(healthy: true) }
        while faults.isEmpty, pick(.destroying) != nil { finishDestruction() }
        expect(machine.isDrained && phases.isEmpty, "the drain left something")
        expect(drainedSaid == 1, "said drained \(drainedSaid) times")
        expect(machine.statistics.created == machine.statistics.destroyed, "made and destroyed differ")
        expect(machine.nextDeadline == nil, "a drained pool has a deadline")
    }
}

/// An object apart from the simulation, whose state a message may quote.
final class FaultLog {
    var faults: [String] = []
}
