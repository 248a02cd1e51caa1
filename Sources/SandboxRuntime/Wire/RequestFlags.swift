/// The caller's choices as the core's records have them.

import CIsolate
import SandboxAPI

extension BlockedSyscallPolicy {
    /// Bits of `isolate_run_flags`.
    package var runFlags: UInt32 {
        switch self {
        case .standard: 0
        case .endRun: ISOLATE_RUN_END_HARMLESS.rawValue
        case .deny: ISOLATE_RUN_DENY_BLOCKED.rawValue
        }
    }
}

extension NetworkMode {
    /// An `isolate_network`.
    package var core: Int32 {
        switch self {
        case .none: Int32(ISOLATE_NETWORK_NONE.rawValue)
        case .loopback: Int32(ISOLATE_NETWORK_LOOPBACK.rawValue)
        }
    }
}
