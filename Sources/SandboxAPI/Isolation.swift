/// The layers of isolation between a program and the host, and their names.

/// How much isolation a run has, weakest first.
public enum IsolationLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Nothing: the program may do what its embedder may. No backend of this library goes below `minimal`;
    /// another package's backend may, for callers that accept this level explicitly.
    case unconfined
    /// No namespaces: Landlock, seccomp and rlimits.
    case minimal
    /// Namespaces and seccomp; cgroups where the host has them.
    case standard
    /// All namespaces, seccomp and cgroups.
    case strong

    public static func < (a: IsolationLevel, b: IsolationLevel) -> Bool {
        allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
    }
}

/// One layer of isolation. A backend of another package may define layers of its own.
public struct IsolationLayer: Sendable, Hashable, RawRepresentable, CaseIterable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    public static let userNamespace = IsolationLayer(rawValue: "userNamespace")
    public static let mountNamespace = IsolationLayer(rawValue: "mountNamespace")
    public static let pidNamespace = IsolationLayer(rawValue: "pidNamespace")
    public static let networkNamespace = IsolationLayer(rawValue: "networkNamespace")
    public static let ipcNamespace = IsolationLayer(rawValue: "ipcNamespace")
    public static let utsNamespace = IsolationLayer(rawValue: "utsNamespace")
    public static let cgroupNamespace = IsolationLayer(rawValue: "cgroupNamespace")
    public static let rootfs = IsolationLayer(rawValue: "rootfs")
    public static let maskedProc = IsolationLayer(rawValue: "maskedProc")
    public static let noNewPrivileges = IsolationLayer(rawValue: "noNewPrivileges")
    public static let capabilities = IsolationLayer(rawValue: "capabilities")
    public static let seccomp = IsolationLayer(rawValue: "seccomp")
    public static let landlock = IsolationLayer(rawValue: "landlock")
    public static let rlimits = IsolationLayer(rawValue: "rlimits")
    public static let cgroupMemory = IsolationLayer(rawValue: "cgroupMemory")
    public static let cgroupProcesses = IsolationLayer(rawValue: "cgroupProcesses")
    public static let cgroupCPU = IsolationLayer(rawValue: "cgroupCPU")
    public static let distinctUser = IsolationLayer(rawValue: "distinctUser")
    /// No file of the root is an inode of the host: the program can watch, lock, flush or change none of the
    /// host's.
    public static let ownInodes = IsolationLayer(rawValue: "ownInodes")

    /// The layers of this library's own backends.
    public static let allCases: [IsolationLayer] = [
        .userNamespace, .mountNamespace, .pidNamespace, .networkNamespace, .ipcNamespace, .utsNamespace,
        .cgroupNamespace, .rootfs, .maskedProc, .noNewPrivileges, .capabilities, .seccomp, .landlock,
        .rlimits,
        .cgroupMemory, .cgroupProcesses, .cgroupCPU, .distinctUser, .ownInodes,
    ]
}

/// The kind of cgroup hierarchy that accounts for a run.
public enum CgroupVersion: String, Sendable, Hashable {
    case v1, v2, none
}

/// The layers in force for a run.
public struct IsolationReport: Sendable, Hashable {
    public var level: IsolationLevel
    public var layers: [IsolationLayer]
    /// Layers of the level `strong` that this host does not provide.
    public var missing: [IsolationLayer]
    public var cgroup: CgroupVersion
    /// Why layers are missing, one sentence each; empty when none is missing.
    public var reasons: [String]
    /// What a program can do because layers are missing or a limit is not held exactly, one sentence each.
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
