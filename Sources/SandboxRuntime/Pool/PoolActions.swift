/// The actions that the pool's state machine returns to its driver.

import SandboxAPI

extension PoolStateMachine {
    /// Why a waiter gets no member.
    enum Failure: Hashable, Sendable {
        /// Creations failed, the latest one among them, and no member came in time or can come.
        case creationFailed
        /// No waiter got a member for the whole `acquireTimeout`, and no creation failed.
        case timedOut
        /// The pool is drained.
        case shutDown
    }

    /// What the driver has to do after an event. The order matters only within `grants` and `failures`.
    struct Actions: Sendable {
        /// Members to make; report ``created(_:now:)`` or ``creationFailed(_:now:)``.
        var create: [PoolMemberID] = []
        /// Members to reset; report ``resetDone(_:fit:now:)``.
        var reset: [PoolMemberID] = []
        /// Members to check; report ``checkDone(_:healthy:now:)``.
        var check: [PoolMemberID] = []
        /// Members to destroy; report ``destroyed(_:)``.
        var destroy: [PoolMemberID] = []
        /// Leases to give to these waiters.
        var grants: [(waiter: WaiterID, lease: PoolLeaseID)] = []
        /// Waiters that get no member.
        var failures: [(waiter: WaiterID, reason: Failure)] = []
        /// Whether the pool became empty for ever. True once.
        var drained = false
    }

    enum AcquireResult: Sendable {
        /// Granted at once. The driver calls ``replenish()`` when the caller no longer waits for it.
        case granted(PoolLeaseID)
        /// The caller is in the queue.
        case waiting(Actions)
        /// The pool is draining.
        case refused
    }
}
