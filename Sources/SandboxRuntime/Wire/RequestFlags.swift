/// Converts the caller's choices to the fields of the core's records.

import CIsolate
import SandboxAPI

extension BlockedSyscallPolicy {
    /// The bits of `isolate_run_flags`.
    package var runFlags: UInt32 {
        switch self {
        case .standard: 0
        case .endRun: ISOLATE_RUN_END_HARMLESS.rawValue
        case .deny: ISOLATE_RUN_DENY_BLOCKED.rawValue
        }
    }
}

extension NetworkMode {
    /// The value of `isolate_network`.
    package var core: Int32 {
        switch self {
        case .none: Int32(ISOLATE_NETWORK_NONE.rawValue)
        case .loopback: Int32(ISOLATE_NETWORK_LOOPBACK.rawValue)
        }
    }
}
