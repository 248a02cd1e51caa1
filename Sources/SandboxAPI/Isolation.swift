/// The layers between a program and the host, and their names.

/// How much isolation a run has, weakest first.
public enum IsolationLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    /// No namespaces: Landlock, seccomp and rlimits.
    case minimal
    /// Namespaces and seccomp; cgroups where there are any.
    case standard
    /// All namespaces, seccomp and cgroups.
    case strong

    public static func < (a: IsolationLevel, b: IsolationLevel) -> Bool {
        allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
    }
}

/// One layer of isolation.
public enum IsolationLayer: String, Sendable, Hashable, CaseIterable {
    case userNamespace, mountNamespace, pidNamespace, networkNamespace, ipcNamespace, utsNamespace,
        cgroupNamespace
    case rootfs, maskedProc, noNewPrivileges, capabilities, seccomp, landlock, rlimits
    case cgroupMemory, cgroupProcesses, cgroupCPU, distinctUser
    /// No file of the root is an inode of the host's: none of the host's is watched, locked, flushed or changed.
    case ownInodes
}

/// The kind of cgroup hierarchy that accounts for a run.
public enum CgroupVersion: String, Sendable, Hashable {
    case v1, v2, none
}

/// The layers really in force for a run.
public struct IsolationReport: Sendable, Hashable {
    public var level: IsolationLevel
    public var layers: [IsolationLayer]
    /// Layers of the level `strong` that this host did not give.
    public var missing: [IsolationLayer]
    public var cgroup: CgroupVersion
    /// Why layers are missing, one sentence each; empty when none is.
    public var reasons: [String]
    /// What a program can do because layers are missing, one sentence each.
    public var holes: [String]

    public init(
        level: IsolationLevel, layers: [IsolationLayer], missing: [IsolationLayer], cgroup: CgroupVersion,
        reasons: [String] = [], holes: [String] = []
    ) {
        self.level = level
        self.layers = layers
        self.missing = missing
        self.cgroup = cgroup
        self.reasons = reasons
        self.holes = holes
    }
}
