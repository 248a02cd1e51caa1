// Programs that keep the observing processes busy, or use what no limit names: each still ends by its limit.
import Foundation
import Sandbox
import Testing

@Suite("Evasion", .shared, .timeLimit(.patient))
struct EvasionTests {
    /// One fault over a list of mappings that is long or kept locked by other threads, and a storm of faults.
    @Test(
        "A list of mappings that takes long to read stops no clock", arguments: await ConformanceSubject.all,
        [["20000", "0"], ["20000", "3"], ["20000", "0", "storm"]])
    func lockedMaps(subject: ConformanceSubject, arguments: [String]) async throws {
        let limits = Limits(wallTime: .seconds(2), cpuTime: .seconds(20), memory: 512 << 20)
        let result = try await subject.run("lock_maps", arguments, limits: limits.forThisProcessor)
        let ends: [Outcome] = [
            .signaled(signal: SIGSEGV), .limitExceeded(.wallTime), .limitExceeded(.memory),
            .limitExceeded(.disk),
        ]
        #expect(ends.contains(result.outcome), "\(result.summary)")
        let bound = result.limits.wallTime + subject.busy(\.wallTimeTolerance)
        #expect(result.usage.wallTime < bound, "\(result.summary)")
    }

    @Test("A long or locked list of mappings does not hide memory", arguments: await ConformanceSubject.all)
    func blindMemory(subject: ConformanceSubject) async throws {
        let limits = Limits(wallTime: .seconds(20), memory: 96 << 20)
        let result = try await subject.run("blind_memory", limits: limits.forThisProcessor)
        expect(result, .limitExceeded(.memory))
        // Without the long list this would be any program with too much memory.
        #expect(result.lines.contains("maps held"), "the list of mappings is not held: \(result.summary)")
        // One line for each tenth of a second; a machine that is busy with something else may let some pass.
        let tenths = result.lines.count { $0 == "memory held" }
        #expect(tenths < 15, "the memory is held for \(tenths) tenths of a second: \(result.summary)")
    }

    /// The kernel charges record locks to no cgroup: see the table in docs/threat-model.md.
    @Test("Record locks are bounded", arguments: await ConformanceSubject.all)
    func recordLocks(subject: ConformanceSubject) async throws {
        guard subject.has(.maskedProc) else { return }
        let few = try await subject.run("record_locks", ["1000"])
        expect(few, .exited(code: 0))
        #expect(few.stdoutText == "1000\n", "\(few.summary)")
        let many = try await subject.run("record_locks", limits: Limits(wallTime: .seconds(20)))
        expect(many, .limitExceeded(.memory))
        let count = many.lines.compactMap { Int($0) }.last ?? 0
        #expect(count < 400_000, "\(many.summary)")
    }

    /// Of 60,000 tries, those that cannot be counted are refused in time.
    @Test(
        "Record locks do not hide", arguments: await ConformanceSubject.all,
        ["leaderGone", "mapped", "passed"])
    func hiddenLocks(subject: ConformanceSubject, place: String) async throws {
        let result = try await subject.run(
            "hidden_locks", [place], limits: Limits(wallTime: .seconds(20), cpuTime: .seconds(20)))
        if result.outcome == .limitExceeded(.memory) { return }
        expect(result, .exited(code: 0))
        let words = result.stdoutText.split(separator: " ")
        #expect(words.last == "ENOLCK\n" && Int(words[0]) ?? .max <= 33_000, "\(result.summary)")
    }

    @Test("Locks that several processes share count once", arguments: await ConformanceSubject.all)
    func sharedLocks(subject: ConformanceSubject) async throws {
        expect(try await subject.run("shared_locks"), .exited(code: 0))
    }

    /// The program can keep neither the kernel nor the supervisor from watching the clocks.
    @Test("Long calls and long files do not outlast the wall time", arguments: await ConformanceSubject.all)
    func longCalls(subject: ConformanceSubject) async throws {
        let refused = try await subject.run("long_calls", ["mincore"])
        expect(refused, .exited(code: 0))
        #expect(refused.stdoutText == "ENOMEM\n", "\(refused.summary)")
        for mode in ["watches", "epoll"] {
            let limits = Limits(wallTime: .seconds(1), cpuTime: .seconds(60))
            let result = try await subject.run("long_calls", [mode], limits: limits.forThisProcessor)
            #expect(result.outcome == .limitExceeded(.wallTime), "\(result.summary)")
            #expect(
                result.usage.wallTime < limits.forThisProcessor.wallTime + .seconds(3), "\(result.summary)")
        }
    }

    /// The work of the library's processes for a program in a storm counts as the run's CPU time.
    @Test("A storm of refused calls is CPU time", arguments: await ConformanceSubject.all, ["1", "8"])
    func deniedStorm(subject: ConformanceSubject, processes: String) async throws {
        let limits = Limits(wallTime: .seconds(60), cpuTime: .seconds(1))
        let result = try await subject.run("denied_storm", [processes], limits: limits.forThisProcessor)
        expect(result, .limitExceeded(.cpuTime), denied: ["socket"])
    }

    @Test("A child that would be traced by ours ends the run", arguments: await ConformanceSubject.all)
    func tracedChild(subject: ConformanceSubject) async throws {
        expect(try await subject.run("call", ["clone.ptrace"]), .blockedSyscall(name: "clone"))
        let denied = try await subject.run("call", ["clone.ptrace"], blockedSyscalls: .deny)
        expect(denied, .exited(code: 0), denied: ["clone"])
    }
}
