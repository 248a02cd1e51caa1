/// A supervisor's findings about this host: the level it reached, and why not a better one.

import CIsolate
import SandboxAPI
import SandboxRuntime

/// The findings of one trial cell.
struct LocalWorld: Sendable {
    /// Layers that this host does not provide, and the step that failed.
    struct Refusal: Sendable {
        var layers: [IsolationLayer]
        var failure: isolate_failure
    }

    /// `nil`: not even `minimal`.
    var level: IsolationLevel?
    var layers: [IsolationLayer]
    var cgroup: CgroupVersion
    /// Why there is no better accounting; `nil` when it is the best.
    var cgroupReason: String?
    var refusals: [Refusal]
    var landlock: Int32
    /// Whether the program has user ids of its own, which needs a privileged embedder.
    var isPrivileged: Bool

    init(_ handle: isolate_supervisor) {
        var handle = handle
        level = LayerNames.level(isolate_level(UInt32(handle.level)))
        layers = LayerNames.layers(handle.layers)
        cgroup = CgroupVersion(isolate_cgroup_kind(UInt32(handle.cgroup)))
        let reason = withUnsafeBytes(of: &handle.cgroup_reason) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        cgroupReason = reason.isEmpty ? nil : reason
        refusals = withUnsafeBytes(of: &handle.missing) { bytes in
            bytes.bindMemory(to: isolate_missing.self).prefix(Int(handle.missing_count)).map {
                Refusal(layers: LayerNames.layers($0.layers), failure: $0.failure)
            }
        }
        landlock = handle.landlock
        isPrivileged = handle.id_source == Int32(ISOLATE_IDS_PRIVILEGED.rawValue)
    }

    /// The report of a run with these layers.
    func report(bits: UInt32) -> IsolationReport {
        let layers = LayerNames.layers(bits)
        let missing = IsolationLayer.allCases.filter { !layers.contains($0) }
        return IsolationReport(
            level: LayerNames.level(isolate_level_of(bits)) ?? .minimal, layers: layers, missing: missing,
            cgroup: cgroup, reasons: reasons(missing),
            holes: LocalHoles.holes(missing, landlock: landlock) + LocalHoles.fromAbove)
    }

    /// Why these layers are missing: the steps that failed, as sentences.
    func reasons(_ missing: [IsolationLayer]) -> [String] {
        var left = missing
        var reasons: [String] = []
        func explain(_ layers: [IsolationLayer], _ reason: String) {
            let told = layers.filter(left.contains)
            guard !told.isEmpty else { return }
            left.removeAll(where: told.contains)
            reasons.append("\(told.map(\.rawValue).joined(separator: ", ")): \(reason)")
        }
        if let cgroupReason { explain([.cgroupMemory, .cgroupProcesses, .cgroupCPU], cgroupReason) }
        for refusal in refusals {
            explain(
                refusal.layers,
                "refused at \(refusal.failure.stageName): \(describe(errno: refusal.failure.errno_value))")
        }
        if landlock == 0 { explain([.landlock], "this kernel does not offer it, or it is not switched on") }
        if !isPrivileged {
            explain([.distinctUser], "an ordinary user has no second user id, unless /etc/subuid gives some")
        }
        explain(
            [.ownInodes],
            missing.contains(.rootfs)
                ? "there is no root file system of its own"
                : isPrivileged
                    ? "overlays were refused, or other file systems are mounted below a directory of the root"
                    : "an ordinary user cannot make device nodes: those in /dev are the host's")
        explain([.cgroupNamespace], "there is no cgroup to be hidden")
        explain(
            [.rlimits],
            "the kernel does not limit the processes of user 0, and there is no other user to give")
        explain(left, "not available on this host")
        return reasons
    }
}

extension CgroupVersion {
    init(_ kind: isolate_cgroup_kind) {
        switch kind {
        case ISOLATE_CGROUP_V1: self = .v1
        case ISOLATE_CGROUP_V2: self = .v2
        default: self = .none
        }
    }
}

/// What a program can do when a layer is missing. Each sentence is true by itself.
enum LocalHoles {
    static func holes(_ missing: [IsolationLayer], landlock: Int32) -> [String] {
        var holes = sentences.filter { missing.contains($0.0) }.map(\.1)
        if missing.contains(.rootfs), missing.contains(.distinctUser) {
            holes.append(
                "of files that belong to this user the program can change mode, times and extended attributes, not the "
                    + "content")
        }
        if missing.contains(.pidNamespace), missing.contains(.distinctUser), landlock < signalScope {
            holes.append("this user's processes can be sent signals by tgkill and fcntl")
        }
        return holes
    }

    /// How a filter of the surrounding container changes the answers to system calls.
    static let fromAbove: [String] =
        LocalMends.isFiltered
        ? [
            "system calls that a filter above this process refuses are refused without a word: they end no run and are "
                + "not recorded"
        ] : []

    /// The Landlock ABI that confines signals to the sandbox.
    private static let signalScope: Int32 = 6

    private static let sentences: [(IsolationLayer, String)] = [
        (
            .rootfs,
            "the program sees names, sizes and times of the host's files; it reads only /usr and its like, and "
                + "/work and /tmp are directories of the host (HOME and TMPDIR name them) whose disk limit is looked "
                + "at from time to time, and does not see a file that is deleted and still open"
        ),
        (
            .pidNamespace,
            "process numbers are the host's, and background processes are found one by one; when the supervisor is "
                + "killed from outside, they live on"
        ),
        (.networkNamespace, "the network is closed by the system call filter alone"),
        (
            .ipcNamespace,
            "System V IPC and message queues are refused, not separated, as are Unix sockets but streams of the run's own"
        ),
        (.maskedProc, "there is no /proc"),
        (
            .distinctUser,
            "the program has the user id of this process; the kernel's own limits for that user are shared, so "
                + "another process of that user can use up what this program may have, and the other way round"
        ),
        (
            .cgroupMemory,
            "memory is looked at from time to time: a run can be above its limit for some milliseconds, and what "
                + "nobody has mapped (files of /tmp, memory files, full pipes) is not counted"
        ),
        (.cgroupProcesses, "processes are bounded by RLIMIT_NPROC, and their peak is sampled"),
        (.cgroupCPU, "CPU time of processes that nobody waited for is counted as far as it was seen"),
        (
            .ownInodes,
            "some files of the root are the host's own inodes (of an ordinary user, and with all other layers, those of "
                + "/dev): the program can watch who opens them (inotify) and take locks on them that others wait for"
        ),
        (.landlock, "there is no second check of file access beside the mounts"),
    ]
}
