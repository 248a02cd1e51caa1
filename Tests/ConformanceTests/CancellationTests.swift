// Cancelled tasks: the run ends long before its limits, with the error `.cancelled`.
import Foundation
import Sandbox
import Testing

@Suite("Cancellation", .shared, .timeLimit(.patient))
struct CancellationTests {
    /// Refused forks leave memory that the kernel frees later: a fork bomb may have much of it.
    static let long = Limits(wallTime: .seconds(20), cpuTime: .seconds(20), memory: 2 << 30)
    /// Other tests may load the machine; a run that is not cancelled takes all of its 20 seconds.
    static let soon = Duration.seconds(5)

    /// After a cancelled run the sandbox works again or is closed; any other state is a failure.
    static func checkAfterwards(_ sandbox: any SandboxLease) async throws {
        do {
            expect(try await sandbox.run(Command("/bin/true")), .exited(code: 0))
        } catch {
            #expect(error.code == .sandboxClosed, "\(error)")
        }
    }

    @Test(
        "A cancelled run ends soon", arguments: await ConformanceSubject.all,
        ["sleep_forever", "busy_children", "fork_bomb", "stop_group"])
    func cancelRun(subject: ConformanceSubject, program: String) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install(program)
            let task = Task { try await sandbox.run(command, limits: Self.long) }
            try await Task.sleep(for: .milliseconds(100))
            let start = ContinuousClock.now
            task.cancel()
            await expectError(.cancelled) { try await task.value }
            #expect(ContinuousClock.now - start < Self.soon)
            try await Self.checkAfterwards(sandbox)
        }
        expect(try await subject.run("nothing"), .exited(code: 0))
    }

    @Test("A cancelled run leaves nothing that goes on", arguments: await ConformanceSubject.all)
    func nothingGoesOn(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let line = "(sleep 3; touch late) & sleep 60"
            let task = Task { try await sandbox.run(Command("/bin/sh", ["-c", line]), limits: Self.long) }
            try await Task.sleep(for: .milliseconds(100))
            task.cancel()
            await expectError(.cancelled) { try await task.value }
            try await Task.sleep(for: .milliseconds(3500))
            await expectError(oneOf: [.fileNotFound, .sandboxClosed]) {
                try await sandbox.read("late", maxBytes: 1)
            }
        }
    }

    @Test("A task cancelled before its run", arguments: await ConformanceSubject.all)
    func cancelledBefore(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("sleep_forever")
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await sandbox.run(command, limits: Self.long)
            }
            task.cancel()
            await expectError(.cancelled) { try await task.value }
            try await Self.checkAfterwards(sandbox)
        }
    }

    @Test("A cancelled streaming run", arguments: await ConformanceSubject.all)
    func cancelStreaming(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("flood", ["1"])
            let limits = Limits(wallTime: .seconds(20), cpuTime: .seconds(20), output: 1 << 30)
            let task = Task {
                try await sandbox.run(command, limits: limits) { execution in
                    for await _ in execution.output { try? await Task.sleep(for: .milliseconds(5)) }
                }
            }
            try await Task.sleep(for: .milliseconds(150))
            let start = ContinuousClock.now
            task.cancel()
            await expectError(.cancelled) { try await task.value.result }
            #expect(ContinuousClock.now - start < Self.soon)
            try await Self.checkAfterwards(sandbox)
        }
    }

    @Test("A run that waits for its stdin", arguments: await ConformanceSubject.all)
    func cancelWaiting(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("echo_stdin")
            let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
            let task = Task { try await sandbox.run(command, stdin: .stream(stream), limits: Self.long) }
            try await Task.sleep(for: .milliseconds(50))
            task.cancel()
            await expectError(.cancelled) { try await task.value }
            continuation.finish()
            try await Self.checkAfterwards(sandbox)
        }
    }

    @Test("Many at once, cancelled at random moments", arguments: await ConformanceSubject.all)
    func randomMoments(subject: ConformanceSubject) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<12 {
                group.addTask {
                    let task = Task { try await subject.run("sleep_forever", limits: Self.long) }
                    try await Task.sleep(for: .milliseconds(index * 3))
                    task.cancel()
                    await expectError(.cancelled, "after \(index * 3) ms") { try await task.value }
                }
            }
            try await group.waitForAll()
        }
        expect(try await subject.run("nothing"), .exited(code: 0))
    }

    @Test("Closing a sandbox ends its run", arguments: await ConformanceSubject.all)
    func closeDuringRun(subject: ConformanceSubject) async throws {
        let sandbox = try await subject.backend.acquire(subject.options())
        let command = try await sandbox.install("sleep_forever")
        let task = Task { try await sandbox.run(command, limits: Self.long) }
        try await Task.sleep(for: .milliseconds(100))
        let start = ContinuousClock.now
        await sandbox.close()
        await expectError(.sandboxClosed) { try await task.value }
        #expect(ContinuousClock.now - start < Self.soon)
    }
}
