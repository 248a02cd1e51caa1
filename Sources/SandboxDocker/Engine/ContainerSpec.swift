/// The specification of a container, in the Engine API's form.

#if Docker
/// A container to be made. The defaults are the strictest: no network, no capabilities, nothing writable, no
/// log on the host's disk. The engine or the image decides properties that are nil.
package struct ContainerSpec: Sendable, Hashable {
    /// A volume, or another mount by the engine.
    package struct Mount: Sendable, Hashable, Encodable {
        /// "volume", "tmpfs" or "bind".
        package var type: String
        /// The volume's name.
        package var source: String
        package var target: String
        package var isReadOnly: Bool

        package init(type: String = "volume", source: String, target: String, isReadOnly: Bool = true) {
            self.type = type
            self.source = source
            self.target = target
            self.isReadOnly = isReadOnly
        }

        enum CodingKeys: String, CodingKey {
            case type = "Type"
            case source = "Source"
            case target = "Target"
            case isReadOnly = "ReadOnly"
        }
    }

    /// A limit of each process, as of setrlimit(2).
    package struct ResourceLimit: Sendable, Hashable, Encodable {
        /// As "nofile".
        package var name: String
        package var soft: Int64
        package var hard: Int64

        package init(name: String, soft: Int64, hard: Int64) {
            self.name = name
            self.soft = soft
            self.hard = hard
        }

        enum CodingKeys: String, CodingKey {
            case name = "Name"
            case soft = "Soft"
            case hard = "Hard"
        }
    }

    package var image: String
    package var entrypoint: [String]?
    package var command: [String]?
    /// As `NAME=value`.
    package var environment: [String]?
    /// As `uid:gid`.
    package var user: String?
    package var workingDirectory: String?
    package var hostname: String?
    package var labels: [String: String] = [:]
    /// Whether an attached client's input becomes the container's standard input; it ends with the first
    /// client.
    package var hasInput = true
    /// Seconds between the stop signal and SIGKILL.
    package var stopTimeout: Int?
    /// Whether the image's own health check runs in the container too.
    package var keepsHealthCheck = false

    package var networkMode = "none"
    package var readOnlyRootfs = true
    package var capabilitiesDropped = ["ALL"]
    package var capabilitiesAdded: [String] = []
    package var securityOptions = ["no-new-privileges"]
    /// Bytes.
    package var memory: Int64?
    /// Bytes of memory and swap together; equal to ``memory`` for no swap.
    package var memoryAndSwap: Int64?
    /// 0 to 100; an engine on cgroup v2 refuses it.
    package var memorySwappiness: Int64?
    /// Processes and threads.
    package var pids: Int64?
    /// Microseconds of CPU time in each ``processorPeriod``.
    package var processorQuota: Int64?
    /// Microseconds: the kernel's own default.
    package static let processorPeriod: Int64 = 100_000
    /// Mount options by path, as `size=64m,mode=1777`.
    package var tmpfs: [String: String] = [:]
    package var mounts: [Mount] = []
    /// Settings of the container's own namespaces, as `net.…`.
    package var sysctls: [String: String] = [:]
    package var logDriver = "none"
    package var autoRemove = false
    /// Whether the engine puts an init of its own before the command.
    package var usesEngineInit = false
    package var oomScoreAdjustment: Int?
    package var resourceLimits: [ResourceLimit]?
    /// "private" or "host"; nil for the engine's default, also where its API is older than 1.41.
    package var cgroupNamespace: String? = "private"
    package var ipcMode: String? = "private"
    /// Bytes of `/dev/shm`.
    package var sharedMemory: Int64?
    /// The parent of the container's cgroup.
    package var cgroupParent: String?
    /// The OCI runtime; nil for the engine's default.
    package var runtime: String?

    package init(image: String) {
        self.image = image
    }
}

extension ContainerSpec: Encodable {
    private enum Key: String, CodingKey {
        case image = "Image"
        case entrypoint = "Entrypoint"
        case command = "Cmd"
        case environment = "Env"
        case user = "User"
        case workingDirectory = "WorkingDir"
        case hostname = "Hostname"
        case labels = "Labels"
        case attachStdin = "AttachStdin"
        case attachStdout = "AttachStdout"
        case attachStderr = "AttachStderr"
        case openStdin = "OpenStdin"
        case stdinOnce = "StdinOnce"
        case tty = "Tty"
        case stopTimeout = "StopTimeout"
        case healthcheck = "Healthcheck"
        case host = "HostConfig"
    }

    private enum HostKey: String, CodingKey {
        case networkMode = "NetworkMode"
        case readOnlyRootfs = "ReadonlyRootfs"
        case capabilitiesDropped = "CapDrop"
        case capabilitiesAdded = "CapAdd"
        case securityOptions = "SecurityOpt"
        case memory = "Memory"
        case memoryAndSwap = "MemorySwap"
        case memorySwappiness = "MemorySwappiness"
        case pids = "PidsLimit"
        case processorQuota = "CpuQuota"
        case processorPeriod = "CpuPeriod"
        case tmpfs = "Tmpfs"
        case mounts = "Mounts"
        case sysctls = "Sysctls"
        case logConfig = "LogConfig"
        case autoRemove = "AutoRemove"
        case usesEngineInit = "Init"
        case oomScoreAdjustment = "OomScoreAdj"
        case resourceLimits = "Ulimits"
        case cgroupNamespace = "CgroupnsMode"
        case ipcMode = "IpcMode"
        case sharedMemory = "ShmSize"
        case cgroupParent = "CgroupParent"
        case runtime = "Runtime"
    }

    /// Encodes the body of `POST /containers/create`.
    package func encode(to encoder: any Encoder) throws {
        var top = encoder.container(keyedBy: Key.self)
        try top.encode(image, forKey: .image)
        try top.encodeIfPresent(entrypoint, forKey: .entrypoint)
        try top.encodeIfPresent(command, forKey: .command)
        try top.encodeIfPresent(environment, forKey: .environment)
        try top.encodeIfPresent(user, forKey: .user)
        try top.encodeIfPresent(workingDirectory, forKey: .workingDirectory)
        try top.encodeIfPresent(hostname, forKey: .hostname)
        try top.encode(labels, forKey: .labels)
        try top.encode(hasInput, forKey: .attachStdin)
        try top.encode(true, forKey: .attachStdout)
        try top.encode(true, forKey: .attachStderr)
        try top.encode(hasInput, forKey: .openStdin)
        try top.encode(hasInput, forKey: .stdinOnce)
        try top.encode(false, forKey: .tty)
        try top.encodeIfPresent(stopTimeout, forKey: .stopTimeout)
        if !keepsHealthCheck { try top.encode(["Test": ["NONE"]], forKey: .healthcheck) }
        try encodeHost(to: top.nestedContainer(keyedBy: HostKey.self, forKey: .host))
    }

    private func encodeHost(to container: KeyedEncodingContainer<HostKey>) throws {
        var host = container
        try host.encode(networkMode, forKey: .networkMode)
        try host.encode(readOnlyRootfs, forKey: .readOnlyRootfs)
        try host.encode(capabilitiesDropped, forKey: .capabilitiesDropped)
        try host.encode(capabilitiesAdded, forKey: .capabilitiesAdded)
        try host.encode(securityOptions, forKey: .securityOptions)
        try host.encodeIfPresent(memory, forKey: .memory)
        try host.encodeIfPresent(memoryAndSwap, forKey: .memoryAndSwap)
        try host.encodeIfPresent(memorySwappiness, forKey: .memorySwappiness)
        try host.encodeIfPresent(pids, forKey: .pids)
        if let processorQuota {
            try host.encode(processorQuota, forKey: .processorQuota)
            try host.encode(Self.processorPeriod, forKey: .processorPeriod)
        }
        try host.encode(tmpfs, forKey: .tmpfs)
        try host.encode(mounts, forKey: .mounts)
        if !sysctls.isEmpty { try host.encode(sysctls, forKey: .sysctls) }
        try host.encode(["Type": logDriver], forKey: .logConfig)
        try host.encode(autoRemove, forKey: .autoRemove)
        try host.encode(usesEngineInit, forKey: .usesEngineInit)
        try host.encodeIfPresent(oomScoreAdjustment, forKey: .oomScoreAdjustment)
        try host.encodeIfPresent(resourceLimits, forKey: .resourceLimits)
        try host.encodeIfPresent(cgroupNamespace, forKey: .cgroupNamespace)
        try host.encodeIfPresent(ipcMode, forKey: .ipcMode)
        try host.encodeIfPresent(sharedMemory, forKey: .sharedMemory)
        try host.encodeIfPresent(cgroupParent, forKey: .cgroupParent)
        try host.encodeIfPresent(runtime, forKey: .runtime)
    }
}
#endif
