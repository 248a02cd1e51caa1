/// Tests exit statuses, the lines that explain them, signal names, media types and the host table.

#if CLI
import Sandbox
import Testing

@testable import SandboxCLI

@Suite struct ExitStatusTests {
    @Test func outcomes() {
        #expect(ExitStatus.of(.exited(code: 0)) == 0)
        #expect(ExitStatus.of(.exited(code: 255)) == 255)
        #expect(ExitStatus.of(.signaled(signal: 11)) == 139)
        #expect(ExitStatus.of(.blockedSyscall(name: "socket")) == 159)
        for kind in LimitKind.allCases {
            let isTime = kind == .wallTime || kind == .cpuTime
            #expect(ExitStatus.of(.limitExceeded(kind)) == (isTime ? 124 : 123))
        }
    }

    @Test func errors() {
        let cases: [(SandboxError.Code, shell: Int32, json: Int32)] = [
            (.executableNotFound, 127, 125), (.executableNotRunnable, 126, 125),
            (.toolchainNotFound, 125, 125),
            (.setupFailed, 125, 125),
        ]
        for (code, shell, json) in cases {
            #expect(ExitStatus.of(SandboxError(code, message: ""), shell: true) == shell)
            #expect(ExitStatus.of(SandboxError(code, message: ""), shell: false) == json)
        }
    }

    @Test func explanations() {
        let limits = Limits.standard
        func text(_ outcome: Outcome) -> String? { ExitStatus.explanation(of: outcome, limits: limits) }
        #expect(text(.exited(code: 1)) == nil)
        #expect(text(.limitExceeded(.wallTime)) == "wall time limit exceeded (20 s)")
        #expect(text(.limitExceeded(.cpuTime)) == "CPU time limit exceeded (10 s)")
        #expect(text(.limitExceeded(.memory)) == "memory limit exceeded (256 MiB)")
        #expect(text(.limitExceeded(.output)) == "output limit exceeded (1 MiB)")
        #expect(text(.limitExceeded(.processes)) == "process limit exceeded (64)")
        #expect(text(.limitExceeded(.openFiles)) == "open file limit exceeded (256)")
        #expect(text(.signaled(signal: 9)) == "killed by signal 9 (SIGKILL)")
        #expect(text(.blockedSyscall(name: "ptrace")) == "blocked system call: ptrace")
        #expect(
            ExitStatus.explanation(ofCompilation: .exited(code: 1), limits: limits)
                == "compilation failed")
        #expect(
            ExitStatus.explanation(ofCompilation: .limitExceeded(.memory), limits: .compile)
                == "compilation failed: memory limit exceeded (1 GiB)")
    }

    @Test func failureText() {
        let provenance = BackendChoice.local.unanswered(image: "host")
        let full = SandboxError(
            .setupFailed, stage: "mountProc", errno: 1, message: "no proc", hint: "be root")
        #expect(
            FailureReport(error: full, provenance: provenance).text
                == "sandbox: no proc (setupFailed, stage mountProc, errno 1)\nsandbox: hint: be root\n")
        let short = SandboxError(.cancelled, message: "cancelled")
        #expect(
            FailureReport(error: short, provenance: provenance).text == "sandbox: cancelled (cancelled)\n"
        )
    }

    @Test(
        arguments: [
            (1, "SIGHUP"), (2, "SIGINT"), (6, "SIGABRT"), (8, "SIGFPE"), (9, "SIGKILL"), (11, "SIGSEGV"),
            (13, "SIGPIPE"),
            (15, "SIGTERM"), (16, "SIGSTKFLT"), (24, "SIGXCPU"), (25, "SIGXFSZ"), (31, "SIGSYS"),
            (34, "SIGRTMIN"),
            (35, "SIGRTMIN+1"), (64, "SIGRTMIN+30"), (32, "SIG32"), (0, "SIG0"), (65, "SIG65"),
            (-1, "SIG-1"),
        ] as [(Int32, String)])
    func signalNames(number: Int32, name: String) {
        #expect(SignalName.of(number) == name)
    }

    @Test func mediaTypes() {
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0]
        let cases: [(String, [UInt8], String)] = [
            ("plot.png", [], "image/png"), ("a/B.PNG", [], "image/png"), ("p.jpg", [], "image/jpeg"),
            ("p.jpeg", [], "image/jpeg"), ("p.svg", [], "image/svg+xml"),
            ("p.pdf", [], "application/pdf"),
            ("p.txt", png, "text/plain"), ("p.csv", [], "text/csv"), ("p.json", [], "application/json"),
            ("p.html", [], "text/html"), ("plot", png, "image/png"), ("plot.bin", png, "image/png"),
            ("x", [0xFF, 0xD8, 0xFF, 0xE0], "image/jpeg"),
            ("x", Array("%PDF-1.7".utf8), "application/pdf"),
            ("x", Array("<svg xmlns".utf8), "image/svg+xml"), ("x", [], "application/octet-stream"),
            (".png", [], "application/octet-stream"), ("a.png/x", [], "application/octet-stream"),
            ("a.", [1, 2], "application/octet-stream"),
        ]
        for (name, bytes, type) in cases {
            #expect(MediaType.of(name: ByteString(name), bytes: bytes) == type, "\(name)")
        }
    }

    @Test func hostTable() {
        let report = HostReport(
            kernel: "6.1", machine: "aarch64",
            entries: [
                HostReport.Entry(name: "seccomp", isAvailable: true, detail: "works"),
                HostReport.Entry(
                    name: "cgroupMemory", isAvailable: false, detail: "not delegated\nat all",
                    mend: "systemd-run sh"),
            ],
            level: nil, cgroup: .v2,
            disturbances: [
                HostReport.Disturbance(name: "swap", isPresent: true, detail: "1 GiB", mend: "swapoff -a"),
                HostReport.Disturbance(name: "load", isPresent: false, detail: "0.1"),
            ])
        #expect(
            HostTable.render(report) == """
                kernel 6.1 (aarch64), cgroup v2
                strongest isolation level: none works here

                layer         has  detail
                seccomp       yes  works
                cgroupMemory  no   not delegated; at all
                                   to mend: systemd-run sh

                disturbs figures  is   detail
                swap              yes  1 GiB
                                       to mend: swapoff -a
                load              no   0.1

                """)
    }
}
#endif
