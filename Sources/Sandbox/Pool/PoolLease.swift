/// The names of a pool's members and leases, and the lease that a caller holds.

/// A member of a pool. Never used twice.
struct PoolMemberID: Hashable, Sendable, CustomStringConvertible {
    let rawValue: Int
    var description: String { "member \(rawValue)" }
}

/// One lease of one member. Never used twice, so a second release of it is told from the next caller's lease.
struct PoolLeaseID: Hashable, Sendable {
    let member: PoolMemberID
    let serial: Int
}

/// A member of a pool in a caller's hands, until ``Pool/release(_:reusable:)``.
struct PoolLease<Member: Sendable>: Sendable {
    let id: PoolLeaseID
    let member: Member

    var memberID: PoolMemberID { id.member }
}
