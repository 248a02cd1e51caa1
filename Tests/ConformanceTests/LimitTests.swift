// Each limit, met by a program that does nothing else, and the resulting outcome.
import Foundation
import Sandbox
import Testing

@Suite("Limits", .shared, .timeLimit(.patient))
struct LimitTests {
    static let short = Limits(wallTime: .milliseconds(400))

    // MARK: Wall time

    @Test(
        "Programs that never end", arguments: await ConformanceSubject.all,
        ["sleep_forever", "stop_self", "stop_group"])
    func wallTime(subject: ConformanceSubject, program: String) async throws {
        let result = try await subject.run(program, limits: Self.short)
        expect(result, .limitExceeded(.wallTime))
        #expect(result.usage.wallTime >= Self.short.wallTime, "\(result.summary)")
    }

    @Test("A fork bomb", arguments: await ConformanceSubject.all)
    func forkBomb(subject: ConformanceSubject) async throws {
        // Refused forks leave memory that the kernel frees later.
        let limits = Limits(
            wallTime: .milliseconds(500), cpuTime: .seconds(20), memory: 2 << 30, processes: 32)
        let result = try await subject.run("fork_bomb", limits: limits)
        expect(
            result, .limitExceeded(.wallTime),
            limitsHit: subject.isSampled ? Set(result.limitsHit) : [.processes])
        #expect(result.usage.peakProcesses <= 32, "\(result.summary)")
    }

    @Test("A thread bomb", arguments: await ConformanceSubject.all)
    func threadBomb(subject: ConformanceSubject) async throws {
        let limits = Limits(wallTime: .milliseconds(500), memory: 2 << 30, processes: 32)
        let result = try await subject.run("thread_bomb", limits: limits)
        expect(
            result, .limitExceeded(.wallTime),
            limitsHit: subject.isSampled ? Set(result.limitsHit) : [.processes])
        #expect(result.usage.peakProcesses <= 32, "\(result.summary)")
    }

    // MARK: CPU time

    @Test(
        "CPU time is that of all processes and threads together", arguments: await ConformanceSubject.all,
        ["busy_loop", "busy_children", "busy_threads", "short_children"])
    func cpuTime(subject: ConformanceSubject, program: String) async throws {
        let result = try await subject.run(program, limits: Limits(cpuTime: .milliseconds(300)))
        expect(result, .limitExceeded(.cpuTime))
        #expect(result.usage.cpuTime >= .milliseconds(300), "\(result.summary)")
    }

    // MARK: Processes

    @Test(
        "The limit on processes is exact", arguments: await ConformanceSubject.all,
        ["fork_until_refused", "threads_until_refused"])
    func processes(subject: ConformanceSubject, program: String) async throws {
        let limits = Limits(processes: 16)
        let failed = try await subject.run(program, ["1"], limits: limits)
        #expect(failed.stdoutText.hasPrefix("15"), "\(failed.summary)")
        let survived = try await subject.run(program, ["0"], limits: limits)
        if subject.isSampled {
            // The limit is exact here, too, but it only shows as met if a sample fell into that moment.
            #expect([.limitExceeded(.processes), .exited(code: 1)].contains(failed.outcome))
            #expect(survived.outcome == .exited(code: 0), "\(survived.summary)")
        } else {
            expect(failed, .limitExceeded(.processes))
            expect(survived, .exited(code: 0), limitsHit: [.processes])
        }
        #expect(survived.stdoutText.hasPrefix("15"), "\(survived.summary)")
    }

    @Test("A limit of one process", arguments: await ConformanceSubject.all)
    func oneProcess(subject: ConformanceSubject) async throws {
        let alone = try await subject.run("nothing", limits: Limits(processes: 1))
        expect(alone, .exited(code: 0))
        let result = try await subject.run("fork_until_refused", ["1"], limits: Limits(processes: 1))
        // Without a counter of refusals, one process of one shows nothing.
        expect(result, subject.isSampled ? .exited(code: 1) : .limitExceeded(.processes))
        #expect(result.stdoutText == "0 EAGAIN\n", "\(result.summary)")
    }

    @Test("Exactly the limit is not beyond it", arguments: await ConformanceSubject.all)
    func processesAtTheLimit(subject: ConformanceSubject) async throws {
        let result = try await subject.run("hold_processes", ["7", "20"], limits: Limits(processes: 8))
        // Without a counter of refusals, only reaching the limit can be seen, and only by a sample.
        let hits: Set<LimitKind> = subject.isSampled ? Set(result.limitsHit).intersection([.processes]) : []
        expect(result, .exited(code: 0), limitsHit: hits)
    }

    // MARK: Files

    @Test("A file beyond its limit", arguments: await ConformanceSubject.all)
    func fileSize(subject: ConformanceSubject) async throws {
        let limits = Limits(fileSize: 1 << 20)
        let beyond = "\((1 << 20) + 1)"
        try await subject.withSandbox { sandbox in
            let killed = try await sandbox.run(
                program: "write_file", ["big", beyond, "1"], limits: limits)
            expect(killed, .limitExceeded(.fileSize))
            let failed = try await sandbox.run(
                program: "write_file", ["big", beyond, "1", "ignore"], limits: limits)
            expect(failed, .limitExceeded(.fileSize))
            #expect(failed.stdoutText == "EFBIG\n", "\(failed.summary)")
            let survived = try await sandbox.run(
                program: "write_file", ["big", beyond, "0", "ignore"], limits: limits)
            expect(survived, .exited(code: 0), limitsHit: [.fileSize])
            #expect(try await sandbox.read("big", maxBytes: 2 << 20).count == 1 << 20)
        }
    }

    @Test("A file of exactly its limit", arguments: await ConformanceSubject.all)
    func fileSizeExactly(subject: ConformanceSubject) async throws {
        let result = try await subject.run(
            "write_file", ["big", "\(1 << 20)", "1"], limits: Limits(fileSize: 1 << 20))
        expect(result, .exited(code: 0))
    }

    @Test("A sparse petabyte", arguments: await ConformanceSubject.all)
    func sparseFile(subject: ConformanceSubject) async throws {
        expect(try await subject.run("sparse_file", ["\(1 << 50)"]), .limitExceeded(.fileSize))
    }

    @Test(
        "A full disk, in each place that counts", arguments: await ConformanceSubject.all,
        ["/work", "/tmp", "/dev/shm"])
    func disk(subject: ConformanceSubject, place: String) async throws {
        let limits = Limits(disk: 8 << 20)
        let failed = try await subject.run("fill_directory", [place, "1"], limits: limits)
        expect(failed, .limitExceeded(.disk))
        guard subject.capabilities.hasDiskQuota else { return }
        #expect(failed.stdoutText == "ENOSPC\n", "\(failed.summary)")
        let survived = try await subject.run("fill_directory", [place, "0"], limits: limits)
        expect(survived, .exited(code: 0), limitsHit: [.disk])
    }

    @Test("The disk limit is for all places together", arguments: await ConformanceSubject.all)
    func diskTogether(subject: ConformanceSubject) async throws {
        let limits = Limits(disk: 8 << 20)
        try await subject.withSandbox { sandbox in
            expect(
                try await sandbox.run(program: "fill_directory", ["/work", "1"], limits: limits),
                .limitExceeded(.disk))
            expect(
                try await sandbox.run(Command("./victim", ["/tmp", "1"]), limits: limits),
                .limitExceeded(.disk))
            // A sample comes late on a loaded machine, so there may be more than the standard limit.
            let names = try await sandbox.run(Command("/bin/ls", ["/tmp"]), limits: Limits(disk: 1 << 30))
            // A sample comes every 1 to 32 ms; a quota acts at once.
            #expect(names.lines.count <= 1 || !subject.capabilities.hasDiskQuota, "\(names.summary)")
        }
    }

    @Test("Open files, left open", arguments: await ConformanceSubject.all)
    func openFiles(subject: ConformanceSubject) async throws {
        let limits = Limits(openFiles: 32)
        let failed = try await subject.run("open_until_refused", ["1"], limits: limits)
        expect(failed, .limitExceeded(.openFiles))
        #expect(failed.stdoutText == "29 EMFILE\n", "\(failed.summary)")
        let survived = try await subject.run("open_until_refused", ["0"], limits: limits)
        expect(survived, .exited(code: 0), limitsHit: [.openFiles])
    }

    @Test(
        "A hundred thousand files end in a result, and the sandbox lives on",
        arguments: await ConformanceSubject.all)
    func manyFiles(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let result = try await sandbox.run(program: "many_files", ["100000"])
            let allowed: [Outcome] = [
                .exited(code: 0), .limitExceeded(.disk), .limitExceeded(.memory),
            ]
            #expect(allowed.contains(result.outcome), "\(result.summary)")
            expect(try await sandbox.run(Command("/bin/true")), .exited(code: 0))
        }
    }

    // MARK: Stack

    @Test("An endless recursion", arguments: await ConformanceSubject.all)
    func stack(subject: ConformanceSubject) async throws {
        expect(try await subject.run("recurse", limits: Limits(stack: 1 << 20)), .limitExceeded(.stack))
    }

    @Test("An endless recursion that the program survives", arguments: await ConformanceSubject.all)
    func stackSurvived(subject: ConformanceSubject) async throws {
        let result = try await subject.run("recurse_and_survive", limits: Limits(stack: 1 << 20))
        expect(result, .exited(code: 0), limitsHit: [.stack])
    }

    @Test("A local array beyond the stack, touched in its middle", arguments: await ConformanceSubject.all)
    func largeArray(subject: ConformanceSubject) async throws {
        expect(try await subject.run("large_array"), .limitExceeded(.stack))
        let room = Limits(memory: 64 << 20, stack: 256 << 20)
        let enough = try await subject.run("large_array", limits: room)
        expect(enough, .exited(code: 0))
        #expect(enough.stdoutText == "1\n", "\(enough.summary)")
    }

    @Test("A program may raise its own stack; it is memory", arguments: await ConformanceSubject.all)
    func raisedStack(subject: ConformanceSubject) async throws {
        let limits = Limits(memory: 256 << 20, stack: 8 << 20)
        let raised = try await subject.run("raise_stack", ["256", "100"], limits: limits)
        expect(raised, .exited(code: 0))
        #expect(raised.stdoutText == "ok 0\n", "\(raised.summary)")
        let beyondOwn = try await subject.run("raise_stack", ["64", "100"], limits: limits)
        expect(beyondOwn, .limitExceeded(.stack))
        let beyondMemory = try await subject.run("raise_stack", ["4096", "600"], limits: limits)
        expect(beyondMemory, .limitExceeded(.memory))
    }

    @Test("As much stack as allowed", arguments: await ConformanceSubject.all)
    func stackWithin(subject: ConformanceSubject) async throws {
        let small = try await subject.run("use_stack", ["768"], limits: Limits(stack: 1 << 20))
        expect(small, .exited(code: 0))
        let large = try await subject.run(
            "use_stack", ["\(128 << 10)"], limits: Limits(memory: 256 << 20, stack: 192 << 20))
        expect(large, .exited(code: 0))
    }
}
