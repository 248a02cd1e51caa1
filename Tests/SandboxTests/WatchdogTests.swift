/// A backend whose own processes are stopped, killed or blocked: every call ends in time, and the next ones work.

import CIsolate
import Foundation
import TestSupport
import Testing

@testable import Sandbox

@Suite(
    .serialized,
    .enabled(
        if: ProcessInfo.processInfo.environment["ALONE"] == "1",
        "counts what the process holds: `make test` runs it alone with ALONE=1"))
struct WatchdogTests {
    private static let soon = Duration.seconds(8)

    private static func backend(
        minimum: Int = 1, maximum: Int = 2, answer: Duration = .seconds(1), grace: Duration = .seconds(1)
    ) -> LocalBackend {
        var configuration = LocalBackend.Configuration(minimum: minimum, maximum: maximum)
        configuration.answerTimeout = answer
        configuration.grace = grace
        return LocalBackend(configuration)
    }

    private static func processes(_ backend: LocalBackend, _ role: Role) -> [OwnProcess] {
        guard let pid = backend.pool?.supervisor.handle.pid else { return [] }
        return OwnProcess.all(below: pid).filter { $0.role == role }
    }

    /// Returns the error of a call, and expects that it came in time.
    private static func error(
        _ what: String, _ call: () async throws -> Void
    ) async -> SandboxError? {
        let start = ContinuousClock.now
        let error = await #expect(throws: SandboxError.self) { try await call() }
        #expect(ContinuousClock.now - start < soon, "\(what) took \(ContinuousClock.now - start)")
        return error
    }

    @Test func aStoppedSlotAnswersNoQuestion() async throws {
        let backend = Self.backend(minimum: 0)
        let sandbox = try await backend.acquire(SandboxOptions())
        try #require(Self.processes(backend, .slot).first).stop()
        let error = await Self.error("write") { try await sandbox.write(Array("x".utf8), to: "file") }
        #expect(error?.code == .watchdog)
        #expect(error?.message.contains("opening a file") == true)
        await sandbox.close()
        #expect(try await backend.run(Command("/bin/true")).outcome == .exited(code: 0))
        await backend.shutdown()
    }

    /// The program itself ends, but the stopped process cannot report that. Another sandbox is not disturbed.
    @Test(arguments: [false, true])
    func aStoppedSlotEndsNoRun(isStreaming: Bool) async throws {
        let backend = Self.backend(minimum: 0)
        let sandbox = try await backend.acquire(SandboxOptions())
        try #require(Self.processes(backend, .slot).first).stop()
        let neighbour = Task { try await backend.run(Command("/bin/sleep", ["3"])) }
        let limits = Limits(wallTime: .seconds(1))
        let error = await Self.error("run") {
            if isStreaming {
                _ = try await sandbox.run(Command("/bin/echo", ["x"]), limits: limits) { execution in
                    for try await _ in execution.output {}
                }
            } else {
                _ = try await sandbox.run(Command("/bin/echo", ["x"]), limits: limits)
            }
        }
        #expect(error?.code == .watchdog)
        #expect(
            error?.message.contains("wall time limit of 1.0 seconds and the grace of 1.0 seconds") == true)
        #expect(error?.provenance?.kind == .local)
        await sandbox.close()
        #expect(try await neighbour.value.outcome == .exited(code: 0))
        await backend.shutdown()
    }

    @Test func whoeverIsCancelledDoesNotWaitForAStoppedSlot() async throws {
        let backend = Self.backend(minimum: 0, answer: .seconds(60), grace: .seconds(60))
        for isRun in [true, false] {
            let sandbox = try await backend.acquire(SandboxOptions())
            for slot in Self.processes(backend, .slot) { slot.stop() }
            let call = Task {
                if isRun {
                    _ = try await sandbox.run(Command("/bin/sleep", ["20"]))
                } else {
                    _ = try await sandbox.read("file", maxBytes: 10)
                }
            }
            try await Task.sleep(for: .milliseconds(200))
            call.cancel()
            let error = await Self.error("cancel") { try await call.value }
            #expect(error?.code == .cancelled)
            await sandbox.close()
        }
        await backend.shutdown()
    }

    @Test func closingASandboxDoesNotWaitForAStoppedSlot() async throws {
        let backend = Self.backend(minimum: 0, answer: .seconds(60), grace: .seconds(60))
        let sandbox = try await backend.acquire(SandboxOptions())
        for slot in Self.processes(backend, .slot) { slot.stop() }
        let run = Task { try await sandbox.run(Command("/bin/sleep", ["20"])) }
        try await Task.sleep(for: .milliseconds(200))
        let start = ContinuousClock.now
        await sandbox.close()
        #expect(ContinuousClock.now - start < Self.soon)
        let error = await Self.error("run") { _ = try await run.value }
        #expect(error?.code == .sandboxClosed)
        await backend.shutdown()
    }

    @Test func aStoppedSupervisorIsReplaced() async throws {
        let backend = Self.backend(minimum: 0)
        let sandbox = try await backend.acquire(SandboxOptions())
        let supervisor = try #require(Self.processes(backend, .supervisor).first)
        supervisor.stop()
        let start = ContinuousClock.now
        do {
            // A waiting caller is served by the next supervisor, or gets the reason why not.
            await (try await backend.acquire(SandboxOptions())).close()
        } catch {
            #expect(error.code == .supervisorLost)
            #expect(error.message.contains("did not answer within 1.0 seconds"))
        }
        #expect(ContinuousClock.now - start < Self.soon)
        #expect(try await backend.supervisorPID() != supervisor.pid)
        let error = await Self.error("write") { try await sandbox.write([1], to: "file") }
        #expect(error?.code == .supervisorLost)
        await sandbox.close()
        #expect(try await backend.run(Command("/bin/true")).outcome == .exited(code: 0))
        // The counts of the lost supervisor are kept: its sandbox, and that of the last run.
        #expect(backend.statistics.acquired >= 2 && backend.statistics.created >= 2)
        #expect(backend.poolDetails.acquireTimes.count >= 2)
        await backend.shutdown()
    }

    @Test func shutdownDoesNotWaitForWhatIsStopped() async throws {
        let before = (Holdings.descriptors(), Holdings.cgroups().count)
        try await Self.shutDownWhatIsStopped()
        try await Holdings.settle(descriptors: before.0, cgroups: before.1)
        #expect(Holdings.descriptors() <= before.0, "\(Holdings.descriptorList())")
        #expect(Holdings.cgroups().count == before.1)
    }

    private static func shutDownWhatIsStopped() async throws {
        let backend = backend(answer: .seconds(60), grace: .seconds(60))
        let sandbox = try await backend.acquire(SandboxOptions())
        let run = Task { try await sandbox.run(Command("/bin/sleep", ["20"])) }
        try await Task.sleep(for: .milliseconds(200))
        for role in Role.allCases {
            for process in processes(backend, role) { process.stop() }
        }
        let start = ContinuousClock.now
        await backend.shutdown()
        #expect(ContinuousClock.now - start < soon)
        let error = await error("run") { _ = try await run.value }
        #expect(error?.code == .shutDown)
        await sandbox.close()
    }

    @Test func boundsAreChecked() async throws {
        for backend in [Self.backend(answer: .zero), Self.backend(grace: .seconds(-1))] {
            let error = await Self.error("acquire") { _ = try await backend.acquire(SandboxOptions()) }
            #expect(error?.code == .invalidArgument)
        }
    }

    // MARK: At random times

    /// Everything that a caller does with a sandbox; no call may hang, and its only errors are the library's.
    private static func useSandbox(_ backend: LocalBackend) async throws {
        let limits = Limits(wallTime: .seconds(1))
        let sandbox = try await backend.acquire(SandboxOptions())
        do {
            try await sandbox.write(Array("echo 1; sleep 0.02; echo 2".utf8), to: "script")
            _ = try await sandbox.run(Command("/bin/sh", ["script"]), limits: limits)
            _ = try await sandbox.read("script", maxBytes: 100)
            let (_, count) = try await sandbox.run(Command("/bin/sh", ["script"]), limits: limits) {
                execution in
                var count = 0
                for try await chunk in execution.output { count += chunk.bytes.count }
                return count
            }
            _ = count
        } catch {
            await sandbox.close()
            throw error
        }
        await sandbox.close()
    }

    /// Expects an error that reports the loss of one of the library's processes.
    private static func check(_ error: any Error, _ context: String) {
        let codes: [SandboxError.Code] = [.watchdog, .supervisorLost, .setupFailed]
        #expect(codes.contains { $0 == (error as? SandboxError)?.code }, "\(context): \(error)")
    }

    private static func disturb(_ backend: LocalBackend, _ random: inout SeededGenerator) -> String {
        // The supervisor holds all sandboxes, so it is disturbed less often.
        let roles: [Role] = [.slot, .slot, .slot, .seat, .seat, .initial, .initial, .program, .supervisor]
        let role = roles.randomElement(using: &random)!
        guard let victim = processes(backend, role).randomElement(using: &random) else {
            return "no \(role)"
        }
        return victim.disturb(&random)
    }

    /// The number of rounds is `WATCHDOG_ROUNDS` of the environment; `make soak` sets 500.
    @Test func whateverIsStoppedKilledOrBlockedAtAnyTime() async throws {
        let before = (Holdings.descriptors(), Holdings.cgroups().count)
        let rounds = Int(ProcessInfo.processInfo.environment["WATCHDOG_ROUNDS"] ?? "") ?? 50
        var random = SeededGenerator(seed: 9)
        let backend = Self.backend(minimum: 1, maximum: 3)
        for round in 0..<rounds {
            let users = (0..<2).map { _ in Task { try await Self.useSandbox(backend) } }
            try await Task.sleep(for: .microseconds(Int64.random(in: 0...80_000, using: &random)))
            let what = Self.disturb(backend, &random)
            let start = ContinuousClock.now
            for user in users {
                do { try await user.value } catch { Self.check(error, "round \(round), \(what)") }
            }
            // Two questions, two runs and an acquire, each with a bound of 2 s at most.
            #expect(ContinuousClock.now - start < .seconds(30), "round \(round), \(what)")
            // At most as many sandboxes as the pool may hold can be damaged; then one works.
            var works = false
            for _ in 0..<5 where !works {
                do {
                    let result = try await backend.run(
                        Command("/bin/true"), limits: Limits(wallTime: .seconds(1)))
                    works = result.outcome == .exited(code: 0)
                } catch {
                    Self.check(error, "round \(round), \(what)")
                }
            }
            #expect(works, "round \(round), \(what)")
        }
        await backend.shutdown()
        try await Holdings.settle(descriptors: before.0, cgroups: before.1)
        #expect(Holdings.descriptors() <= before.0, "\(Holdings.descriptorList())")
        #expect(Holdings.cgroups().count == before.1)
        #expect(backend.statistics.inUse == 0)
    }
}
