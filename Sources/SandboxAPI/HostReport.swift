/// What a host offers, layer by layer: the value that `sandbox doctor` prints.

/// What this host offers to the local backend, found by trying, not by reading settings.
public struct HostReport: Sendable, Hashable {
    /// One layer or feature.
    public struct Entry: Sendable, Hashable {
        /// The layer's name: an ``IsolationLayer`` raw value, or a feature such as `supervisor` or `compiler`.
        public var name: String
        public var isAvailable: Bool
        /// The finding, or the reason why the layer is missing.
        public var detail: String
        /// The command or setting that mends the lack; `nil` when nothing is to be mended.
        public var mend: String?

        public init(name: String, isAvailable: Bool, detail: String, mend: String? = nil) {
            self.name = name
            self.isAvailable = isAvailable
            self.detail = detail
            self.mend = mend
        }
    }

    /// A setting or a load of the host that makes the figures of one program differ from run to run.
    public struct Disturbance: Sendable, Hashable {
        /// `frequencyScaling`, `turbo`, `siblings`, `hugePages`, `swap`, `addressRandomization`, `stolenTime` or `load`.
        public var name: String
        public var isPresent: Bool
        /// The finding.
        public var detail: String
        /// The command or setting that ends it; `nil` when it is not present.
        public var mend: String?

        public init(name: String, isPresent: Bool, detail: String, mend: String? = nil) {
            self.name = name
            self.isPresent = isPresent
            self.detail = detail
            self.mend = mend
        }
    }

    /// The kernel's release, as in `uname -r`.
    public var kernel: String
    /// The processor architecture, as in `uname -m`.
    public var machine: String
    public var entries: [Entry]
    /// The strongest level that works here, or `nil` when none does.
    public var level: IsolationLevel?
    public var cgroup: CgroupVersion
    /// What can disturb times and memory peaks; no isolation depends on it.
    public var disturbances: [Disturbance]

    public init(
        kernel: String, machine: String, entries: [Entry], level: IsolationLevel?, cgroup: CgroupVersion,
        disturbances: [Disturbance] = []
    ) {
        self.kernel = kernel
        self.machine = machine
        self.entries = entries
        self.level = level
        self.cgroup = cgroup
        self.disturbances = disturbances
    }
}
