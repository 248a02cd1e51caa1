#if Judge
import Runners
import SandboxTesting
import Synchronization
import TestSupport
import Testing

@testable import SandboxJudge

/// A program that a fake backend answers for.
let fakeProgram = Program(
    language: .cpp, files: [InputFile("main", Array("binary".utf8), executable: true)], executable: "./main",
    arguments: ["-x"], environment: ["KEY": "value"])

extension TestCase {
    /// A test whose program is to print the words of the answer.
    static func words(_ index: Int, _ answer: String = "yes") -> TestCase {
        TestCase("secret/\(index)", input: .string("\(index)"), answer: .string(answer))
    }
}

@Suite("Batches, scripted")
struct ScriptedBatchTests {
    /// Answers by the test's number, which is its stdin.
    private func backend(
        _ answer: @escaping @Sendable (Int) async throws -> FakeBackend.Answer
    ) -> FakeBackend {
        FakeBackend(answer: { run in
            guard case .bytes(let bytes) = run.stdin, let number = Int(String(decoding: bytes, as: UTF8.self))
            else { throw SandboxError(.internalError, message: "no number") }
            return try await answer(number)
        })
    }

    private func all(_ judge: Judge, _ tests: [TestCase]) async throws -> [TestResult] {
        var results: [TestResult] = []
        for try await result in judge.judge(tests) { results.append(result) }
        return results
    }

    @Test("A test gets its program, files, arguments, input and limits")
    func request() async throws {
        let backend = FakeBackend(answer: { _ in FakeBackend.Answer(stdout: "yes\n") })
        var test = TestCase.words(0)
        test.limits = Limits(wallTime: .seconds(3), cpuTime: .seconds(1))
        test.arguments = ["argument"]
        test.files = [InputFile("data.txt", [1])]
        var options = SandboxOptions()
        options.network = .loopback
        let judge = Judge(
            fakeProgram, on: backend, limitFactors: LimitFactors(time: 2), jobs: 1, options: options)
        let results = try await all(judge, [test, .words(1)])
        #expect(results.map(\.verdict) == [.accepted, .accepted])
        let run = try #require(backend.runs.first)
        #expect(run.command.executable == "./main")
        #expect(run.command.arguments == ["-x", "argument"])
        #expect(run.command.environment["KEY"] == "value")
        #expect(run.files["main"]?.executable == true)
        #expect(run.files["data.txt"]?.bytes == [1])
        #expect(backend.runs.map(\.limits.cpuTime) == [.seconds(2), .seconds(20)])
        #expect(backend.acquisitions.map(\.network) == [.loopback, .loopback])
        #expect(backend.acquisitions.map(\.language) == [.cpp, .cpp])
        #expect(backend.openSandboxes == 0)
    }

    @Test("Results come as tests end, with at most as many at a time as jobs")
    func concurrency() async throws {
        let running = Mutex((now: 0, most: 0))
        let backend = backend { _ in
            running.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            for _ in 0..<20 { await Task.yield() }
            running.withLock { $0.now -= 1 }
            return FakeBackend.Answer(stdout: "yes\n")
        }
        let results = try await all(Judge(fakeProgram, on: backend, jobs: 3), (0..<50).map { .words($0) })
        #expect(Set(results.map(\.name)).count == 50)
        #expect(results.allSatisfy { $0.name == "secret/\($0.index)" && $0.verdict == .accepted })
        #expect(running.withLock { $0.most } <= 3)
        #expect(backend.openSandboxes == 0)
    }

    @Test("A slow test does not hold back the results of later ones")
    func asTheyEnd() async throws {
        let gate = AsyncStream.makeStream(of: Void.self)
        let backend = backend { number in
            if number == 0 { for await _ in gate.stream { break } }
            return FakeBackend.Answer(stdout: "yes\n")
        }
        let judge = Judge(fakeProgram, on: backend, jobs: 2)
        var order: [Int] = []
        for try await result in judge.judge((0..<4).map { TestCase.words($0) }) {
            order.append(result.index)
            if order.count == 3 { gate.continuation.yield() }
        }
        #expect(order == [1, 2, 3, 0])
    }

    @Test("The first failure in the tests' order ends the batch, although a later one failed before")
    func firstFailure() async throws {
        let gate = AsyncStream.makeStream(of: Void.self)
        let backend = backend { number in
            switch number {
            case 2:
                // Ends when the later failure is known.
                for await _ in gate.stream { break }
                return FakeBackend.Answer(.exited(code: 1))
            case 3:
                return FakeBackend.Answer(.limitExceeded(.cpuTime))
            case 4...:
                return FakeBackend.Answer(stdout: "yes", delay: .seconds(15))
            default: return FakeBackend.Answer(stdout: "yes")
            }
        }
        let judge = Judge(fakeProgram, on: backend, jobs: 4, stopsAtFirstFailure: true) { progress in
            if progress.failed == 1 { gate.continuation.yield() }
        }
        var results: [TestResult] = []
        let summary = try await judge.summary(of: (0..<100).map { .words($0) }) { results.append($0) }
        #expect(results.map(\.index) == [0, 1, 2])
        #expect(results.map(\.verdict) == [.accepted, .accepted, .runtimeError])
        #expect(summary.verdict == .runtimeError)
        #expect(backend.runs.count < 10)
        #expect(backend.openSandboxes == 0)
    }

    @Test("Errors of the sandbox are judge errors, with their text; what the program's own file does is not")
    func sandboxErrors() async throws {
        let backend = backend { number in
            switch number {
            case 0: throw SandboxError(.supervisorLost, message: "it is gone")
            case 1: throw SandboxError(.executableNotRunnable, message: "\"./main\" cannot be executed")
            default: return FakeBackend.Answer(stdout: "yes")
            }
        }
        var results = try await all(
            Judge(fakeProgram, on: backend, jobs: 1), (0..<3).map { .words($0) })
        #expect(results.map(\.verdict) == [.judgeError, .compileError, .accepted])
        #expect(results[0].judgeError?.contains("it is gone") == true)
        #expect(results[1].programError?.contains("cannot be executed") == true)
        #expect(results[1].judgeError == nil)
        // An interpreter of the image is not the submission's.
        var interpreted = fakeProgram
        interpreted.executable = "python3"
        results = try await all(Judge(interpreted, on: backend, jobs: 1), [.words(1)])
        #expect(results.map(\.verdict) == [.judgeError])
    }

    @Test("A checker's failure is a judge error and keeps its words; a failed run is not checked")
    func checker() async throws {
        struct Failing: Checker {
            func check(
                _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
            ) async throws(SandboxError) -> CheckResult {
                if test.name == "secret/0" { throw SandboxError(.noSpace, message: "no room") }
                return CheckResult(.judgeError, message: "it crashed")
            }
        }
        let backend = backend { FakeBackend.Answer(.exited(code: $0 == 2 ? 1 : 0)) }
        let results = try await all(
            Judge(fakeProgram, on: backend, checker: Failing(), jobs: 1), (0..<3).map { .words($0) })
        #expect(results.map(\.verdict) == [.judgeError, .judgeError, .runtimeError])
        #expect(results[0].judgeError?.contains("no room") == true)
        #expect(results[1].judgeError == "it crashed")
        #expect(results[2].check == nil)
        #expect(results[0].run != nil)
    }

    @Test("A consumer that stops in the middle, and one that is cancelled, leave nothing")
    func cancellation() async throws {
        let backend = backend { number in
            FakeBackend.Answer(stdout: "yes", delay: number < 3 ? .zero : .seconds(15))
        }
        let judge = Judge(fakeProgram, on: backend, jobs: 4)
        let tests = (0..<1000).map { TestCase.words($0) }
        for try await _ in judge.judge(tests) { break }
        await backend.becomesEmpty()
        // With `summary` nothing is left when it returns.
        struct Enough: Error {}
        await #expect(throws: Enough.self) {
            try await judge.summary(of: tests) { _ in throw Enough() }
        }
        #expect(backend.openSandboxes == 0)
        let task = Task {
            await #expect(throws: SandboxError.self) { try await judge.summary(of: tests) }
            return backend.openSandboxes
        }
        while backend.openSandboxes < 4 { await Task.yield() }
        task.cancel()
        #expect(await task.value == 0)
        #expect(backend.runs.count < 100)
    }

    @Test("A slow consumer makes the batch wait")
    func backpressure() async throws {
        let backend = backend { _ in FakeBackend.Answer(stdout: "yes") }
        let judge = Judge(fakeProgram, on: backend, jobs: 2)
        var results = judge.judge((0..<500).map { TestCase.words($0) }).makeAsyncIterator()
        _ = try await results.next()
        // Two ready, two under way and one that is handed over.
        for _ in 0..<2000 { await Task.yield() }
        #expect(backend.runs.count <= 8)
        var count = 1
        while try await results.next() != nil { count += 1 }
        #expect(count == 500)
        #expect(try await results.next() == nil)
    }

    @Test("Two tests of one name, no jobs, and a test without an answer are told")
    func badArguments() async throws {
        let backend = backend { _ in FakeBackend.Answer(stdout: "yes") }
        await #expect {
            try await self.all(Judge(fakeProgram, on: backend, jobs: 1), [.words(1), .words(1)])
        } throws: { ($0 as? SandboxError)?.code == .invalidArgument && "\($0)".contains("secret/1") }
        await #expect {
            try await self.all(Judge(fakeProgram, on: backend, jobs: 0), [.words(1)])
        } throws: { ($0 as? SandboxError)?.code == .invalidArgument }
        let results = try await all(
            Judge(fakeProgram, on: backend), [TestCase("a", input: .string("1"))])
        #expect(results.map(\.verdict) == [.judgeError])
        #expect(results[0].judgeError?.contains("no answer") == true)
        #expect(try await all(Judge(fakeProgram, on: backend), []) == [])
    }

    @Test("Progress counts what runs, ended and failed")
    func progress() async throws {
        let seen = Mutex<[BatchProgress]>([])
        let backend = backend { FakeBackend.Answer(stdout: $0 == 1 ? "no" : "yes") }
        let judge = Judge(fakeProgram, on: backend, jobs: 1) { progress in
            seen.withLock { $0.append(progress) }
        }
        _ = try await judge.summary(of: (0..<3).map { .words($0) })
        let all = seen.withLock { $0 }
        #expect(all.map(\.running) == [1, 0, 1, 0, 1, 0])
        #expect(all.map(\.ended) == [0, 1, 1, 2, 2, 3])
        #expect(all.map(\.failed) == [0, 0, 0, 1, 1, 1])
        #expect(all.allSatisfy { $0.tests == 3 })
    }
}

extension FakeBackend {
    /// Waits until no sandbox is open; a test's time limit ends the wait.
    func becomesEmpty() async {
        while openSandboxes > 0 { await Task.yield() }
    }
}
#endif
