/// What a sandbox's container is made of, and which limits it has. Pure.

#if Docker
import CIsolate
import SandboxAPI
import SandboxRuntime

/// A kind of container: those of one key serve each other's callers.
struct ContainerKey: Hashable, Sendable, CustomStringConvertible {
    /// As the engine knows it.
    var image: String
    var rootfs: Rootfs
    var network = NetworkMode.none

    /// Whether everything that a sandbox may leave can be wiped.
    var isReusable: Bool { rootfs == .readOnly && network == .none }

    var description: String {
        "\(image), \(rootfs.rawValue)" + (network == .none ? "" : ", network \(network.rawValue)")
    }
}

/// What the engine is asked for.
enum ContainerPlan {
    /// Where the agent's volume is mounted; no image has it.
    static let agentDirectory = "/.swift-sandbox"
    static let agentFile = "agent"
    /// Of the container's processes, those that are not a run's: agent, slot and seat.
    static let ownProcesses = 3
    /// The least the engine accepts for a container.
    static let minimumMemory = 6 << 20
    /// More than any engine has that does not say how many.
    static let mostProcessors = 8192
    /// How much more than a run's own limit a container may have, in bytes. A change costs the engine some 10 ms.
    static let memorySlack = 2 << 20
    /// For agent, slot and seat, in bytes: 1.2 MiB in a new container, 2 MiB after some runs, and the slot's reserve.
    static let ownMemory = 3 << 20
    /// Far more than memory limits let a program use of it.
    private static let tmpfsSize = Int(ISOLATE_AGENT_SHARED_MEMORY)

    /// - Parameters:
    ///   - volume: holds the agent.
    ///   - labels: who answers for it.
    ///   - hasIPv6: false for an engine whose kernel has none.
    static func spec(
        _ key: ContainerKey, volume: String, labels: [String: String], limits: ContainerLimits,
        isPodman: Bool, hasIPv6: Bool = true
    ) -> ContainerSpec {
        var spec = ContainerSpec(image: key.image)
        spec.entrypoint = ["\(agentDirectory)/\(agentFile)", "agent"]
        spec.command = []
        spec.environment = []
        // The image may name a user or a directory that is not there.
        spec.user = "0:0"
        spec.workingDirectory = "/"
        spec.hostname = "sandbox"
        spec.labels = labels
        spec.stopTimeout = 0
        spec.readOnlyRootfs = key.rootfs == .readOnly
        // To become the program's user and to kill what it started, nothing else.
        spec.capabilitiesAdded = ["SETUID", "SETGID", "KILL"]
        spec.memory = Int64(limits.memory)
        spec.memoryAndSwap = Int64(limits.memory)
        spec.pids = Int64(limits.processes)
        spec.processorQuota = limits.processorQuota
        // Root's, and sticky: a program can leave nothing on the directories themselves.
        let tmpfs = "rw,exec,nosuid,nodev,mode=1777,size=\(tmpfsSize)"
        spec.tmpfs = ["/work": tmpfs, "/tmp": tmpfs]
        spec.sharedMemory = Int64(ISOLATE_AGENT_SHARED_MEMORY)
        spec.mounts = [.init(source: volume, target: agentDirectory, isReadOnly: true)]
        spec.autoRemove = true
        // Without a network there is lo, and it is up. A connection that ended holds its port for a minute otherwise, against
        // the next run of the sandbox.
        if key.network == .loopback {
            spec.sysctls = ["net.ipv4.tcp_max_tw_buckets": "0"]
            // Docker turns it off where there is no network.
            if hasIPv6 { spec.sysctls["net.ipv6.conf.all.disable_ipv6"] = "0" }
        }
        if isPodman {
            forPodman(&spec)
        } else {
            spec.securityOptions.append("seccomp=\(SeccompProfile.json)")
        }
        return spec
    }

    /// What Podman would add by itself. Of a seccomp profile it takes a file of its host only, so its own stays.
    private static func forPodman(_ spec: inout ContainerSpec) {
        // Its defaults are more than a service without SYS_RESOURCE may set; these are what any Linux allows.
        spec.resourceLimits = [
            .init(name: "nofile", soft: 4096, hard: 4096), .init(name: "nproc", soft: 4096, hard: 4096),
        ]
        // A read-only root gets these as places to write to, which nobody would wipe.
        if spec.readOnlyRootfs {
            for path in ["/run", "/var/tmp"] {
                spec.tmpfs[path] = "ro,nosuid,nodev,noexec,mode=0755,size=4096"
            }
        }
    }
}

/// The limits of a container, which are those of its run and room for what is ours.
struct ContainerLimits: Hashable, Sendable {
    /// Bytes, all of the container together.
    var memory: Int
    /// Processes and threads, ours among them.
    var processes: Int
    /// Processors' worth of CPU time; nil for all that the engine has.
    var cpus: Double?

    /// Microseconds of CPU time in each period.
    var processorQuota: Int64? {
        cpus.map { Int64(($0 * Double(ContainerSpec.processorPeriod)).rounded()) }
    }

    /// - Parameter held: what the sandbox's files hold, in bytes.
    init(_ limits: Limits, held: Int = 0) {
        memory = limits.memory + held + ContainerPlan.ownMemory
        processes = limits.processes + ContainerPlan.ownProcesses
        cpus = limits.cpus
    }

    /// Whether a run with these limits may use the container as it is.
    func fit(_ limits: Limits, held: Int) -> Bool {
        let room = memory - held - limits.memory - ContainerPlan.ownMemory
        return abs(room) <= ContainerPlan.memorySlack / 2
            && processes == limits.processes + ContainerPlan.ownProcesses && cpus == limits.cpus
    }
}

/// The layers that a container's runs have.
enum ContainerLayers {
    /// What the engine is asked for, for every container of ours. Whether it gave it, the agent looks.
    static let engine: Set<IsolationLayer> = [
        .mountNamespace, .pidNamespace, .networkNamespace, .ipcNamespace, .utsNamespace, .cgroupNamespace,
        .rootfs, .maskedProc, .ownInodes,
    ]
    /// What the agent does itself, on a kernel that has it all.
    static let agent: Set<IsolationLayer> = [
        .noNewPrivileges, .capabilities, .seccomp, .landlock, .rlimits, .cgroupMemory, .cgroupProcesses,
        .cgroupCPU, .distinctUser,
    ]

    /// - Parameters:
    ///   - bits: what the agent saw, of the engine's layers and of its own (`isolate_layer`).
    ///   - remapsUsers: the engine says that it gives containers a user namespace. One that it has itself looks alike from
    ///     inside, and is no layer between the two.
    static func report(bits: UInt32, remapsUsers: Bool, cgroup: CgroupVersion) -> IsolationReport {
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
        holes.append("the disk limit is looked at every 1 to 32 ms, as the engine has no quota for it")
        return IsolationReport(
            level: missing.allSatisfy { $0 == .ownInodes } ? .strong : level(missing),
            layers: IsolationLayer.allCases.filter(present.contains),
            missing: missing, cgroup: cgroup, reasons: reasons, holes: holes)
    }

    /// `standard` is all but the user namespace and what an older kernel lacks.
    private static func level(_ missing: [IsolationLayer]) -> IsolationLevel {
        let dispensable: Set<IsolationLayer> = [.userNamespace, .landlock, .cgroupNamespace, .ownInodes]
        return missing.allSatisfy(dispensable.contains) ? .standard : .minimal
    }
}
#endif
