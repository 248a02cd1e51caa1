/// The driver of a pool: holds the state machine behind a lock, and carries out its actions outside that
/// lock.

public import SandboxAPI

/// A pool of prepared members, made and destroyed by closures when `PoolStateMachine` decides so.
///
/// A caller calls `acquire`, hands its request to the member, then calls `replenish`, and in the end
/// `release`. A pool that is not drained destroys its ready members when the last reference goes; leased
/// members then belong to the holders of their leases.
public final class Pool<Member: Sendable>: Sendable {
    public typealias Create = @Sendable (PoolMemberID) async throws(SandboxError) -> Member
    public typealias Destroy = @Sendable (Member) async -> Void
    /// Returns whether the member may go on serving.
    public typealias Test = @Sendable (Member) async -> Bool
    private typealias Machine = PoolStateMachine<Int>
    private typealias Answer = Result<PoolLease<Member>, SandboxError>

    /// A caller in the queue. It is entered before it suspends, so its answer may come first.
    private enum Caller: Sendable {
        case entered
        case waiting(Waiter<Answer>)
        case answered(Answer)
    }

    private struct Timer {
        var deadline: Duration
        var task: Task<Void, Never>?
    }

    private struct State {
        var machine: Machine
        /// All members that exist, except those being destroyed.
        var members: [PoolMemberID: Member] = [:]
        var callers: [Int: Caller] = [:]
        var lastWaiter = 0
        var timer: Timer?
        /// Distinguishes the timer in force from one that was replaced while it woke up.
        var timerGeneration = 0
        var drainers: [Waiter<Void>] = []
        /// Creations under way: a drain cancels them.
        var makers: [PoolMemberID: Task<Void, Never>] = [:]
        /// The error of the last creation that failed.
        var lastFailure: SandboxError?
        var acquireTimes = DurationHistogram()
    }

    /// The actions to carry out once the lock is released.
    private struct Effects {
        var reset: [(PoolMemberID, Member)] = []
        var check: [(PoolMemberID, Member)] = []
        var destroy: [(PoolMemberID, Member)] = []
        var answers: [(Waiter<Answer>, Answer)] = []
        var drained: [Waiter<Void>] = []
    }

    private enum Acquired {
        case lease(PoolLease<Member>)
        case waiting(Int, Effects)
        case refused
    }

    private let state: Locked<State>
    private let create: Create
    private let destroy: Destroy
    private let reset: Test?
    private let check: Test?
    private let clock: PoolClock
    private let stillborn: SandboxError

    /// Makes an empty pool; ``start()`` fills it.
    ///
    /// - Parameters:
    ///   - create: makes a member. Its argument is the member's number, for ``memberBroke(_:)``. Its task is
    ///     cancelled when the pool is drained.
    ///   - destroy: destroys a member. The pool counts the member towards `maximum` until this returns.
    ///   - reset: restores a released member before the next caller gets it; returns false if that failed,
    ///     and the pool destroys the member. Must end by itself. Without it members are reused as they are.
    ///   - check: tests by a real run whether a ready member works, every `healthCheckInterval`; returns
    ///     false if it does not, and the pool replaces it. Must end by itself. Without it there are no health
    ///     checks.
    ///   - configuration: how many members are kept ready, how many there may be, and for how long.
    ///   - clock: the source of time; tests replace it.
    ///   - stillborn: the error for a caller when a member broke before its creation was reported.
    /// - Throws: `.invalidArgument` if the configuration is not valid.
    public init(
        configuration: PoolConfiguration, clock: PoolClock = .continuous, create: @escaping Create,
        destroy: @escaping Destroy, reset: Test? = nil, check: Test? = nil,
        stillborn: SandboxError = stillborn
    ) throws(SandboxError) {
        try configuration.validate()
        var configuration = configuration
        if check == nil { configuration.healthCheckInterval = nil }
        self.state = Locked(State(machine: Machine(configuration: configuration, resets: reset != nil)))
        self.reset = reset
        self.check = check
        self.create = create
        self.destroy = destroy
        self.clock = clock
        self.stillborn = stillborn
    }

    deinit {
        // No task of the pool holds it any more, so no member is being made or destroyed, and no caller
        // waits.
        let (members, timer) = state.withLock { state in
            (state.machine.availableMembers.compactMap { state.members[$0] }, state.timer?.task)
        }
        timer?.cancel()
        guard !members.isEmpty else { return }
        Task.detached { [destroy] in
            for member in members { await destroy(member) }
        }
    }

    public var statistics: PoolStatistics { state.withLock { $0.machine.statistics } }

    /// The statistics, each member, and the distribution of the callers' waiting times.
    public var details: PoolDetails {
        let now = clock.now()
        return state.withLock { state in
            PoolDetails(
                statistics: state.machine.statistics, sandboxes: state.machine.sandboxes(now: now),
                acquireTimes: state.acquireTimes)
        }
    }

    /// Prepares `minimum` members in the background. Without it the first ``acquire(preferring:)`` does.
    public func start() { replenish() }

    // MARK: Callers

    /// Takes a ready member, or waits for one in order of arrival.
    ///
    /// If a member is ready, this neither suspends nor starts a task; even the replacement begins only with
    /// ``replenish()``, or at the latest with ``release(_:reusable:)``. It runs on the caller's executor: a
    /// hop to another thread would cost more than all the rest.
    /// - Throws: `.cancelled`, as soon as the task is; `.shutDown` once drained; the error of a creation,
    ///   when no member came in time; `.acquireTimedOut` when no creation failed and no member came. See
    ///   ``/SandboxAPI/PoolConfiguration/acquireTimeout``.
    /// - Parameter isPreferred: which of several ready members this caller prefers. Called under the pool's
    ///   lock.
    nonisolated(nonsending) public func acquire(
        preferring isPreferred: ((Member) -> Bool)? = nil
    ) async throws(SandboxError) -> PoolLease<Member> {
        if Task.isCancelled { throw SandboxError.acquireCancelled }
        let start = clock.now()
        switch state.withLock({ enter(&$0, since: start, isPreferred) }) {
        case .lease(let lease): return lease
        case .refused: throw SandboxError.backendShutDown
        case .waiting(let waiter, let effects):
            perform(effects)
            let lease = try await wait(waiter)
            state.withLock { $0.acquireTimes.record(clock.now() - start) }
            return lease
        }
    }

    /// Starts the replacement of members taken by ``acquire(preferring:)``; very cheap if none is due.
    ///
    /// Call it as soon as the caller's own request is on its way, or when a short run has ended, so that the
    /// replacement does not compete with it.
    public func replenish() {
        handle { machine, _ in machine.replenish() }
    }

    /// Returns a member to the pool; what has to be destroyed or made then happens in the background.
    ///
    /// A second release of the same lease does nothing.
    /// - Parameters:
    ///   - lease: the lease from ``acquire(preferring:)``.
    ///   - reusable: false if the member must not serve another caller.
    public func release(_ lease: PoolLease<Member>, reusable: Bool) {
        handle { machine, now in machine.release(lease.id, reusable: reusable, now: now) }
    }

    /// Refuses new callers, fails the waiting ones, and returns when every member is destroyed, those in use
    /// once they are released. May be called any number of times.
    public func drain() async {
        handle { machine, _ in machine.drain() }
        // From here on nothing expires or is made, so no other timer starts.
        let (timer, makers) = state.withLock { state in
            defer { state.timer = nil }
            return (state.timer?.task, Array(state.makers.values))
        }
        timer?.cancel()
        for maker in makers { maker.cancel() }
        await state.answer { state, waiter in
            if state.machine.isDrained { return () }
            state.drainers.append(waiter)
            return nil
        }
    }

    /// Refuses new callers and fails the waiting ones, as ``drain()`` does, and does not wait. For a pool
    /// whose members can no longer be made; its callers may try another pool.
    public func refuse() {
        handle { machine, _ in machine.drain() }
    }

    /// Reports that a member died by itself. The pool replaces a ready one, and does not reuse one in use, or
    /// being reset or checked.
    public func memberBroke(_ member: PoolMemberID) {
        handle { machine, now in machine.broken(member, now: now) }
    }

    public static var stillborn: SandboxError {
        SandboxError(.setupFailed, message: "the sandbox died as soon as it was made")
    }

    // MARK: Waiting

    private func enter(
        _ state: inout State, since start: Duration, _ isPreferred: ((Member) -> Bool)?
    ) -> Acquired {
        let waiter = state.lastWaiter + 1
        let members = state.members
        let preference = isPreferred.map { isPreferred in
            { (id: PoolMemberID) in members[id].map(isPreferred) ?? false }
        }
        switch state.machine.acquire(waiter, now: start, preferring: preference) {
        case .granted(let id):
            guard let member = state.members[id.member] else {
                preconditionFailure("\(id.member) is unknown")
            }
            state.acquireTimes.record(clock.now() - start)
            return .lease(PoolLease(id: id, member: member))
        case .refused:
            return .refused
        case .waiting(let actions):
            state.lastWaiter = waiter
            state.callers[waiter] = .entered
            return .waiting(waiter, apply(actions, to: &state))
        }
    }

    nonisolated(nonsending) private func wait(_ waiter: Int) async throws(SandboxError) -> PoolLease<Member> {
        let answer = await withTaskCancellationHandler {
            await state.answer { state, resumed in Self.suspend(waiter, resumed, in: &state) }
        } onCancel: {
            cancel(waiter)
        }
        let lease = try answer.get()
        if Task.isCancelled {
            handle { machine, now in machine.giveBack(lease.id, now: now) }
            throw SandboxError.acquireCancelled
        }
        return lease
    }

    /// Stores the suspended caller, or returns the answer that came before it.
    private static func suspend(
        _ waiter: Int, _ resumed: Waiter<Answer>, in state: inout State
    ) -> Answer? {
        if case .answered(let answer) = state.callers[waiter] {
            state.callers[waiter] = nil
            return answer
        }
        state.callers[waiter] = .waiting(resumed)
        return nil
    }

    private func cancel(_ waiter: Int) {
        let resumed = state.withLock { state in
            state.machine.cancel(waiter)
                ? Self.answer(waiter, .failure(SandboxError.acquireCancelled), in: &state) : nil
        }
        resumed?.resume(returning: .failure(SandboxError.acquireCancelled))
    }

    /// Removes the caller from the list; for one that is not suspended yet, stores the answer instead.
    private static func answer(
        _ waiter: Int, _ answer: Answer, in state: inout State
    ) -> Waiter<Answer>? {
        if case .waiting(let resumed) = state.callers[waiter] {
            state.callers[waiter] = nil
            return resumed
        }
        state.callers[waiter] = .answered(answer)
        return nil
    }

    // MARK: Events and effects

    /// Passes an event to the state machine, under the lock, and carries out the actions it returns, outside.
    ///
    /// - Parameters:
    ///   - newcomer: a member that was made.
    ///   - made: the member whose creation ended.
    ///   - failure: why that member does not, or will not, serve callers.
    private func handle(
        adding newcomer: Member? = nil, made: PoolMemberID? = nil, failure: SandboxError? = nil,
        _ event: (inout Machine, Duration) -> Machine.Actions
    ) {
        let now = clock.now()
        let effects = state.withLock { state in
            if let made {
                state.makers[made] = nil
                state.members[made] = newcomer
                if newcomer != nil, state.machine.isBroken(made) { state.lastFailure = stillborn }
            }
            if let failure { state.lastFailure = failure }
            return apply(event(&state.machine, now), to: &state)
        }
        perform(effects)
    }

    private func apply(_ actions: Machine.Actions, to state: inout State) -> Effects {
        var effects = Effects()
        for id in actions.create {
            // Starting a task under the lock is safe: a detached task never runs on the caller's thread at
            // once.
            state.makers[id] = Task.detached { await self.make(id) }
        }
        for id in actions.reset {
            if let member = state.members[id] { effects.reset.append((id, member)) }
        }
        for id in actions.check {
            if let member = state.members[id] { effects.check.append((id, member)) }
        }
        for id in actions.destroy {
            if let member = state.members.removeValue(forKey: id) { effects.destroy.append((id, member)) }
        }
        for (waiter, id) in actions.grants {
            guard let member = state.members[id.member] else {
                preconditionFailure("\(id.member) is unknown")
            }
            let answer = Answer.success(PoolLease(id: id, member: member))
            if let resumed = Self.answer(waiter, answer, in: &state) {
                effects.answers.append((resumed, answer))
            }
        }
        for (waiter, reason) in actions.failures {
            let failure = Answer.failure(error(reason, state))
            if let resumed = Self.answer(waiter, failure, in: &state) {
                effects.answers.append((resumed, failure))
            }
        }
        if actions.drained { swap(&effects.drained, &state.drainers) }
        arm(&state)
        return effects
    }

    private func error(_ reason: Machine.Failure, _ state: State) -> SandboxError {
        switch reason {
        case .shutDown: .backendShutDown
        case .creationFailed: state.lastFailure ?? stillborn
        case .timedOut: .acquireTimedOut(state.machine.configuration, state.machine.statistics)
        }
    }

    private func perform(_ effects: Effects) {
        for (waiter, answer) in effects.answers { waiter.resume(returning: answer) }
        for (id, member) in effects.reset { Task.detached { await self.makeAsNew(id, member) } }
        for (id, member) in effects.check { Task.detached { await self.examine(id, member) } }
        for (id, member) in effects.destroy { Task.detached { await self.unmake(id, member) } }
        for waiter in effects.drained { waiter.resume() }
    }

    private func make(_ id: PoolMemberID) async {
        do throws(SandboxError) {
            let member = try await create(id)
            handle(adding: member, made: id) { machine, now in machine.created(id, now: now) }
        } catch {
            handle(made: id, failure: error) { machine, now in machine.creationFailed(id, now: now) }
        }
    }

    private func makeAsNew(_ id: PoolMemberID, _ member: Member) async {
        let fit = await reset?(member) ?? false
        handle { machine, now in machine.resetDone(id, fit: fit, now: now) }
    }

    private func examine(_ id: PoolMemberID, _ member: Member) async {
        let healthy = await check?(member) ?? false
        handle { machine, now in machine.checkDone(id, healthy: healthy, now: now) }
    }

    private func unmake(_ id: PoolMemberID, _ member: Member) async {
        await destroy(member)
        handle { machine, _ in machine.destroyed(id) }
    }

    // MARK: Maintenance

    /// Ensures that the maintenance task wakes up in time. That task sleeps until a deadline even if it is no
    /// longer needed, so that the hot path does not start and cancel tasks, and ends when it finds no other
    /// deadline.
    private func arm(_ state: inout State) {
        guard let deadline = state.machine.nextDeadline else { return }
        if let timer = state.timer, timer.deadline <= deadline { return }
        state.timer?.task?.cancel()
        state.timerGeneration += 1
        let generation = state.timerGeneration
        // Starting a task under the lock is safe: a detached task never runs on the caller's thread at once.
        let task = Task.detached { [weak self, clock] in
            var next = Optional(deadline)
            while let deadline = next {
                do { try await clock.sleep(deadline) } catch { return }
                next = self?.tick(generation)
            }
        }
        state.timer = Timer(deadline: deadline, task: task)
    }

    /// Returns when to wake up again; `nil` if nothing can expire, or if another timer took over.
    private func tick(_ generation: Int) -> Duration? {
        let now = clock.now()
        let (effects, next) = state.withLock { state -> (Effects, Duration?) in
            guard state.timerGeneration == generation, state.timer != nil else { return (Effects(), nil) }
            let actions = state.machine.tick(now: now)
            let next = state.machine.nextDeadline
            if let next { state.timer?.deadline = next } else { state.timer = nil }
            return (apply(actions, to: &state), next)
        }
        perform(effects)
        return next
    }
}
