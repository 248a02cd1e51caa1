/// Tests the local backend's life: several at once, loss of the supervisor, forced failures, nothing left.

import CIsolate
import Foundation
import Testing

@testable import Sandbox

/// The tests count descriptors and cgroups of this process, so no other test may run in it.
@Suite(
    .serialized,
    .enabled(
        if: ProcessInfo.processInfo.environment["ALONE"] == "1",
        "counts what the process holds: `make test` runs it alone with ALONE=1"))
struct LocalBackendTests {
    @Test func twoBackendsDoNotMeet() async throws {
        let first = LocalBackend(.init(minimum: 1, maximum: 2))
        let second = LocalBackend(.init(minimum: 1, maximum: 2))
        for round in 0..<20 {
            async let small = first.run(Command("/bin/true"), limits: Limits(memory: 16 << 20, processes: 1))
            async let large = second.run(Command("/bin/true"), limits: Limits(memory: 1 << 30, processes: 50))
            let results = try await [small, large]
            #expect(results.allSatisfy { $0.outcome == .exited(code: 0) }, "round \(round)")
            #expect(results[0].provenance.instance != results[1].provenance.instance)
        }
        await first.shutdown()
        await second.shutdown()
    }

    /// A start makes a trial cell, whose end must not count as that of the first sandbox.
    @Test func everyStartMakesASandbox() async throws {
        for _ in 0..<25 {
            try await withThrowingTaskGroup { group in
                for _ in 0..<6 {
                    group.addTask {
                        let backend = LocalBackend(.init(minimum: 0, maximum: 1))
                        let result = try await backend.run(Command("/bin/true"))
                        #expect(result.outcome == .exited(code: 0))
                        await backend.shutdown()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func shutdownLeavesNothing() async throws {
        let before = Holdings.cgroups().count
        let backend = LocalBackend(.init(minimum: 2, maximum: 4))
        _ = try await backend.run(Command("/bin/true"))
        #expect(Holdings.cgroups().count == before + 1)
        await backend.shutdown()
        #expect(Holdings.cgroups().count == before)
        await backend.shutdown()
        let error = await #expect(throws: SandboxError.self) { try await backend.run(Command("/bin/true")) }
        #expect(error?.code == .shutDown)
        #expect(error?.provenance?.kind == .local)
    }

    /// Runs one program in so many sandboxes of a backend of two, cancels every tenth, and checks that each run had the
    /// program.
    private static func runOneProgram(times: Int) async throws {
        let text = "#!/bin/sh\necho $1 || exit\nexit\n" + String(repeating: "#", count: 200 << 10)
        let program = InputFile("main", Array(text.utf8), executable: true).reused()
        let backend = LocalBackend(.init(minimum: 2, maximum: 2))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<times {
                if number >= 8 { try await group.next() }
                group.addTask {
                    let run = Task {
                        try await backend.run(Command("./main", ["\(number)"], inputFiles: [program]))
                    }
                    if number % 10 == 9 {
                        try await Task.sleep(for: .microseconds(number * 3))
                        run.cancel()
                    }
                    do {
                        let result = try await run.value
                        #expect(result.outcome == .exited(code: 0) && result.stdoutText == "\(number)\n")
                    } catch let error as SandboxError {
                        #expect(number % 10 == 9 && error.code == .cancelled, "\(error)")
                    }
                }
            }
            try await group.waitForAll()
        }
        await backend.shutdown()
    }

    @Test func aThousandRunsOfOneProgramLeaveNothing() async throws {
        // The first runs of a process make Dispatch open a timer, which stays.
        try await Self.runOneProgram(times: 20)
        try await Holdings.settle(descriptors: 0, cgroups: 0)
        let before = (Holdings.descriptors(), Holdings.cgroups().count)
        try await Self.runOneProgram(times: 1000)
        try await Holdings.settle(descriptors: before.0, cgroups: before.1)
        #expect(Holdings.descriptors() <= before.0, "\(Holdings.descriptorList())")
        #expect(Holdings.cgroups().count == before.1)
    }

    @Test func shutdownEndsSandboxesInUse() async throws {
        let backend = LocalBackend(.init(minimum: 0, maximum: 2))
        let sandbox = try await backend.acquire(SandboxOptions())
        let run = Task { try await sandbox.run(Command("/bin/sleep", ["20"])) }
        try await Task.sleep(for: .milliseconds(200))
        let start = ContinuousClock.now
        await backend.shutdown()
        let error = await #expect(throws: SandboxError.self) { try await run.value }
        #expect(error?.code == .shutDown)
        #expect(ContinuousClock.now - start < .seconds(5))
        await sandbox.close()
    }

    @Test func forgottenBackendLeavesNothing() async throws {
        let before = Holdings.cgroups().count
        do {
            let backend = LocalBackend(.init(minimum: 1, maximum: 2))
            _ = try await backend.run(Command("/bin/true"))
        }
        for _ in 0..<500 where Holdings.cgroups().count > before {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(Holdings.cgroups().count == before)
    }

    @Test func manySandboxesLeakNoDescriptor() async throws {
        let backend = LocalBackend(.init(minimum: 1, maximum: 3))
        for _ in 0..<20 { _ = try await backend.run(Command("/bin/true"), stdin: .string("x")) }
        let before = Holdings.descriptors()
        for _ in 0..<300 { _ = try await backend.run(Command("/bin/true"), stdin: .string("x")) }
        // Slots come and go with the pool's size; each has two descriptors.
        #expect(Holdings.descriptors() <= before + 8)
        await backend.shutdown()
    }

    @Test func aLostSupervisorIsReplaced() async throws {
        let backend = LocalBackend(.init(minimum: 1, maximum: 2))
        for _ in 0..<3 {
            let supervisor = try #require(try await backend.supervisorPID())
            let run = Task { try await backend.run(Command("/bin/sleep", ["20"])) }
            try await Task.sleep(for: .milliseconds(200))
            let start = ContinuousClock.now
            kill(supervisor, SIGKILL)
            let error = await #expect(throws: SandboxError.self) { try await run.value }
            #expect(error?.code == .supervisorLost)
            #expect(ContinuousClock.now - start < .seconds(5))
            let result = try await backend.run(Command("/bin/true"))
            #expect(result.outcome == .exited(code: 0))
        }
        #expect(Holdings.cgroups().count <= 1 + 1)
        await backend.shutdown()
    }

    @Test func aForkOfTheEmbedderIsTold() async throws {
        typealias Fork = @convention(c) () -> pid_t
        let fork = unsafeBitCast(try #require(dlsym(nil, "fork")), to: Fork.self)
        let backend = LocalBackend(.init(minimum: 1, maximum: 2))
        _ = try await backend.run(Command("/bin/true"))
        let pool = try #require(backend.pool)
        let child = fork()
        if child == 0 {
            // Only the check itself, which needs no other thread.
            do throws(SandboxError) {
                try pool.checkOwner()
                _exit(1)
            } catch {
                _exit(error.code == .forkedEmbedder ? 0 : 2)
            }
        }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        #expect(status == 0)
        #expect(try await backend.run(Command("/bin/true")).outcome == .exited(code: 0))
        await backend.shutdown()
    }

    @Test(
        "A stage that fails is named, and leaves nothing",
        arguments: [
            (ISOLATE_STAGE_CONFIG, "config"), (ISOLATE_STAGE_CGROUP, "cgroup"),
            (ISOLATE_STAGE_ID_MAP, "idMap"),
            (ISOLATE_STAGE_MOUNT_ROOT, "mountRoot"), (ISOLATE_STAGE_CLONE_SEAT, "cloneSeat"),
            (ISOLATE_STAGE_SCRATCH, "scratch"), (ISOLATE_STAGE_MOUNT_PROC, "mountProc"),
            (ISOLATE_STAGE_SECCOMP, "seccomp"), (ISOLATE_STAGE_TRACE, "trace"),
        ])
    func stageFails(stage: isolate_stage, name: String) async throws {
        let before = (Holdings.descriptors(), Holdings.cgroups().count)
        var configuration = LocalBackend.Configuration(minimum: 0, maximum: 2)
        configuration.failStage = stage.rawValue
        let backend = LocalBackend(configuration)
        let error = await #expect(throws: SandboxError.self) { try await backend.run(Command("/bin/true")) }
        #expect(error?.code == .setupFailed)
        #expect(error?.stage == name)
        #expect(error?.errno == EIO)
        #expect(error?.hint != nil)
        await backend.shutdown()
        // The event loop's thread closes its own two descriptors a moment later.
        for _ in 0..<200 where Holdings.descriptors() > before.0 {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(Holdings.descriptors() <= before.0)
        #expect(Holdings.cgroups().count == before.1)
    }
}
