/// Many callers on a small pool: every result is right, every caller gets turns, and nothing is left.

#if Docker
import Foundation
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite(.serialized, .timeLimit(.minutes(3))) struct LoadTests {
    private static let callers = 64

    /// Numbers the runs.
    private final class Counter: Sendable {
        private let value = Atomic<Int>(0)
        func next() -> Int { value.add(1, ordering: .relaxed).oldValue }
    }

    /// One caller's results.
    private struct Account: Sendable {
        var runs = 0
        var longestWait = Duration.zero
        var wrong: [String] = []
    }

    @Test(.timeLimit(.minutes(10)))
    func manyCallersOnASmallPool() async throws {
        let runs = isSoak ? 10_000 : 2_000
        try await DockerSubject.configured {
            $0.pool.minimum = 4
            $0.pool.maximum = 4
        }.with { subject in
            try await subject.backend.warm()
            let start = ContinuousClock.now
            let counter = Counter()
            let accounts = try await withThrowingTaskGroup(of: Account.self) { group in
                for _ in 0..<Self.callers {
                    group.addTask {
                        var account = Account()
                        while case let number = counter.next(), number < runs {
                            try await Self.run(number, subject.backend, &account)
                        }
                        return account
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let took = ContinuousClock.now - start

            #expect(accounts.flatMap(\.wrong) == [])
            #expect(accounts.map(\.runs).reduce(0, +) == runs)
            // Callers are served in order of arrival: all 64 have as many turns, and none waits much longer
            // than the others.
            let counts = accounts.map(\.runs).sorted()
            let median = Double(counts[counts.count / 2])
            let (fewest, most) = (Double(counts[0]), Double(counts[counts.count - 1]))
            #expect(most <= 1.25 * median && fewest >= 0.75 * median, "\(counts)")
            let waits = accounts.map { $0.longestWait.milliseconds }.sorted()
            let (usual, longest) = (waits[waits.count / 2], waits[waits.count - 1])
            #expect(longest <= 3 * usual, "\(waits)")

            try await subject.until("quiet") { $0.available == 4 && $0.total == 4 }
            let statistics = subject.backend.statistics
            // One more than the runs: the warming.
            #expect(statistics.acquired == runs + 1 && statistics.waiting == 0 && statistics.inUse == 0)
            #expect(statistics.created - statistics.destroyed == 4 && statistics.failures == 0)
            #expect(statistics.unfit == 0 && statistics.cancelled == 0)
            #expect(try await subject.containers().count == 4)
            let rate = Int(Double(runs) / (took / .seconds(1)))
            print("load: \(runs) runs, \(Self.callers) callers, 4 containers: \(rate) runs/s,")
            print("  turns \(fewest) to \(most), longest wait \(longest) ms, usual longest \(usual) ms,")
            print("  containers made \(statistics.created)")
        }
    }

    private static func run(
        _ number: Int, _ backend: DockerBackend, _ account: inout Account
    ) async throws {
        let start = ContinuousClock.now
        let sandbox = try await backend.acquire(SandboxOptions())
        let wait = ContinuousClock.now - start
        account.longestWait = max(account.longestWait, wait)
        let result = try await sandbox.run(
            Command("/bin/sh", ["-c", "echo \(number); echo error \(number) >&2; exit \(number % 251)"]))
        await sandbox.close()
        account.runs += 1
        if result.outcome != .exited(code: Int32(number % 251)) || result.stdoutText != "\(number)\n"
            || result.stderrText != "error \(number)\n" || result.stdoutTruncated
            || result.stderrTruncated
        {
            account.wrong.append("\(number): \(result.outcome) \(result.stdoutText) \(result.stderrText)")
        }
    }

    // MARK: Programs that die at once

    private enum Death: String, CaseIterable {
        case division, exit, kill

        var outcome: Outcome {
            switch self {
            case .division: .signaled(signal: SIGFPE)
            case .exit: .exited(code: 1)
            case .kill: .signaled(signal: SIGKILL)
            }
        }
    }

    /// Writes a line of the given length to each stream, and dies with the next instruction.
    private static let mayfly = """
        #include <signal.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        static char out[70000], err[70000];
        int main(int argc, char **argv) {
            size_t size = strtoul(argv[2], nullptr, 10);
            memset(out, 'o', size);
            memset(err, 'e', size);
            if (write(1, out, size) < 0 || write(2, err, size) < 0) return 99;
            if (argv[1][0] == 'k') kill(getpid(), SIGKILL);
            if (argv[1][0] == 'e') _exit(1);
            volatile int zero = 0;
            volatile int one = 1 / zero;
            raise(SIGFPE);
        }
        """

    @Test(.timeLimit(.minutes(10)))
    func fastFailuresLoseNothing() async throws {
        let runs = isSoak ? 10_000 : 1_000
        let workers = 4
        try await DockerSubject.configured { $0.pool.maximum = 4 }.with { subject in
            let program = try await Self.compile(Self.mayfly, subject.backend)
            let start = ContinuousClock.now
            let wrong = try await withThrowingTaskGroup(of: [String].self) { group in
                for worker in 0..<workers {
                    group.addTask {
                        try await subject.backend.withSandbox { sandbox in
                            try await sandbox.write(program, to: "mayfly", executable: true)
                            var wrong: [String] = []
                            for number in stride(from: worker, to: runs, by: workers) {
                                let death = Death.allCases[number % 3]
                                // One byte, more than a frame, and a full pipe.
                                let size = [1, 5_000, 65_536][number / 3 % 3]
                                let result = try await sandbox.run(
                                    Command("./mayfly", [death.rawValue, "\(size)"]))
                                if result.outcome != death.outcome
                                    || result.stdout != [UInt8](repeating: UInt8(ascii: "o"), count: size)
                                    || result.stderr != [UInt8](repeating: UInt8(ascii: "e"), count: size)
                                {
                                    wrong.append(
                                        "\(number), \(death), \(size): \(result.outcome), \(result.stdout.count) and \(result.stderr.count) bytes"
                                    )
                                }
                            }
                            return wrong
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(wrong == [])
            print("fast failures: \(runs) in \((ContinuousClock.now - start) / .seconds(1)) s")
        }
    }

    static func compile(_ source: String, _ backend: any SandboxBackend) async throws -> [UInt8] {
        try await backend.withSandbox { sandbox in
            try await sandbox.write(source, to: "main.cpp")
            let built = try await sandbox.run(
                Command("g++", ["-O1", "main.cpp", "-o", "main"]), limits: .compile)
            try #require(built.outcome.isSuccess, "\(built.stderrText)")
            return try await sandbox.read("main", maxBytes: 8 << 20)
        }
    }

    // MARK: Warm containers

    @Test(.timeLimit(.minutes(2)))
    func aWarmContainerIsThereAtOnce() async throws {
        try await DockerSubject.configured {
            $0.pool.minimum = 2
            $0.pool.maxUses = 1_000
        }.with { subject in
            try await subject.backend.warm()
            for _ in 0..<100 {
                try await subject.until("ready") { $0.available > 0 }
                await (try subject.backend.acquire(SandboxOptions())).close()
            }
            let times = subject.backend.poolDetails.acquireTimes
            let (median, most) = (try #require(times.quantile(0.5)), try #require(times.quantile(0.9)))
            print(
                "acquire of a warm container: p50 \(median.milliseconds) ms, p90 \(most.milliseconds) ms")
            // Some 10 µs on a quiet machine; creating one takes 60 ms.
            #expect(times.count == 101 && median < .milliseconds(1))
        }
    }
}
#endif
