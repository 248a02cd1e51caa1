/// The names of a pool's members and leases, and the lease that a caller holds.

import SandboxAPI

/// A member of a pool. Never used twice.
package struct PoolMemberID: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int
    package var description: String { "member \(rawValue)" }
}

/// One lease of one member. Never used twice, so a second release of it is told from the next caller's lease.
package struct PoolLeaseID: Hashable, Sendable {
    package let member: PoolMemberID
    package let serial: Int
}

/// A member of a pool in a caller's hands, until ``Pool/release(_:reusable:)``.
package struct PoolLease<Member: Sendable>: Sendable {
    package let id: PoolLeaseID
    package let member: Member

    package var memberID: PoolMemberID { id.member }
}
