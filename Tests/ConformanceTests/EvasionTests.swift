// Programs that keep whoever watches them busy, or take what no limit names: each ends by its limit all the same.
import Foundation
import Sandbox
import Testing

@Suite("Evasion", .shared, .timeLimit(.patient))
struct EvasionTests {
    /// One fault over a list of mappings that is long, that others keep locked, and a storm of faults.
    @Test(
        "A list of mappings that takes long to read stops no clock", arguments: ConformanceSubject.all,
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

    @Test("Nor does it hide memory", arguments: ConformanceSubject.all)
    func blindMemory(subject: ConformanceSubject) async throws {
        let limits = Limits(wallTime: .seconds(20), memory: 96 << 20)
        let result = try await subject.run("blind_memory", limits: limits.forThisProcessor)
        expect(result, .limitExceeded(.memory))
        // One line for each tenth of a second; a machine that is busy with something else may let some pass.
        #expect(result.lines.count { $0 == "held" } < 15, "\(result.summary)")
    }

    /// The kernel charges them to nobody: see the table in docs/threat-model.md.
    @Test("Record locks are bounded", arguments: ConformanceSubject.all)
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

    /// What our processes do for a program in a storm is on its account.
    @Test("A storm of refused calls is CPU time", arguments: ConformanceSubject.all, ["1", "8"])
    func deniedStorm(subject: ConformanceSubject, processes: String) async throws {
        let limits = Limits(wallTime: .seconds(60), cpuTime: .seconds(1))
        let result = try await subject.run("denied_storm", [processes], limits: limits.forThisProcessor)
        expect(result, .limitExceeded(.cpuTime), denied: ["socket"])
    }

    @Test("A child that would be traced by ours ends the run", arguments: ConformanceSubject.all)
    func tracedChild(subject: ConformanceSubject) async throws {
        expect(try await subject.run("call", ["clone.ptrace"]), .blockedSyscall(name: "clone"))
        let denied = try await subject.run("call", ["clone.ptrace"], blockedSyscalls: .deny)
        expect(denied, .exited(code: 0), denied: ["clone"])
    }
}
