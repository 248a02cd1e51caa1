/// Batches of tests and checker programs in containers.

#if Docker && Judge
import Runners
import Sandbox
import SandboxJudge
import TestSupport
import Testing

@testable import SandboxDocker

@Suite(.serialized, .timeLimit(.minutes(5))) struct BatchTests {
    /// Wall time that a busy machine does not use up before the limit which a test is about.
    private static let limits = Limits(
        wallTime: .seconds(120), cpuTime: .milliseconds(500), memory: 64 << 20, output: 64 << 10)

    private static func build(_ source: String, _ subject: DockerSubject) async throws -> Program {
        let built = try await CppRunner(flags: ["-O1"]).build(source, on: subject.backend)
        return try #require(built.program, "\(built.compile?.stderrText ?? "")")
    }

    @Test("C++: each verdict, two at a time") func verdicts() async throws {
        try await DockerSubject.with { subject in
            let program = try await Self.build(BatchVictim.source, subject)
            let judge = Judge(program, on: subject.backend, limits: Self.limits, jobs: 2)
            let tests = BatchVictim.verdicts.map { word, verdict in
                var test = TestCase(word, input: .string(word + "\n"), answer: .string("42\n"))
                if verdict == Verdict.idle.rawValue {
                    test.limits = Self.limits
                    test.limits?.wallTime = .seconds(2)
                }
                return test
            }
            var results: [String: TestResult] = [:]
            for try await result in judge.judge(tests) { results[result.name] = result }
            for (word, verdict) in BatchVictim.verdicts {
                let result = try #require(results[word])
                #expect(result.verdict.rawValue == verdict, "\(word): \(String(describing: result.run))")
                #expect(result.run?.provenance.kind == .docker)
            }
        }
    }

    @Test("A checker program: its answer, its words, and its failure, which is a judge error")
    func checker() async throws {
        let source = """
            #include <cstdio>
            #include <cstdlib>
            #include <fstream>
            int main(int argc, char **argv) {
                long limit, sum = 0, wanted, number;
                std::ifstream input(argv[1]), output(argv[2]), answer(argv[3]);
                input >> limit;
                answer >> wanted;
                while (output >> number) sum += number;
                if (sum < 0) abort();
                fprintf(stderr, "sum %ld of at most %ld", sum, limit);
                return sum == wanted ? 0 : 1;
            }
            """
        try await DockerSubject.with { subject in
            // Without the first word, which is the limit.
            let echo = try await Self.build(
                """
                #include <iostream>
                int main() { int limit; std::cin >> limit >> std::ws; std::cout << std::cin.rdbuf(); }
                """, subject)
            let checker = TestlibChecker(try await Self.build(source, subject))
            let judge = Judge(echo, on: subject.backend, checker: checker, jobs: 2)
            let verdicts = [("40 2", "AC"), ("40 3", "WA"), ("-1", "JE")]
            let tests = verdicts.map {
                TestCase($0.0, input: .string("100 " + $0.0), answer: .string("42"))
            }
            var results: [String: TestResult] = [:]
            for try await result in judge.judge(tests) { results[result.name] = result }
            for (name, verdict) in verdicts { #expect(results[name]?.verdict.rawValue == verdict, "\(name)") }
            #expect(results["40 3"]?.message == "sum 43 of at most 100")
        }
    }

    @Test("Cancelled in the middle: no container is in use") func cancellation() async throws {
        try await DockerSubject.with { subject in
            let program = try await Self.build(BatchVictim.source, subject)
            let judge = Judge(program, on: subject.backend, limits: Self.limits, jobs: 2)
            let tests = (0..<100).map {
                TestCase("\($0)", input: .string($0 < 3 ? "21" : "idle"), answer: .string("42"))
            }
            let before = subject.backend.statistics.acquired
            let results = Task {
                for try await _ in judge.judge(tests) {}
            }
            // The three that end have ended, and two that wait are under way.
            while subject.backend.statistics.acquired < before + 5 {
                try await Task.sleep(for: .milliseconds(5))
            }
            results.cancel()
            let result = await results.result
            #expect(throws: SandboxError.self) { try result.get() }
            #expect(subject.backend.statistics.inUse == 0)
        }
    }
}
#endif
