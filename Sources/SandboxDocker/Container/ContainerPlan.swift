/// The specification and limits of a sandbox's container. Pure.

#if Docker
import CIsolate
import SandboxAPI
import SandboxRuntime

/// A kind of container. Containers of one key are interchangeable.
struct ContainerKey: Hashable, Sendable, CustomStringConvertible {
    /// The engine's name of the image.
    var image: String
    var rootfs: Rootfs
    var network = NetworkMode.none
    /// Directories of the engine's host.
    var bindMounts: [BindMount] = []

    /// Whether everything that a sandbox may leave in the container can be wiped.
    var isReusable: Bool { rootfs == .readOnly && network == .none }

    var description: String {
        "\(image), \(rootfs.rawValue)" + (network == .none ? "" : ", network \(network.rawValue)")
            + (bindMounts.isEmpty ? "" : ", with \(bindMounts.targets)")
    }
}

/// The specification of a container for the engine.
enum ContainerPlan {
    /// The mount point of the agent's volume, which exists in no image.
    static let agentDirectory = "/.swift-sandbox"
    static let agentFile = "agent"
    /// The library's own processes in a container: agent, slot and seat.
    static let ownProcesses = 3
    /// The smallest memory limit that the engine accepts for a container.
    static let minimumMemory = 6 << 20
    /// The bound where the engine does not state its number of processors: more than any host has.
    static let mostProcessors = 8192
    /// How much more than a run's own limit a container may have, in bytes. A change costs the engine some 10 ms.
    static let memorySlack = 2 << 20
    /// For agent, slot and seat, in bytes: 1.2 MiB in a new container, 2 MiB after some runs, and the slot's reserve.
    static let ownMemory = 3 << 20
    /// Far more than the memory limits allow a program to use of it.
    private static let tmpfsSize = Int(ISOLATE_AGENT_SHARED_MEMORY)

    /// - Parameters:
    ///   - volume: holds the agent.
    ///   - labels: the labels that name the owner.
    ///   - hasIPv6: false for an engine whose kernel has no IPv6.
    static func spec(
        _ key: ContainerKey, volume: String, labels: [String: String], limits: ContainerLimits,
        isPodman: Bool, hasIPv6: Bool = true
    ) -> ContainerSpec {
        var spec = ContainerSpec(image: key.image)
        spec.entrypoint = ["\(agentDirectory)/\(agentFile)", "agent"]
        spec.command = []
        spec.environment = []
        // The image may name a user or a directory that does not exist.
        spec.user = "0:0"
        spec.workingDirectory = "/"
        spec.hostname = "sandbox"
        spec.labels = labels
        spec.stopTimeout = 0
        spec.readOnlyRootfs = key.rootfs == .readOnly
        // The agent changes to the program's user and kills its processes; it needs nothing else.
        spec.capabilitiesAdded = ["SETUID", "SETGID", "KILL"]
        spec.memory = Int64(limits.memory)
        spec.memoryAndSwap = Int64(limits.memory)
        spec.pids = Int64(limits.processes)
        spec.processorQuota = limits.processorQuota
        // Owned by root, and sticky: a program can leave nothing on the directories themselves.
        let tmpfs = "rw,exec,nosuid,nodev,mode=1777,size=\(tmpfsSize)"
        spec.tmpfs = ["/work": tmpfs, "/tmp": tmpfs]
        spec.sharedMemory = Int64(ISOLATE_AGENT_SHARED_MEMORY)
        spec.mounts = [.init(source: volume, target: agentDirectory, isReadOnly: true)]
        // Safe: the engine mounts them read-only, and the agent looks through them before any program runs.
        spec.mounts += key.bindMounts.map {
            .init(type: "bind", source: $0.source.text, target: $0.target.text, isReadOnly: true)
        }
        spec.autoRemove = true
        // Without a network the container still has lo, which is up. Otherwise an ended connection would hold
        // its port for a minute, and block the sandbox's next run.
        if key.network == .loopback {
            spec.sysctls = ["net.ipv4.tcp_max_tw_buckets": "0"]
            // Docker disables IPv6 where there is no network.
            if hasIPv6 { spec.sysctls["net.ipv6.conf.all.disable_ipv6"] = "0" }
        }
        if isPodman {
            forPodman(&spec)
        } else {
            spec.securityOptions.append("seccomp=\(SeccompProfile.json)")
        }
        return spec
    }

    /// Overrides Podman's own defaults. Podman reads a seccomp profile only from a file of its host, so its
    /// own profile stays.
    private static func forPodman(_ spec: inout ContainerSpec) {
        // Podman's defaults exceed what a service without SYS_RESOURCE may set; any Linux allows these.
        spec.resourceLimits = [
            .init(name: "nofile", soft: 4096, hard: 4096), .init(name: "nproc", soft: 4096, hard: 4096),
        ]
        // In a read-only root Podman mounts these directories writable, and the agent would not wipe them.
        if spec.readOnlyRootfs {
            for path in ["/run", "/var/tmp"] {
                spec.tmpfs[path] = "ro,nosuid,nodev,noexec,mode=0755,size=4096"
            }
        }
    }
}

/// The limits of a container: those of its run, and room for the library's own processes.
struct ContainerLimits: Hashable, Sendable {
    /// In bytes, for the whole container.
    var memory: Int
    /// Processes and threads, the library's own included.
    var processes: Int
    /// Processors' worth of CPU time; nil for all that the engine has.
    var cpus: Double?

    /// Microseconds of CPU time in each period.
    var processorQuota: Int64? {
        cpus.map { Int64(($0 * Double(ContainerSpec.processorPeriod)).rounded()) }
    }

    /// - Parameter held: bytes that the sandbox's files hold.
    init(_ limits: Limits, held: Int = 0) {
        memory = limits.memory + held + ContainerPlan.ownMemory
        processes = limits.processes + ContainerPlan.ownProcesses
        cpus = limits.cpus
    }

    /// Whether a run with these limits can use the container without a change.
    func fit(_ limits: Limits, held: Int) -> Bool {
        let room = memory - held - limits.memory - ContainerPlan.ownMemory
        return abs(room) <= ContainerPlan.memorySlack / 2
            && processes == limits.processes + ContainerPlan.ownProcesses && cpus == limits.cpus
    }
}

/// The layers that a container's runs have.
enum ContainerLayers {
    /// The layers requested from the engine for every container. The agent checks whether the engine provided
    /// them.
    static let engine: Set<IsolationLayer> = [
        .mountNamespace, .pidNamespace, .networkNamespace, .ipcNamespace, .utsNamespace, .cgroupNamespace,
        .rootfs, .maskedProc, .ownInodes,
    ]
    /// The layers that the agent provides itself, on a kernel that has them all.
    static let agent: Set<IsolationLayer> = [
        .noNewPrivileges, .capabilities, .seccomp, .landlock, .rlimits, .cgroupMemory, .cgroupProcesses,
        .cgroupCPU, .distinctUser,
    ]

    /// - Parameters:
    ///   - bits: the engine's and the agent's layers as the agent observed them (`isolate_layer`).
    ///   - remapsUsers: whether the engine states that it gives containers a user namespace. The engine's own
    ///     user namespace looks the same from inside, but is no layer between the engine and its containers.
    ///   - bindMounts: directories of the engine's host.
    static func report(
        bits: UInt32, remapsUsers: Bool, cgroup: CgroupVersion, bindMounts: [BindMount] = []
    ) -> IsolationReport {
        var present = Set(LayerNames.layers(bits))
        if !remapsUsers { present.remove(.userNamespace) }
        let missing = IsolationLayer.allCases.filter { !present.contains($0) }
        var reasons: [String] = []
        var holes: [String] = []
        if missing.contains(.userNamespace) {
            reasons.append(
                remapsUsers
                    ? "userNamespace: the engine says that it remaps users, and this container has them all"
                    : "userNamespace: the engine does not remap users (`userns-remap`)")
            holes.append(
                "user ids are the host's: a way out of the container would be the way of that user")
        }
        let others = missing.filter { $0 != .userNamespace }
        if !others.isEmpty {
            reasons.append(
                "\(others.map(\.rawValue).joined(separator: ", ")): not seen in the container; the engine, or its "
                    + "kernel, does not give it")
        }
        if !bindMounts.isEmpty {
            holes.append(
                "\(bindMounts.targets): the host's own files, which a program can lock and watch; it can connect to "
                    + "a socket that the host makes there later")
        }
        holes.append("the disk limit is looked at every 1 to 32 ms, as the engine has no quota for it")
        return IsolationReport(
            level: missing.allSatisfy { $0 == .ownInodes } ? .strong : level(missing),
            layers: IsolationLayer.allCases.filter(present.contains),
            missing: missing, cgroup: cgroup, reasons: reasons, holes: holes)
    }

    /// The level `standard` needs all layers except the user namespace and those that an older kernel lacks.
    private static func level(_ missing: [IsolationLayer]) -> IsolationLevel {
        let dispensable: Set<IsolationLayer> = [.userNamespace, .landlock, .cgroupNamespace, .ownInodes]
        return missing.allSatisfy(dispensable.contains) ? .standard : .minimal
    }
}
#endif
