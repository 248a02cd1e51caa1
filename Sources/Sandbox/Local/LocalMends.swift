/// The commands that give a host what it lacks. They read settings; what is lacking was found by doing.

import CIsolate
import Glibc

enum LocalMends {
    /// One line for each thing to do, the most important first.
    static func mends(_ missing: [IsolationLayer]) -> [String] {
        var lines: [String] = []
        for layer in [
            .userNamespace, .maskedProc, .networkNamespace, .cgroupMemory, .landlock, .distinctUser,
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
        case .networkNamespace: isContainer ? namespaces : "sysctl -w user.max_net_namespaces=15000"
        case .maskedProc:
            isContainer
                ? "start the container with --security-opt systempaths=unconfined"
                : "unmount what lies over parts of /proc (grep ' /proc/' /proc/self/mountinfo)"
        case .cgroupMemory, .cgroupProcesses, .cgroupCPU, .cgroupNamespace: cgroup
        case .landlock:
            "boot a kernel of 5.13 or newer, built with CONFIG_SECURITY_LANDLOCK, with landlock in its lsm= list"
        case .distinctUser:
            "apt-get install uidmap && usermod --add-subuids 200000-265535 --add-subgids 200000-265535 \(userName)"
        case .seccomp: "boot a kernel of 5.0 or newer, built with CONFIG_SECCOMP_FILTER"
        case .noNewPrivileges, .capabilities, .rlimits: nil
        }
    }

    /// Inside Docker, Podman or something like them.
    static var isContainer: Bool {
        access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0
            || getenv("container") != nil
    }

    private static var namespaces: String {
        if isContainer {
            return
                "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
                + "--security-opt systempaths=unconfined"
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
        return "run as root, on a kernel with user namespaces (CONFIG_USER_NS)"
    }

    private static var cgroup: String {
        if isContainer { return "start the container with a cgroup that it may write to, or give it none" }
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

    private static func setting(_ path: String) -> String? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = read(fd, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).prefix { $0 > 0x20 }, as: UTF8.self)
    }
}
