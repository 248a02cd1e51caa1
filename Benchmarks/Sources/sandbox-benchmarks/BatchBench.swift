/// Tests per second of one batch, next to bare processes that do the same.

import Glibc
import Runners
import Sandbox
import SandboxJudge

enum BatchBench {
    private static let workers = 2
    private static let input = Array("21\n".utf8)
    private static let answer = Array("42\n".utf8)
    private static let source = """
        #include <cstdio>
        int main() {
            int number;
            if (std::scanf("%d", &number) != 1) return 1;
            std::printf("%d\\n", 2 * number);
        }
        """

    static func perform() async throws {
        Machine.printFacts("A batch of tests of a trivial C++ program, \(workers) workers")
        let count = Settings.count(1000)
        let rounds = Settings.count(5, "ROUNDS")
        let backend = LocalBackend()
        do {
            guard
                let program = try await CppRunner(flags: ["-O2", "-static"]).build(source, on: backend)
                    .program
            else { throw BenchmarkError("the program does not compile") }
            let file = try executable(program.files[0].bytes)
            defer { unlink(file) }
            let bare = Arguments([file])
            let peer = try GoJudge.start(workers: workers)
            let cached = try peer?.upload(program.files[0].bytes)
            var batches = Samples()
            var spawns = Samples()
            var peers = Samples()
            for _ in 0..<rounds {
                await backend.settle()
                spawns.add(rate: try bare.judgedRate(input, answer, threads: workers, count: count))
                await backend.settle()
                batches.add(rate: try await judgedRate(program, on: backend, count))
                if let peer, let cached {
                    peers.add(
                        rate: try await peer.judgedRate(
                            cached, #"21\n"#, #"42\n"#, workers: workers, count: count))
                }
            }
            print("### \(count) tests, median of \(rounds) rounds\n")
            var table = Table("what", "tests/s", "of bare")
            table.add("posix_spawn, pipes and a comparison, \(workers) threads", spawns.median.text(0), "1")
            table.add(
                "`Judge`, \(workers) jobs, a sandbox for each test", batches.median.text(0),
                (batches.median / spawns.median).text(2))
            if !peers.values.isEmpty {
                table.add(
                    "go-judge, \(workers) workers, a request for each test", peers.median.text(0),
                    (peers.median / spawns.median).text(2))
            }
            table.print()
        } catch {
            await backend.shutdown()
            throw error
        }
        await backend.shutdown()
    }

    /// Writes the program into a file of its own, for the bare processes; returns its path.
    private static func executable(_ bytes: [UInt8]) throws -> String {
        var template = Array("/tmp/sandbox-benchmarks.XXXXXX".utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else { throw BenchmarkError("cannot make a file in /tmp") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let isWritten = write(file, bytes, bytes.count) == bytes.count && fchmod(file, 0o755) == 0
        close(file)
        guard isWritten else {
            unlink(path)
            throw BenchmarkError("cannot write \(path)")
        }
        return path
    }

    private static func judgedRate(
        _ program: Runners.Program, on backend: LocalBackend, _ count: Int
    ) async throws -> Double {
        let tests = (0..<count).map {
            TestCase("\($0)", input: .bytes(input), answer: .bytes(answer))
        }
        let judge = Judge(program, on: backend, jobs: workers)
        let clock = ContinuousClock()
        let start = clock.now
        let summary = try await judge.summary(of: tests)
        let time = clock.now - start
        guard summary.verdict == .accepted, summary.accepted == count else {
            throw BenchmarkError("the batch got \(summary.verdict): \(summary.decisive?.message ?? "")")
        }
        return Double(count) / (time / .seconds(1))
    }
}
