// What a program sees of the host; it can change nothing of it.
import Foundation
import Sandbox
import Testing

@Suite("Isolation", .shared, .timeLimit(.patient))
struct IsolationTests {
    @Test("The state a program starts in", arguments: await ConformanceSubject.all)
    func startingState(subject: ConformanceSubject) async throws {
        let result = try await subject.run("state")
        expect(result, .exited(code: 0))
        let state = result.fields("=")
        #expect(state["cwd"] == "/work", "\(result.summary)")
        #expect(state["descriptors"] == "0 1 2", "\(result.summary)")
        #expect(state["umask"] == "022", "\(result.summary)")
        #expect(state["blocked"] == "" && state["ignored"] == "", "\(result.summary)")
        #expect(state["core"] == "1 1", "\(result.summary)")
        #expect(state["pid"] == "other", "\(result.summary)")
        #expect(state["nice"] == "0", "\(result.summary)")
        if subject.rootfs == .readOnly { #expect(state["uid"] != "0 0", "\(result.summary)") }
    }

    @Test(
        "The host's name does not show; all sandboxes have the same name",
        arguments: await ConformanceSubject.all)
    func hostname(subject: ConformanceSubject) async throws {
        guard subject.has(.utsNamespace) else { return }
        let names = [try await subject.run("state"), try await subject.run("state")].map {
            $0.fields("=")["hostname"]
        }
        #expect(names[0] == names[1] && names[0] != nil)
        #expect(names[0] != ProcessInfo.processInfo.hostName)
    }

    @Test("No privileges", arguments: await ConformanceSubject.all)
    func privileges(subject: ConformanceSubject) async throws {
        let result = try await subject.run("show", ["/proc/self/status"])
        expect(result, .exited(code: 0))
        let status = result.fields()
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            #expect(status[set] == "0000000000000000", "\(set): \(result.summary)")
        }
        #expect(status["CapBnd"] == subject.boundingSet, "\(result.summary)")
        #expect(status["NoNewPrivs"] == "1" && status["Seccomp"] == "2", "\(result.summary)")
        #expect(status["TracerPid"] != nil, "\(result.summary)")
    }

    @Test("No way to become root", arguments: await ConformanceSubject.all)
    func becomeRoot(subject: ConformanceSubject) async throws {
        let result = try await subject.run("become_root")
        let tries = result.fields()
        #expect(tries["setgroups"] != "done", "\(result.summary)")
        guard tries["uid"] != "0" else { return }
        for call in ["setuid", "setgid", "setresuid"] {
            #expect(tries[call] != "done" && tries[call] != nil, "\(call): \(result.summary)")
        }
    }

    @Test("A setuid program runs as its caller", arguments: await ConformanceSubject.all)
    func setuidProgram(subject: ConformanceSubject) async throws {
        // The dynamic linker prints the auxiliary vector only if the kernel did not raise privileges.
        try await subject.withSandbox { sandbox in
            let present = try await sandbox.run(Command("/bin/sh", ["-c", "test -u /usr/bin/su"]))
            guard present.outcome.isSuccess else {
                return skip("\(subject.name): no setuid program in this rootfs")
            }
            let result = try await sandbox.run(
                Command("/usr/bin/su", ["--help"], environment: ["LD_SHOW_AUXV": "1"]))
            expect(result, .exited(code: 0))
            #expect(result.fields()["AT_SECURE"] == "0", "\(result.summary)")
            #expect(result.fields()["AT_EUID"] == result.fields()["AT_UID"], "\(result.summary)")
        }
    }

    @Test("Only its own processes", arguments: await ConformanceSubject.all)
    func processes(subject: ConformanceSubject) async throws {
        guard subject.has(.pidNamespace) else { return }
        let result = try await subject.run("processes")
        expect(result, .exited(code: 0))
        #expect(subject.seesNobodyElse(result), "\(result.summary)")
    }

    @Test("Nothing to read of pid 1 and the kernel", arguments: await ConformanceSubject.all)
    func proc(subject: ConformanceSubject) async throws {
        guard subject.has(.pidNamespace, .maskedProc) else { return }
        let result = try await subject.run(
            "try_read",
            [
                "/proc/1/root", "/proc/1/root/etc", "/proc/1/cwd", "/proc/1/environ", "/proc/1/fd",
                "/proc/1/fd/0", "/proc/1/map_files", "/proc/1/maps", "/proc/1/mem", "/proc/1/exe",
                "/proc/1/auxv", "/proc/1/stack", "/proc/1/syscall", "/proc/1/ns/mnt", "/proc/kcore",
                "/proc/kmsg", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/sysrq-trigger",
                "/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/kernel/debug", "/sys/kernel/tracing",
                "/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/vda", "/dev/sda", "/dev/fuse", "/dev/net/tun",
            ])
        expect(result, .exited(code: 0))
        let readable = result.fields().filter { $0.value == "read" }.keys.sorted()
        #expect(readable.isEmpty, "readable: \(readable)")
    }

    @Test("Nothing to write in /proc, /sys and /dev", arguments: await ConformanceSubject.all)
    func writableKernel(subject: ConformanceSubject) async throws {
        let result = try await subject.run(
            "try_write",
            [
                "/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches",
                "/proc/sys/kernel/ns_last_pid", "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger",
                "/proc/1/uid_map", "/proc/1/gid_map", "/proc/1/oom_score_adj",
                "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper", "/dev/made", "/proc/made",
                "/dev/kmsg", "/dev/mem",
            ])
        expect(result, .exited(code: 0))
        let opened = result.fields().filter { $0.value == "opened" }.keys.sorted()
        // A writable root's /dev is an ordinary directory: what a program makes there is a file, never a
        // device.
        let allowed = subject.rootfs == .writable ? ["/dev/kmsg", "/dev/made", "/dev/mem"] : []
        #expect(opened == allowed, "opened for writing: \(opened)")
        let cgroups = try await subject.run("walk_up_cgroup")
        #expect(cgroups.stdout.isEmpty, "\(cgroups.summary)")
    }

    @Test("The root file system cannot be changed", arguments: await ConformanceSubject.all)
    func readOnlyRoot(subject: ConformanceSubject) async throws {
        guard subject.rootfs == .readOnly else { return }
        let paths = [
            "/made", "/usr/made", "/etc/made", "/etc/passwd", "/usr/bin/env", "/var/made", "/lib/made",
        ]
        let result = try await subject.run("try_write", paths)
        expect(result, .exited(code: 0))
        #expect(result.fields().count == paths.count, "\(result.summary)")
        let opened = result.fields().filter { $0.value == "opened" }.keys.sorted()
        #expect(opened.isEmpty, "opened for writing: \(opened)")
    }

    @Test("A program sees no file of the host outside the image", arguments: await ConformanceSubject.all)
    func hostFiles(subject: ConformanceSubject) async throws {
        let marker = "marker-\(UInt64.random(in: 0...UInt64.max))"
        let folders = [Programs.temporaryFolder, "/dev/shm", "/var/tmp"]
        for folder in folders { try Data("host".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(marker)")) }
        defer { for folder in folders { try? FileManager.default.removeItem(atPath: "\(folder)/\(marker)") } }
        let paths =
            folders.map { "\($0)/\(marker)" } + folders.map { "/proc/1/root\($0)/\(marker)" }
            + folders.map { "/proc/self/root\($0)/\(marker)" } + [
                "/root", "/home", "/etc/shadow", "/etc/gshadow", "/etc/ssh", "/var/lib/docker", "/mnt",
                "/media",
                "/var/run/docker.sock", "/run/docker.sock", "/boot", #filePath,
            ]
        let result = try await subject.run("try_read", paths)
        expect(result, .exited(code: 0))
        // The image has some of these itself.
        let own: Set<String> =
            subject.image == .host
            ? [] : ["/root", "/home", "/etc/shadow", "/etc/gshadow", "/etc/ssh", "/mnt", "/media", "/boot"]
        let readable = Set(result.fields().filter { $0.value == "read" }.keys).subtracting(own)
        #expect(readable.isEmpty, "readable: \(readable)")
    }

    @Test("A small /dev", arguments: await ConformanceSubject.all)
    func devices(subject: ConformanceSubject) async throws {
        let known: Set = [
            "null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout", "stderr", "shm",
            "mqueue", "pts", "ptmx", "core", "console",
        ]
        let result = try await subject.run("list_directory", ["/dev"])
        expect(result, .exited(code: 0))
        let unknown = Set(result.lines).subtracting(known)
        #expect(unknown.isEmpty, "\(result.summary)")
    }

    @Test("No devices can be made", arguments: await ConformanceSubject.all)
    func makeDevice(subject: ConformanceSubject) async throws {
        let result = try await subject.run("make_device")
        #expect(result.lines.count == 2 || !result.outcome.isSuccess, "\(result.summary)")
        #expect(!result.lines.contains("made"), "\(result.summary)")
    }

    @Test("pid 1 cannot be tuned", arguments: await ConformanceSubject.all)
    func touchInit(subject: ConformanceSubject) async throws {
        guard subject.has(.pidNamespace) else { return }
        let result = try await subject.run("touch_init")
        #expect(result.outcome == .exited(code: 0), "\(result.summary)")
        #expect(result.lines.count == 8, "\(result.summary)")
        let done = result.fields().filter { $0.value == "done" }.keys.sorted()
        #expect(done.isEmpty, "done to pid 1: \(done)")
    }

    @Test("No network but the loopback", arguments: await ConformanceSubject.all)
    func network(subject: ConformanceSubject) async throws {
        guard subject.has(.networkNamespace) else { return }
        let result = try await subject.run("show", ["/proc/self/net/dev"])
        expect(result, .exited(code: 0))
        #expect(result.lines.filter { $0.contains(":") }.count == 1, "\(result.summary)")
        #expect(result.stdoutText.contains("lo:"), "\(result.summary)")
    }
}
