/// What the pool's state machine tells its driver to do.

import SandboxAPI

extension PoolStateMachine {
    /// Why a waiter gets no member.
    enum Failure: Hashable, Sendable {
        /// Creations failed, the latest one among them, and nothing else came in time or can come.
        case creationFailed
        /// Nothing moved for the whole `acquireTimeout`, and nothing failed either.
        case timedOut
        /// The pool is drained.
        case shutDown
    }

    /// What the driver has to do after an event. The order does not matter except within `grants` and
    /// `failures`.
    struct Actions: Sendable {
        /// Make these, and report ``created(_:now:)`` or ``creationFailed(_:now:)``.
        var create: [PoolMemberID] = []
        /// Make these as new, and report ``resetDone(_:fit:now:)``.
        var reset: [PoolMemberID] = []
        /// Find out whether these work, and report ``checkDone(_:healthy:now:)``.
        var check: [PoolMemberID] = []
        /// Destroy these, and report ``destroyed(_:)``.
        var destroy: [PoolMemberID] = []
        /// Hand these leases to these waiters.
        var grants: [(waiter: WaiterID, lease: PoolLeaseID)] = []
        /// Tell these waiters that they get nothing.
        var failures: [(waiter: WaiterID, reason: Failure)] = []
        /// The pool is empty now, for ever. Said once.
        var drained = false
    }

    enum AcquireResult: Sendable {
        /// Taken at once. The driver calls ``replenish()`` when the caller no longer waits for it.
        case granted(PoolLeaseID)
        /// Stands in the queue.
        case waiting(Actions)
        /// The pool is draining.
        case refused
    }
}
