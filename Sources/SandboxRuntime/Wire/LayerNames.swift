/// Converts the C core's isolation layers.

package import CIsolate
package import SandboxAPI

/// The core's layers, as bits and by name.
package enum LayerNames {
    private static let bits: [(isolate_layer, IsolationLayer)] = [
        (ISOLATE_LAYER_USER_NS, .userNamespace), (ISOLATE_LAYER_MOUNT_NS, .mountNamespace),
        (ISOLATE_LAYER_PID_NS, .pidNamespace), (ISOLATE_LAYER_NET_NS, .networkNamespace),
        (ISOLATE_LAYER_IPC_NS, .ipcNamespace), (ISOLATE_LAYER_UTS_NS, .utsNamespace),
        (ISOLATE_LAYER_CGROUP_NS, .cgroupNamespace), (ISOLATE_LAYER_ROOTFS, .rootfs),
        (ISOLATE_LAYER_MASKED_PROC, .maskedProc), (ISOLATE_LAYER_NO_NEW_PRIVS, .noNewPrivileges),
        (ISOLATE_LAYER_CAPABILITIES, .capabilities), (ISOLATE_LAYER_SECCOMP, .seccomp),
        (ISOLATE_LAYER_LANDLOCK, .landlock), (ISOLATE_LAYER_RLIMITS, .rlimits),
        (ISOLATE_LAYER_CGROUP_MEMORY, .cgroupMemory), (ISOLATE_LAYER_CGROUP_PIDS, .cgroupProcesses),
        (ISOLATE_LAYER_CGROUP_CPU, .cgroupCPU), (ISOLATE_LAYER_DISTINCT_UID, .distinctUser),
        (ISOLATE_LAYER_OWN_INODES, .ownInodes),
    ]

    package static func layers(_ present: UInt32) -> [IsolationLayer] {
        bits.filter { present & $0.0.rawValue != 0 }.map(\.1)
    }

    /// The layers of a level, as the core defines it.
    package static func required(for level: IsolationLevel) -> [IsolationLayer] {
        if level == .unconfined { return [] }
        return IsolationLayer.allCases.filter { layer in
            guard let bit = bits.first(where: { $0.1 == layer })?.0.rawValue else { return false }
            let all = bits.reduce(0) { $0 | $1.0.rawValue }
            let without = Self.level(isolate_level_of(all & ~bit))
            // Landlock is a second check where there are mounts, and the only one where there are none.
            return without.map { $0 < level } ?? true || (level == .minimal && layer == .landlock)
        }
    }

    package static func level(_ level: isolate_level) -> IsolationLevel? {
        switch level {
        case ISOLATE_LEVEL_STRONG: .strong
        case ISOLATE_LEVEL_STANDARD: .standard
        case ISOLATE_LEVEL_MINIMAL: .minimal
        default: nil
        }
    }
}
