/// Tests that the fake answers as its script says, and is closed, busy and cancelled like any backend.
import Sandbox
import SandboxTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct FakeBackendTests {
    /// Time that advances only when a task sleeps.
    final class TestClock: Clock {
        typealias Instant = ContinuousClock.Instant
        private let offset = Mutex(Duration.zero)
        private let start = ContinuousClock.now
        var slept: Duration { offset.withLock { $0 } }
        var now: Instant { start + slept }
        var minimumResolution: Duration { .zero }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws {
            try Task.checkCancellation()
            offset.withLock { $0 = max($0, deadline - start) }
        }
    }

    /// An answer that takes longer than any test.
    static let endless = FakeBackend.Answer(stdout: "ready\n", delay: .seconds(3600))
    static let patient = Limits(wallTime: .seconds(7200))

    @Test func queuesBeforeTheClosure() async throws {
        let backend = FakeBackend { run in .init(stdout: run.command.executable.text) }
        backend.enqueue(.init(stdout: "first"), .init(.exited(code: 2)))
        backend.enqueue(.init(stdout: "of its own"), for: "g++")
        backend.enqueue(failure: SandboxError(.hostOutOfMemory, message: "scripted"), for: "g++")
        expect(try await backend.run(Command("g++")), exited: 0, stdout: "of its own")
        expect(try await backend.run(Command("a")), exited: 0, stdout: "first")
        #expect(backend.unusedAnswers == 2)
        let error = await expectError(.hostOutOfMemory) { try await backend.run(Command("g++")) }
        #expect(error?.provenance?.kind == .fake && error?.provenance?.sandbox == "3")
        expect(try await backend.run(Command("g++")), exited: 2)
        expect(try await backend.run(Command("b")), exited: 0, stdout: "b")
        #expect(backend.unusedAnswers == 0 && backend.openSandboxes == 0)
        #expect(backend.runs.map(\.command.executable) == ["g++", "a", "g++", "g++", "b"])
    }

    @Test func keepsWhatItWasAsked() async throws {
        let backend = FakeBackend()
        var options = SandboxOptions(rootfs: .writable)
        options.language = "cpp"
        try await backend.withSandbox(options) { sandbox in
            try await sandbox.write("one", to: "/work/a/../b", executable: true)
            let command = Command("./b", ["x"], inputFiles: [InputFile("in", [1, 2])])
            _ = try await sandbox.run(command, stdin: .bytes([7]), limits: Self.patient)
            #expect(try await sandbox.readFile("in", maxBytes: 2) == OutputFile([1, 2]))
        }
        #expect(backend.acquisitions == [options])
        let run = try #require(backend.runs.first)
        #expect(run.sandbox == 1 && run.command.arguments == ["x"] && run.limits == Self.patient)
        #expect(
            run.files == ["b": OutputFile(Array("one".utf8), executable: true), "in": OutputFile([1, 2])])
        guard case .bytes([7]) = run.stdin else {
            Issue.record("stdin is \(run.stdin)")
            return
        }
    }

    @Test func filesLikeAnyBackends() async throws {
        let backend = FakeBackend { _ in .init(files: ["left": OutputFile([1, 2, 3])]) }
        try await backend.withSandbox { sandbox in
            await expectError(.fileNotFound) { try await sandbox.read("left", maxBytes: 9) }
            _ = try await sandbox.run(Command("p"))
            #expect(try await sandbox.read("left", maxBytes: 3) == [1, 2, 3])
            await expectError(.fileTooLarge) { try await sandbox.read("left", maxBytes: 2) }
            await expectError(.invalidArgument) { try await sandbox.read("left", maxBytes: -1) }
            await expectError(.invalidPath) { try await sandbox.write("x", to: "../x") }
            await expectError(.invalidArgument) { try await sandbox.run(Command("")) }
            await expectError(.invalidLimit) {
                try await sandbox.run(Command("p"), limits: Limits(memory: 0))
            }
        }
        #expect(backend.runs.count == 1, "what was refused is no run")
    }

    @Test func delaysTakeTheTestsTime() async throws {
        let clock = TestClock()
        let backend = FakeBackend(clock: clock) { _ in .init(stdout: "late", delay: .seconds(5)) }
        let start = ContinuousClock.now
        let result = try await backend.run(Command("p"), limits: Limits(wallTime: .seconds(6)))
        expect(result, exited: 0, stdout: "late")
        #expect(result.usage.wallTime == .seconds(5) && clock.slept == .seconds(5))
        let cut = try await backend.run(Command("p"), limits: Limits(wallTime: .seconds(4)))
        expect(cut, limitExceeded: .wallTime, stdout: "")
        #expect(cut.usage.wallTime == .seconds(4))
        #expect(ContinuousClock.now - start < .seconds(60), "nobody waited for a real clock of an hour")
    }

    @Test func outputIsBounded() async throws {
        let backend = FakeBackend { _ in .init(stdout: "12345", stderr: "123") }
        let whole = try await backend.run(Command("p"), limits: Limits(output: 5))
        expect(whole, exited: 0, stdout: "12345", stderr: "123")
        #expect(!whole.stdoutTruncated && !whole.stderrTruncated)
        let cut = try await backend.run(Command("p"), limits: Limits(output: 4))
        expect(cut, limitExceeded: .output, stdout: "1234", stderr: "")
        #expect(cut.stdoutTruncated && !cut.stderrTruncated)
    }

    @Test func streams() async throws {
        var answer = FakeBackend.Answer(.exited(code: 1), stdout: "a", stderr: "b")
        answer.steps.append(.output(.init(stream: .stdout, bytes: Array("c".utf8))))
        let backend = FakeBackend { [answer] _ in answer }
        try await backend.withSandbox { sandbox in
            let (result, chunks) = try await sandbox.run(Command("p")) { execution in
                await execution.output.reduce(into: []) {
                    $0.append(String(decoding: $1.bytes, as: UTF8.self))
                }
            }
            expect(result, exited: 1, stdout: "", stderr: "")
            #expect(chunks == ["a", "b", "c"])
            expect(try await sandbox.run(Command("p")) { _ in }.result, exited: 1)
            struct Stop: Error {}
            await #expect(throws: Stop.self) { try await sandbox.run(Command("p")) { _ in throw Stop() } }
            #expect(backend.runs.allSatisfy { $0.isStreaming })
        }
        backend.enqueue(failure: SandboxError(.executableNotFound, message: "scripted"))
        try await backend.withSandbox { sandbox in
            _ = await expectError(.executableNotFound) {
                try await sandbox.run(Command("p")) { _ in Issue.record("the body was called") }
            }
        }
    }

    @Test func busyCancelledAndClosed() async throws {
        let backend = FakeBackend { _ in Self.endless }
        let sandbox = try await backend.acquire(SandboxOptions())
        let first = Task { try await sandbox.run(Command("p"), limits: Self.patient) }
        while backend.runs.isEmpty { await Task.yield() }
        await expectError(.sandboxBusy) { try await sandbox.run(Command("p")) }
        first.cancel()
        await expectError(.cancelled) { try await first.value }
        let second = Task { try await sandbox.run(Command("p"), limits: Self.patient) }
        while backend.runs.count < 2 { await Task.yield() }
        await sandbox.close()
        await expectError(.sandboxClosed) { try await second.value }
        await sandbox.close()
        await expectError(.sandboxClosed) { try await sandbox.run(Command("p")) }
        await expectError(.sandboxClosed) { try await sandbox.write("x", to: "x") }
        await expectError(.sandboxClosed) { try await sandbox.read("x", maxBytes: 1) }
        #expect(backend.openSandboxes == 0)
    }

    @Test func aScriptThatWaitsIsEndedToo() async throws {
        let backend = FakeBackend { _ in
            try await Task.sleep(for: .seconds(3600))
            return .init()
        }
        let sandbox = try await backend.acquire(SandboxOptions())
        let run = Task { try await sandbox.run(Command("p")) { _ in } }
        while backend.runs.isEmpty { await Task.yield() }
        await sandbox.close()
        await expectError(.sandboxClosed) { try await run.value }
    }

    @Test func callersWaitInTheirOrder() async throws {
        let backend = FakeBackend(maximum: 1)
        let first = try await backend.acquire(SandboxOptions())
        let order = Mutex<[Int]>([])
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<3 {
            tasks.append(
                Task { @Sendable in
                    try await backend.withSandbox { _ in order.withLock { order in order.append(number) } }
                })
            while backend.statistics.waiting <= number { await Task.yield() }
        }
        tasks[1].cancel()
        await expectError(.cancelled) { try await tasks[1].value }
        #expect(backend.statistics.inUse == 1 && backend.statistics.waiting == 2)
        await first.close()
        try await tasks[0].value
        try await tasks[2].value
        #expect(order.withLock { $0 } == [0, 2])
        let statistics = backend.statistics
        #expect(statistics.inUse == 0 && statistics.acquired == 3 && statistics.cancelled == 1)
    }

    @Test func shutdownEndsEverything() async throws {
        let backend = FakeBackend(maximum: 1) { _ in Self.endless }
        let sandbox = try await backend.acquire(SandboxOptions())
        let run = Task { try await sandbox.run(Command("p"), limits: Self.patient) }
        let waiter = Task { try await backend.acquire(SandboxOptions()) }
        while backend.runs.isEmpty || backend.statistics.waiting == 0 { await Task.yield() }
        await backend.shutdown()
        await expectError(.shutDown) { try await run.value }
        await expectError(.shutDown) { try await waiter.value }
        await expectError(.shutDown) { try await backend.acquire(SandboxOptions()) }
        await expectError(.shutDown) { try await sandbox.run(Command("p")) }
    }

    @Test func refusesWhatItsCapabilitiesLack() async throws {
        var capabilities = BackendCapabilities.fake
        capabilities.level = .minimal
        capabilities.rootfsModes = [.readOnly]
        let backend = FakeBackend(
            capabilities: capabilities,
            before: { operation in
                if case .read("bad", _) = operation { throw SandboxError(.fileAccess, message: "scripted") }
            })
        await expectError(.isolationUnavailable) { try await backend.acquire(SandboxOptions()) }
        await expectError(.writableRootfsUnavailable) {
            try await backend.acquire(SandboxOptions(rootfs: .writable, isolation: .minimal))
        }
        try await backend.withSandbox(SandboxOptions(isolation: .minimal)) { sandbox in
            #expect(sandbox.isolation.level == .minimal)
            await expectError(.fileAccess) { try await sandbox.read("bad", maxBytes: 1) }
        }
    }
}
