/// The identifiers of a pool's members and leases, and the lease that a caller holds.

import SandboxAPI

/// The number of a pool's member. Never used twice.
public struct PoolMemberID: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int
    public var description: String { "member \(rawValue)" }
}

/// One lease of one member. Never used twice, so that a second release of it does not end the next caller's
/// lease.
public struct PoolLeaseID: Hashable, Sendable {
    public let member: PoolMemberID
    public let serial: Int
}

/// A member of a pool that a caller holds until ``Pool/release(_:reusable:)``.
public struct PoolLease<Member: Sendable>: Sendable {
    public let id: PoolLeaseID
    public let member: Member

    public var memberID: PoolMemberID { id.member }
}
