// Programs that imitate the effects of a limit: the outcome must not be forged.
import Foundation
import Sandbox
import Testing

@Suite("Forging", .shared, .timeLimit(.patient))
struct ForgingTests {
    @Test(
        "The signals that limits send", arguments: await ConformanceSubject.all,
        [SIGKILL, SIGXCPU, SIGXFSZ, SIGSYS, SIGSEGV])
    func signals(subject: ConformanceSubject, signal: Int32) async throws {
        let result = try await subject.run("raise_signal", ["\(signal)"])
        expect(result, .signaled(signal: signal))
    }

    @Test(
        "The statuses that shells and tools use for signals and limits",
        arguments: await ConformanceSubject.all,
        [122, 123, 124, 125, 126, 128 + 9, 128 + 11, 128 + 24, 128 + 31] as [Int32])
    func statuses(subject: ConformanceSubject, code: Int32) async throws {
        expect(try await subject.run("exit_code", ["\(code)"]), .exited(code: code))
    }

    @Test("SIGKILL close to the memory limit is not out of memory", arguments: await ConformanceSubject.all)
    func almostOutOfMemory(subject: ConformanceSubject) async throws {
        let result = try await subject.run(
            "touch_then_raise", ["56", "\(SIGKILL)"], limits: Limits(memory: 64 << 20))
        expect(result, .signaled(signal: SIGKILL))
    }

    @Test("A file of exactly the limit and SIGXFSZ", arguments: await ConformanceSubject.all)
    func almostTooLarge(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let limits = Limits(fileSize: 1 << 20)
            let file = try await sandbox.run(
                program: "write_file", ["big", "\(1 << 20)", "1"], limits: limits)
            expect(file, .exited(code: 0))
            let result = try await sandbox.run(
                program: "raise_signal", ["\(SIGXFSZ)"], limits: limits)
            expect(result, .signaled(signal: SIGXFSZ))
        }
    }

    struct OwnLimit: Sendable, CustomTestStringConvertible {
        let kind: String
        let outcome: Outcome
        var testDescription: String { kind }
    }

    @Test(
        "A limit that the program lowered itself is not reported as met",
        arguments: await ConformanceSubject.all,
        [
            OwnLimit(kind: "cpu", outcome: .signaled(signal: SIGXCPU)),
            OwnLimit(kind: "fileSize", outcome: .signaled(signal: SIGXFSZ)),
            OwnLimit(kind: "openFiles", outcome: .exited(code: 1)),
            OwnLimit(kind: "processes", outcome: .exited(code: 1)),
            OwnLimit(kind: "memory", outcome: .exited(code: 1)),
            OwnLimit(kind: "stack", outcome: .signaled(signal: SIGSEGV)),
        ])
    func ownLimits(subject: ConformanceSubject, own: OwnLimit) async throws {
        // The kernel does not apply its limit of processes to the host's user 0; the container's limit stays.
        let isHostRoot = subject.capabilities.kind == .docker && subject.rootfs == .writable
        if own.kind == "processes", isHostRoot { return }
        expect(try await subject.run("lower_own_limit", [own.kind]), own.outcome)
    }

    @Test("No limit can be raised", arguments: await ConformanceSubject.all)
    func raisedLimits(subject: ConformanceSubject) async throws {
        let result = try await subject.run("raise_own_limit")
        expect(result, .exited(code: 0))
        #expect(result.stdout.isEmpty, "\(result.summary)")
    }

    @Test("Records on inherited descriptors and in the output", arguments: await ConformanceSubject.all)
    func records(subject: ConformanceSubject) async throws {
        let result = try await subject.run("forge_records")
        expect(result, .exited(code: 4))
        #expect(result.stderrText == "0", "\(result.summary)")
        #expect(
            result.stdoutText == "{\"outcome\": {\"kind\": \"exited\", \"code\": 0}}\nERROR::0\n",
            "\(result.summary)")
    }

    @Test(
        "A kill by the program's own filter is not reported as a blocked call",
        arguments: await ConformanceSubject.all)
    func ownFilter(subject: ConformanceSubject) async throws {
        let result = try await subject.run("own_filter")
        let allowed: [Outcome] = [.signaled(signal: SIGSYS), .exited(code: 76)]
        #expect(allowed.contains(result.outcome), "\(result.summary)")
    }

    @Test(
        "Killing pid 1, the parent and everything else changes nothing",
        arguments: await ConformanceSubject.all)
    func killsOthers(subject: ConformanceSubject) async throws {
        guard subject.has(.pidNamespace) else { return }
        expect(try await subject.run("kill_init"), .exited(code: 0))
        expect(try await subject.run("kill_all"), .exited(code: 7))
        expect(try await subject.run("signal_storm"), .exited(code: 0))
    }

    @Test(
        "Children of every sort do not outlive or hold up the run", arguments: await ConformanceSubject.all,
        ["daemon", "leave_child", "smuggle_stdout"])
    func leftBehind(subject: ConformanceSubject, program: String) async throws {
        let result = try await subject.run(program, limits: Limits(wallTime: .seconds(5)))
        expect(result, .exited(code: 0))
        #expect(result.usage.wallTime < .seconds(3), "\(result.summary)")
        if program == "leave_child" { #expect(result.stdoutText == "parent is done\n", "\(result.summary)") }
        if program == "smuggle_stdout" { #expect(result.stdoutText == "smuggled", "\(result.summary)") }
    }

    @Test(
        "Nobody's children can be made somebody else's", arguments: await ConformanceSubject.all,
        [[], ["sleep"]])
    func childrenOfParent(subject: ConformanceSubject, arguments: [String]) async throws {
        let limits = Limits(wallTime: .seconds(5))
        let blocked = try await subject.run("children_of_parent", arguments, limits: limits)
        expect(blocked, .blockedSyscall(name: "clone"))
        #expect(blocked.usage.wallTime < .seconds(3), "\(blocked.summary)")
    }
}
