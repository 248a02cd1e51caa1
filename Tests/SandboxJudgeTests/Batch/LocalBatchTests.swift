#if Judge
import Runners
import Sandbox
import SandboxTesting
import TestSupport
import Testing

@testable import SandboxJudge

@Suite("Batches in real sandboxes", .serialized)
struct LocalBatchTests {
    /// Wall time that a busy machine does not use up before the limit which a test is about.
    static let limits = Limits(
        wallTime: .seconds(60), cpuTime: .milliseconds(500), memory: 64 << 20, output: 64 << 10)

    private func build(_ source: String, on backend: some SandboxBackend) async throws -> Program {
        let built = try await CppRunner(flags: ["-O1"]).build(source, on: backend)
        return try #require(built.program, "\(built.compile?.stderrText ?? "")")
    }

    @Test("C++: each verdict, three at a time")
    func verdicts() async throws {
        try await withLocalBackend { backend in
            let judge = Judge(
                try await build(BatchVictim.source, on: backend), on: backend, limits: Self.limits, jobs: 3)
            let tests = BatchVictim.verdicts.map { word, verdict in
                var test = TestCase(word, input: .string(word + "\n"), answer: .string("42\n"))
                if verdict == Verdict.idle.rawValue {
                    test.limits = Self.limits
                    test.limits?.wallTime = .seconds(1)
                }
                return test
            }
            var verdicts: [String: Verdict] = [:]
            let summary = try await judge.summary(of: tests) { result in
                verdicts[result.name] = result.verdict
                #expect(result.run != nil)
                #expect((result.check != nil) == ["21", "22", "021"].contains(result.name))
            }
            for (name, verdict) in BatchVictim.verdicts {
                #expect(verdicts[name]?.rawValue == verdict, "\(name)")
            }
            #expect(summary.verdict == .wrongAnswer)
            #expect(summary.maxCPUTime >= .milliseconds(500))
        }
    }

    @Test("Python: right, wrong, an exception, and factors that give it more time")
    func python() async throws {
        let source = """
            import sys, time
            word = sys.stdin.read().strip()
            if word == "busy":
                end = time.process_time() + 0.4
                while time.process_time() < end: pass
                word = "21"
            print(2 * int(word))
            """
        try await withLocalBackend { backend in
            let program = try #require(try await PythonRunner().build(source, on: backend).program)
            var judge = Judge(
                program, on: backend,
                limits: Limits(wallTime: .seconds(60), cpuTime: .milliseconds(200)),
                limitFactors: LimitFactors(time: 2, timeOffset: .seconds(1)), jobs: 2)
            let tests = ["21", "22", "x", "busy"].map {
                TestCase($0, input: .string($0), answer: .string("42"))
            }
            var verdicts: [String: Verdict] = [:]
            for try await result in judge.judge(tests) { verdicts[result.name] = result.verdict }
            #expect(verdicts == ["21": .accepted, "22": .wrongAnswer, "x": .runtimeError, "busy": .accepted])
            judge.limitFactors = .none
            #expect(try await judge.summary(of: tests.suffix(1)).verdict == .timeLimitExceeded)
        }
    }

    @Test("1,000 tests of one problem: each result once, and nothing left")
    func thousand() async throws {
        try await withLocalBackend { backend in
            let judge = Judge(
                try await build(BatchVictim.source, on: backend), on: backend, limits: Self.limits, jobs: 2)
            let tests = (0..<1000).map {
                TestCase(
                    "secret/\($0)", input: .string("\($0)\n"), answer: .string("\($0 == 500 ? 0 : 2 * $0)\n"))
            }
            var seen: Set<Int> = []
            var summary = try await judge.summary(of: tests) { result in
                #expect(seen.insert(result.index).inserted)
                #expect(result.name == "secret/\(result.index)")
            }
            #expect(seen == Set(0..<1000))
            #expect((summary.tests, summary.accepted) == (1000, 999))
            #expect(summary.decisive?.name == "secret/500")
            // The same, stopped at the first failure: exactly those up to it, in order.
            var stopping = judge
            stopping.stopsAtFirstFailure = true
            var order: [Int] = []
            summary = try await stopping.summary(of: tests) { order.append($0.index) }
            #expect(order == Array(0...500))
            #expect(summary.verdict == .wrongAnswer)
        }
    }

    @Test("Cancelled in the middle: no sandbox, no process")
    func cancellation() async throws {
        try await withLocalBackend { backend in
            let judge = Judge(
                try await build(BatchVictim.source, on: backend), on: backend, limits: Self.limits, jobs: 2)
            let tests = (0..<1000).map {
                TestCase("\($0)", input: .string($0 < 5 ? "21" : "idle"), answer: .string("42"))
            }
            let results = Task { [judge] in
                var count = 0
                do {
                    for try await _ in judge.judge(tests) { count += 1 }
                    return (count, SandboxError.Code?.none)
                } catch { return (count, (error as? SandboxError)?.code) }
            }
            // The five that end have ended, and two that wait are under way.
            while backend.statistics.acquired < 8 { await Task.yield() }
            results.cancel()
            let (_, code) = await results.value
            #expect(code == .cancelled)
            #expect(backend.statistics.inUse == 0)
        }
    }
}
#endif
