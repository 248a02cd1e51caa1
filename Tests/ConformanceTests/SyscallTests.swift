// System calls: those that end the run, those that fail and are listed, and those that a library may probe.
import Foundation
import Sandbox
import Testing

@Suite("System calls", .shared, .timeLimit(.patient))
struct SyscallTests {
    /// Calls that end the run. Each is an argument of the program `call`; the part before a dot is the system
    /// call's name.
    static let ending = [
        "socket.raw", "socket.raw6", "socket.packet", "socket.vsock", "socket.alg",
        "mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "unshare.mount", "unshare.net",
        "unshare.high", "clone", "clone.pid", "clone.ptrace", "clone.parent", "bpf", "keyctl", "add_key",
        "request_key", "userfaultfd",
        "perf_event_open", "process_vm_readv", "process_vm_writev", "open_by_handle_at", "kexec_load",
        "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff",
    ]
    /// Calls that harmless programs try: they fail with EPERM, or with the error after the colon, and are
    /// listed.
    static let denied = [
        "ioctl", "ioctl.high", "settimeofday", "clock_settime", "sethostname", "setdomainname", "syslog",
        "acct", "quotactl", "personality", "ptrace", "socket:EAFNOSUPPORT", "socket.inet6:EAFNOSUPPORT",
        "socket.netlink:EAFNOSUPPORT", "socket.sctp:EAFNOSUPPORT", "socketpair.inet:EOPNOTSUPP",
    ].map(Denied.init)

    struct Denied: Sendable, CustomTestStringConvertible {
        let call: String
        let error: String

        init(_ text: String) {
            let parts = text.split(separator: ":").map(String.init)
            call = parts[0]
            error = parts.count > 1 ? parts[1] : "EPERM"
        }

        var testDescription: String { call }
    }
    /// Calls that fail with ENOSYS and are not listed.
    static let absent = [
        "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "unknown", "unknown.far",
        "mq_open",
        "process_madvise",
    ]
    /// Calls that have no effect on the host's files, memory or log, and are not listed.
    static let silent = [
        "fadvise64:ok", "sync_file_range:ok", "madvise.cold:ok", "madvise.pageout:ok",
        "madvise.mergeable:EINVAL",
        "msync.sync:ok", "mmap.huge:ENOMEM", "memfd_create.huge:EINVAL", "shmget.huge:EPERM",
        "seccomp:EINVAL",
        "prctl.seccomp:EINVAL", "prctl.merge:EINVAL", "prctl.core:EINVAL", "prctl.mm:EPERM",
        "setxattr:EOPNOTSUPP", "fsetxattr:EOPNOTSUPP", "ioctl.fiemap:EOPNOTSUPP", "ioctl.fsmap:EOPNOTSUPP",
        "preadv2.nowait:EOPNOTSUPP",
    ].map(Denied.init)

    static func kernelName(_ call: String) -> String { String(call.prefix { $0 != "." }) }

    @Test("Calls that end the run", arguments: await ConformanceSubject.all, ending)
    func ends(subject: ConformanceSubject, call: String) async throws {
        let result = try await subject.run("call", [call])
        expect(result, .blockedSyscall(name: Self.kernelName(call)))
        #expect(result.stdout.isEmpty, "\(result.summary)")
    }

    @Test(
        "Calls that end the run fail instead, when the caller chose that",
        arguments: await ConformanceSubject.all)
    func endingDenied(subject: ConformanceSubject) async throws {
        try await subject.withSandbox(blockedSyscalls: .deny) { sandbox in
            let command = try await sandbox.install("call")
            for call in Self.ending {
                var one = command
                one.arguments = [ByteString(call)]
                let result = try await sandbox.run(one)
                expect(result, .exited(code: 0), denied: [Self.kernelName(call)])
                #expect(result.stdoutText == "\(call) EPERM\n", "\(result.summary)")
            }
        }
    }

    @Test("Calls that fail and are listed", arguments: await ConformanceSubject.all, denied)
    func fails(subject: ConformanceSubject, denied: Denied) async throws {
        let result = try await subject.run("call", [denied.call])
        expect(result, .exited(code: 0), denied: [Self.kernelName(denied.call)])
        #expect(result.stdoutText == "\(denied.call) \(denied.error)\n", "\(result.summary)")
    }

    @Test(
        "The same, when the caller chose that they end the run", arguments: await ConformanceSubject.all)
    func deniedEnding(subject: ConformanceSubject) async throws {
        for denied in Self.denied {
            let result = try await subject.run("call", [denied.call], blockedSyscalls: .endRun)
            expect(result, .blockedSyscall(name: Self.kernelName(denied.call)))
            #expect(result.stdout.isEmpty, "\(result.summary)")
        }
        let attack = try await subject.run("call", ["chroot"], blockedSyscalls: .endRun)
        expect(attack, .blockedSyscall(name: "chroot"))
    }

    @Test("Calls that come to nothing, without a word", arguments: await ConformanceSubject.all)
    func silent(subject: ConformanceSubject) async throws {
        for policy in BlockedSyscallPolicy.allCases {
            let result = try await subject.run("call", Self.silent.map(\.call), blockedSyscalls: policy)
            expect(result, .exited(code: 0))
            #expect(
                result.lines == Self.silent.map { "\($0.call) \($0.error)" }, "\(policy): \(result.summary)")
        }
    }

    @Test("Calls that are not there", arguments: await ConformanceSubject.all, absent)
    func notThere(subject: ConformanceSubject, call: String) async throws {
        let result = try await subject.run("call", [call])
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == "\(call) ENOSYS\n", "\(result.summary)")
    }

    @Test("Denied calls are listed in order, each once", arguments: await ConformanceSubject.all)
    func order(subject: ConformanceSubject) async throws {
        let calls = ["syslog", "socket", "acct", "socket.inet6", "syslog", "chroot"]
        let result = try await subject.run("call", calls, blockedSyscalls: .deny)
        expect(result, .exited(code: 0), denied: ["syslog", "socket", "acct", "chroot"])
        #expect(
            result.lines
                == calls.map { $0.hasPrefix("socket") ? "\($0) EAFNOSUPPORT" : "\($0) EPERM" },
            "\(result.summary)")
    }

    @Test("Denied calls are listed beside another outcome", arguments: await ConformanceSubject.all)
    func deniedThenBlocked(subject: ConformanceSubject) async throws {
        let result = try await subject.run("call", ["syslog", "chroot", "acct"])
        expect(result, .blockedSyscall(name: "chroot"), denied: ["syslog"])
        #expect(result.stdoutText == "syslog EPERM\n", "\(result.summary)")
    }

    @Test("A child's blocked call ends the whole run", arguments: await ConformanceSubject.all)
    func inChild(subject: ConformanceSubject) async throws {
        expect(try await subject.run("blocked_in_child"), .blockedSyscall(name: "chroot"))
    }

    @Test("unshare without namespaces is allowed", arguments: await ConformanceSubject.all)
    func ordinaryUnshare(subject: ConformanceSubject) async throws {
        let result = try await subject.run("call", ["unshare.files"])
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == "unshare.files ok\n", "\(result.summary)")
    }

    @Test(
        "The newer calls for mounts do not work either", arguments: await ConformanceSubject.all,
        ["fsopen", "open_tree"])
    func newMountCalls(subject: ConformanceSubject, call: String) async throws {
        let result = try await subject.run("call", [call])
        if result.outcome != .blockedSyscall(name: call) {
            #expect(["\(call) EPERM\n", "\(call) ENOSYS\n"].contains(result.stdoutText), "\(result.summary)")
        }
    }

    @Test("AF_UNIX works", arguments: await ConformanceSubject.all)
    func unixSockets(subject: ConformanceSubject) async throws {
        expect(try await subject.run("unix_sockets"), .exited(code: 0))
    }

    @Test("A program executed from a memfd", arguments: await ConformanceSubject.all)
    func memfd(subject: ConformanceSubject) async throws {
        let result = try await subject.run("run_memfd")
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == "from a memfd\n", "\(result.summary)")
    }

    @Test("The old way out of a chroot", arguments: await ConformanceSubject.all)
    func chrootEscape(subject: ConformanceSubject) async throws {
        expect(try await subject.run("escape_chroot"), .blockedSyscall(name: "chroot"))
        let result = try await subject.run("escape_chroot", blockedSyscalls: .deny)
        expect(result, .exited(code: 0), denied: ["chroot"])
        #expect(result.stderrText == "chroot refused\n", "\(result.summary)")
        #expect(result.lines.contains("work"), "\(result.summary)")
    }

    #if arch(x86_64)
    @Test(
        "The 32-bit and x32 entries are not a way round", arguments: await ConformanceSubject.all,
        [("call_i386", "i386:"), ("call_x32", "x32:")])
    func otherEntries(subject: ConformanceSubject, call: (program: String, prefix: String)) async throws {
        let ended = try await subject.run(call.program)
        guard ended.outcome != .signaled(signal: SIGSEGV) else {
            return skip("this kernel has no 32-bit entry")
        }
        guard case .blockedSyscall(let name) = ended.outcome else {
            Issue.record("\(ended.summary)")
            return
        }
        #expect(name == call.prefix + "getpid", "\(ended.summary)")

        let failed = try await subject.run(call.program, blockedSyscalls: .deny)
        expect(failed, .exited(code: 0), denied: [call.prefix + "getpid"])
        #expect(failed.stdoutText == "-1\n", "\(failed.summary)")
    }
    #endif
}
