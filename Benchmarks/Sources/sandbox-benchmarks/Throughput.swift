/// Runs per second with 1, 2 and 4 concurrent callers, next to a bare posix_spawn.

import Runners
import Sandbox

enum Throughput {
    private static let callers = [1, 2, 4]
    /// The duration of one measurement; each is made once per round, and the median of the rounds is reported.
    private static let span = Duration.seconds(1)

    private struct Way {
        let name: String
        let rate: (Int) async throws -> Double
        var rates: [Int: Samples] = [:]
    }

    static func perform() async throws {
        Machine.printFacts("Runs per second")
        let program = try Program()
        let backend = LocalBackend()
        let rounds = Settings.count(3, "ROUNDS")
        do {
            try await backend.warmUp(program)
            var ways = ways(backend, program)
            if let only = Settings.text("ONLY") {
                ways.removeAll { !$0.name.contains(only) }
            }
            for _ in 0..<rounds {
                for index in ways.indices {
                    for callers in callers {
                        await backend.settle()
                        let rate = try await ways[index].rate(callers)
                        ways[index].rates[callers, default: Samples()].add(rate: rate)
                    }
                }
            }
            report(ways, rounds)
        } catch {
            await backend.shutdown()
            throw error
        }
        await backend.shutdown()
    }

    private static func ways(_ backend: LocalBackend, _ program: Program) -> [Way] {
        let python = ["/usr/bin/python3", "-c", "print(42)"]
        let snake = Command(python[0], Array(python.dropFirst()))
        let built = BuiltProgram.built(program)
        return [
            Way(name: "static program, posix_spawn") {
                try Arguments([program.path]).rate(threads: $0, for: span)
            },
            Way(name: "static program, built once, a sandbox for each run") {
                try await rate(callers: $0) { try await BuiltProgram.once(built, RunRequest(), backend) }
            },
            Way(name: "static program, a sandbox for each run, write included") {
                try await rate(callers: $0) { _ = try await SandboxSample.take(backend, program) }
            },
            Way(name: "static program, a sandbox for each caller") {
                try await rateInOneSandbox(
                    callers: $0, backend, SandboxOptions(), SandboxSample.command
                ) { try await $0.write(program.bytes, to: "program", executable: true) }
            },
            Way(name: "`python3 -c 'print(42)'`, posix_spawn") {
                try Arguments(python).rate(threads: $0, for: span)
            },
            Way(name: "`python3 -c 'print(42)'`, a sandbox for each run") {
                try await rate(callers: $0) { try SandboxSample.check(try await backend.run(snake)) }
            },
        ]
    }

    static func rate(
        callers: Int, _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let runs = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var runs = 0
                    while clock.now - start < span {
                        try await body()
                        runs += 1
                    }
                    return runs
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(runs) / ((clock.now - start) / .seconds(1))
    }

    static func rateInOneSandbox(
        callers: Int, _ backend: some SandboxBackend, _ options: SandboxOptions, _ command: Command,
        prepare: @escaping @Sendable (any SandboxLease) async throws -> Void = { _ in }
    ) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let runs = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    try await backend.withSandbox(options) { sandbox in
                        try await prepare(sandbox)
                        var runs = 0
                        while clock.now - start < span {
                            try SandboxSample.check(try await sandbox.run(command))
                            runs += 1
                        }
                        return runs
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(runs) / ((clock.now - start) / .seconds(1))
    }

    private static func report(_ ways: [Way], _ rounds: Int) {
        print("### median of \(rounds) rounds of \(span)\n")
        var table = Table("what", "1 caller", "2 callers", "4 callers")
        for way in ways {
            let cells = callers.map { way.rates[$0]!.median.text(0) }
            table.add(way.name, cells[0], cells[1], cells[2])
        }
        table.print()
    }
}
