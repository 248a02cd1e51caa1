/// The Docker backend on Podman's API service: Podman's differences do not show.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite(.serialized, .timeLimit(.minutes(3))) struct PodmanBackendTests {
    private static func with(_ body: (DockerSubject) async throws -> Void) async throws {
        try await DockerSubject.configured { $0.pool.minimum = 1 }.with(.podman, body)
    }

    @Test func outcomesAndFiles() async throws {
        try await Self.with { subject in
            try await subject.backend.withSandbox { sandbox in
                try await sandbox.write("text", to: "d/in.txt")
                let result = try await sandbox.run(
                    Command("/bin/sh", ["-c", "cat d/in.txt; cat >out.txt; echo apart >&2; exit 3"]),
                    stdin: .string("typed"))
                #expect(result.outcome == .exited(code: 3) && result.stdoutText == "text")
                #expect(result.stderrText == "apart\n")
                #expect(try await sandbox.read("out.txt", maxBytes: 99) == Array("typed".utf8))
                let who = result.provenance
                #expect(who.kind == .docker && who.imageDigest?.hasPrefix("sha256:") == true)
                #expect(sandbox.isolation.level == .standard, "\(sandbox.isolation)")
            }
            #expect(try await subject.shell("kill -SEGV $$").outcome == .signaled(signal: SIGSEGV))
            await expectSandboxError(.executableNotFound) {
                _ = try await subject.backend.run(Command("nonexistent"))
            }
        }
    }

    @Test func limits() async throws {
        try await Self.with { subject in
            let quick = Limits(wallTime: .milliseconds(300))
            #expect(
                try await subject.shell("sleep 20", limits: quick).outcome == .limitExceeded(.wallTime))
            let busy = Limits(cpuTime: .milliseconds(300))
            #expect(
                try await subject.shell("while :; do :; done", limits: busy).outcome
                    == .limitExceeded(.cpuTime))
            let terse = Limits(output: 1000)
            let output = try await subject.shell("seq 9999", limits: terse)
            #expect(output.outcome == .limitExceeded(.output) && output.stdout.count == 1000)
            // Less and more than the container's limit at its creation.
            for megabytes in [32, 400] {
                let limits = Limits(memory: megabytes << 20)
                let eater =
                    "x=$(head -c \((megabytes - 10) << 20 / 4) /dev/zero | tr '\\0' x); echo ${#x}"
                let fits = try await subject.shell(eater, limits: limits)
                #expect(fits.outcome.isSuccess, "\(megabytes): \(fits.outcome) \(fits.stderrText)")
            }
            let small = Limits(memory: 32 << 20)
            let large = try await subject.shell(
                "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}", limits: small)
            #expect(large.outcome == .limitExceeded(.memory), "\(large.outcome)")
            let few = Limits(processes: 8)
            let many = try await subject.shell(
                "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; wait; exit 5", limits: few)
            #expect(many.outcome == .limitExceeded(.processes), "\(many.outcome) \(many.stderrText)")
        }
    }

    @Test func theShareOfProcessors() async throws {
        try await DockerSubject.configured { ($0.pool.minimum, $0.pool.maximum) = (1, 1) }.with(.podman) {
            subject in
            for cpus in [0.5, nil, 1] as [Double?] {
                let limits = Limits(wallTime: .seconds(60), cpuTime: .milliseconds(600), cpus: cpus)
                let result = try await subject.shell(
                    "while :; do :; done & while :; do :; done", limits: limits)
                #expect(result.outcome == .limitExceeded(.cpuTime), "\(result.outcome)")
                guard let cpus else { continue }
                let most = result.usage.wallTime * cpus + .milliseconds(120)
                #expect(result.usage.cpuTime <= most, "\(cpus): \(result.usage)")
            }
        }
    }

    @Test func aBlockedCallIsNamed() async throws {
        try await Self.with { subject in
            let program = try await LoadTests.compile(
                """
                #include <stdio.h>
                #include <sys/syscall.h>
                #include <unistd.h>
                // One that Podman's own profile lets through: where both refuse, Podman's answer is a plain EPERM.
                int main() { puts("before"); fflush(stdout); syscall(SYS_keyctl, 0, -3, 1); puts("after"); }
                """, subject.backend)
            try await subject.backend.withSandbox { sandbox in
                try await sandbox.write(program, to: "main", executable: true)
                let result = try await sandbox.run(Command("./main"))
                #expect(
                    result.outcome == .blockedSyscall(name: "keyctl") && result.stdoutText == "before\n",
                    "\(result.outcome) \(result.stdoutText)")
            }
        }
    }

    /// One container serves two users; nothing of the first is left for the second.
    @Test func nothingCarriesOver() async throws {
        try await DockerSubject.configured { ($0.pool.minimum, $0.pool.maximum) = (1, 1) }.with(.podman) {
            subject in
            let mark = """
                for d in /work /tmp /dev/shm /run /var/tmp / /etc /.swift-sandbox; do
                    echo mark 2>/dev/null >$d/mark && echo $d; done 2>/dev/null
                (trap '' TERM HUP; sleep 50) >/dev/null 2>&1 &
                """
            let first = try await subject.shell(mark)
            #expect(first.stdoutText == "/work\n/tmp\n/dev/shm\n", "\(first.stdoutText)")
            let look = "ls -A /work /tmp /dev/shm; ls /proc | grep -c '^[0-9]'"
            let second = try await subject.shell(look)
            #expect(!second.stdoutText.contains("mark"), "\(second.stdoutText)")
            #expect(first.provenance.sandbox == second.provenance.sandbox, "the container is used again")
        }
    }

    @Test func aWritableRootIsUsedOnce() async throws {
        try await Self.with { subject in
            let options = SandboxOptions(rootfs: .writable)
            let write = Command("/bin/sh", ["-c", "echo mark >/etc/mark && cat /etc/mark"])
            let first = try await subject.backend.run(write, options: options)
            #expect(first.outcome.isSuccess && first.stdoutText == "mark\n", "\(first.stderrText)")
            let second = try await subject.backend.run(Command("cat", ["/etc/mark"]), options: options)
            #expect(second.outcome == .exited(code: 1))
            #expect(first.provenance.sandbox != second.provenance.sandbox)
        }
    }
}
#endif
