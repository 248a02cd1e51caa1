/// The commands that mend what a host lacks. This file reads settings; the probe found the lacks by trying.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

enum LocalMends {
    /// One line for each command or setting, the most important first.
    static func mends(_ missing: [IsolationLayer]) -> [String] {
        var lines: [String] = []
        for layer in [
            .rlimits, .userNamespace, .maskedProc, .networkNamespace, .cgroupMemory, .landlock, .distinctUser,
        ]
            + IsolationLayer.allCases where missing.contains(layer)
        {
            if let line = mend(layer), !lines.contains(line) { lines.append(line) }
        }
        return lines
    }

    static func mend(_ layer: IsolationLayer) -> String? {
        switch layer {
        case .userNamespace, .mountNamespace, .pidNamespace, .ipcNamespace, .utsNamespace, .rootfs: namespaces
        case .networkNamespace:
            isFiltered || isContainer ? namespaces : "sysctl -w user.max_net_namespaces=15000"
        case .maskedProc: maskedProc
        case .cgroupMemory, .cgroupProcesses, .cgroupCPU, .cgroupNamespace: cgroup
        case .landlock:
            "boot a kernel of 5.13 or newer, built with CONFIG_SECURITY_LANDLOCK, with landlock in its lsm= list"
        case .distinctUser: distinctUser
        case .seccomp: "boot a kernel of 5.0 or newer, built with CONFIG_SECCOMP_FILTER"
        case .rlimits:
            isContainer && isFiltered
                ? start(["--cap-add SETUID --cap-add SETGID --cap-add CHOWN --cap-add DAC_OVERRIDE"])
                    + ", or --user 1000"
                : "run with \(lackingForIds ?? "cap_setuid, cap_setgid"), or as an ordinary user"
        case .ownInodes: isFiltered || isContainer ? namespaces : privileges
        default: nil
        }
    }

    /// Whether this is Docker, Podman or a similar container. Some virtual machines have the mark, too, so a
    /// mend for containers also needs evidence of the setting that it changes.
    private static var isContainer: Bool {
        access("/.dockerenv", F_OK) == 0 || isPodman || getenv("container") != nil
    }

    private static var isPodman: Bool { access("/run/.containerenv", F_OK) == 0 }

    /// Whether a filter from outside applies to this process's system calls.
    static var isFiltered: Bool { status("Seccomp:") == "2" }

    /// Whether a security profile, such as Docker's, refuses mounts.
    private static var isConfined: Bool {
        guard let profile = setting("/proc/self/attr/apparmor/current") ?? setting("/proc/self/attr/current")
        else { return false }
        return profile.hasPrefix("docker-") || profile.hasPrefix("containers-")
    }

    /// Whether parts of /proc are covered: the kernel then refuses to mount a new one.
    private static var isProcMasked: Bool {
        text("/proc/self/mountinfo").split(separator: "\n").contains {
            $0.split(separator: " ").dropFirst(4).first?.hasPrefix("/proc/") == true
        }
    }

    /// The engine options that allow a container to make namespaces.
    private static var namespaceOptions: [String] {
        (isFiltered ? ["--security-opt seccomp=unconfined"] : [])
            + (isConfined ? ["--security-opt apparmor=unconfined"] : [])
    }

    private static func start(_ options: [String]) -> String {
        "start the container with \(options.joined(separator: " "))"
    }

    /// Capabilities by libcap's names, as `lackingCapabilities` returns them; engines use other names.
    private static func run(with names: String) -> String {
        guard isContainer, isFiltered else { return "run with \(names)" }
        return start(
            names.split(separator: ", ").map { "--cap-add \($0.dropFirst("cap_".count).uppercased())" })
    }

    private static var maskedProc: String? {
        guard isContainer, isProcMasked else {
            return isProcMasked
                ? "unmount what lies over parts of /proc (grep ' /proc/' /proc/self/mountinfo)" : namespaces
        }
        return start(
            namespaceOptions + ["--security-opt \(isPodman ? "unmask=ALL" : "systempaths=unconfined")"])
    }

    private static var distinctUser: String {
        if let lackingForIds { return run(with: lackingForIds) }
        return isContainer && isFiltered
            ? start(["--user 0"])
            : "apt-get install uidmap && usermod --add-subuids 200000-265535 --add-subgids 200000-265535 \(userName)"
    }

    /// The capabilities that user 0 lacks to give programs user ids of their own, by libcap's names; `nil`
    /// for ordinary users, who need none, and when none is lacking.
    static var lackingForIds: String? {
        let names = lackingCapabilities(at: ISOLATE_STAGE_ID_MAP)
        return geteuid() != 0 || names.isEmpty ? nil : names
    }

    /// The mend that gives the whole process more privileges.
    static var privileges: String {
        if let lackingForIds { return run(with: lackingForIds) }
        return isContainer && isFiltered
            ? start(["--user 0"]) : "sudo PROGRAM, for level strong and user ids of their own"
    }

    private static var namespaces: String {
        if isContainer, !namespaceOptions.isEmpty { return start(namespaceOptions) }
        if isFiltered {
            return
                "start this process without a system call filter that refuses clone and unshare of namespaces"
        }
        if setting("/proc/sys/user/max_user_namespaces") == "0" {
            return "sysctl -w user.max_user_namespaces=15000"
        }
        if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
            return "sysctl -w kernel.unprivileged_userns_clone=1"
        }
        if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
            return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        }
        if isChroot(mountinfo: text("/proc/self/mountinfo")) {
            return
                "leave the chroot: the kernel gives no user namespace to a process in one; pivot_root does not have that"
        }
        return geteuid() == 0
            ? "boot a kernel with user namespaces (CONFIG_USER_NS), and see whether a security module refuses them"
            : "run as root, on a kernel with user namespaces (CONFIG_USER_NS)"
    }

    /// Whether chroot moved this process: its root is then not a mount point.
    static func isChroot(mountinfo: String) -> Bool {
        !mountinfo.isEmpty
            && !mountinfo.split(separator: "\n").contains {
                $0.split(separator: " ").dropFirst(4).first == "/"
            }
    }

    private static var cgroup: String {
        if isContainer, isReadOnly("/sys/fs/cgroup") || isReadOnly("/sys/fs/cgroup/memory") {
            let isUnified = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0
            let option =
                !isUnified
                ? "--volume /sys/fs/cgroup:/sys/fs/cgroup:rw"
                : isPodman
                    ? "--security-opt unmask=/sys/fs/cgroup" : "--security-opt writable-cgroups=true"
            return start((geteuid() == 0 ? [] : ["--user 0"]) + [option])
        }
        if access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 {
            return geteuid() == 0
                ? "systemd-run --scope -p Delegate=yes PROGRAM"
                : "systemd-run --user --scope -p Delegate=yes PROGRAM"
        }
        if access("/sys/fs/cgroup/memory", F_OK) == 0 {
            return
                "run as root, or have root make a cgroup in memory, pids and cpuacct that \(userName) owns, and move "
                + "PROGRAM there"
        }
        return "mount -t cgroup2 none /sys/fs/cgroup"
    }

    private static var userName: String {
        getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
    }

    private static func isReadOnly(_ path: String) -> Bool {
        var facts = statvfs()
        return statvfs(path, &facts) == 0 && facts.f_flag & UInt(ST_RDONLY) != 0
    }

    /// The first word of a file.
    private static func setting(_ path: String) -> String? {
        text(path).split(whereSeparator: \.isWhitespace).first.map(String.init)
    }

    private static func status(_ key: String) -> String? {
        text("/proc/self/status").split(separator: "\n").first { $0.hasPrefix(key) }
            .flatMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first }.map(String.init)
    }

    /// The content of a file; empty when it cannot be read.
    private static func text(_ path: String) -> String { FileBytes.text(ofFile: path) ?? "" }
}
