/// The state machine's record of one member.

import SandboxAPI

struct PoolMemberRecord: Sendable {
    enum State: Sendable {
        case creating
        case available
        case inUse(serial: Int)
        /// Released, and being reset.
        case resetting
        /// Ready, but taken out for its health check.
        case checking
        case destroying

        var published: PooledSandbox.State {
            switch self {
            case .creating: .creating
            case .available: .available
            case .inUse: .inUse
            case .resetting: .resetting
            case .checking: .checking
            case .destroying: .destroying
            }
        }
    }

    var state = State.creating
    /// The number of failures at the time its creation began.
    var epoch: Int
    var createdAt = Duration.zero
    var idleSince = Duration.zero
    /// When it last became ready, or was found healthy.
    var checkedAt = Duration.zero
    var uses = 0
    /// When its reset began, if the reset is under way and not too slow to be counted on.
    var resetSince: Duration?
    /// The member broke in a state in which it cannot be destroyed at once; it is destroyed when it comes
    /// back.
    var broken = false
}

extension PoolStatistics {
    /// Members that exist, and are neither ready nor being made: each can still become ready, or make room,
    /// for a waiter.
    var others: Int { inUse + resetting + checking + destroying }
}
