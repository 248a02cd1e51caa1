/// What the pool's state machine knows of one member.

import SandboxAPI

struct PoolMemberRecord: Sendable {
    enum State: Sendable {
        case creating
        case available
        case inUse(serial: Int)
        /// Given back, and being made as new.
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
    /// How many failures there had been when its creation began.
    var epoch: Int
    var createdAt = Duration.zero
    var idleSince = Duration.zero
    /// When it became ready last, or was found healthy.
    var checkedAt = Duration.zero
    var uses = 0
    /// When its making as new began, if it is under way and may be counted on.
    var resetSince: Duration?
    /// Broke where it could not be destroyed at once; it is when it comes back.
    var broken = false
}

extension PoolStatistics {
    /// Members that exist, and are neither ready nor being made: something will come of each, for a waiter too.
    var others: Int { inUse + resetting + checking + destroying }
}
