/// A Python program in an interpreter that starts for it, and in a warm one, against the bare interpreter.

import Glibc
import Runners
import Sandbox

enum PythonBench {
    /// The same program for the bare interpreter and for the runners.
    private struct Work {
        let name: String
        let source: String
        let modules: [String]
        /// The samples of one series; some of the programs take long.
        let count: Int

        var bare: Arguments { Arguments(["/usr/bin/python3", "-c", source]) }
    }

    private struct Series {
        var bare = Samples()
        var cold = Samples()
        var warm = Samples()
    }

    static func perform() async throws {
        Machine.printFacts("Python, cold and warm")
        var works = [Work(name: "`print(42)`", source: "print(42)", modules: [], count: 400)]
        if Arguments(["/usr/bin/python3", "-c", "import numpy"]).spawn() == 0 {
            works.append(
                Work(
                    name: "`import numpy; numpy.zeros(1)`", source: "import numpy; numpy.zeros(1)",
                    modules: ["numpy"], count: 60))
        } else if Settings.flag("MUST_WORK") {
            throw BenchmarkError("numpy is missing (Debian: python3-numpy)")
        }
        for work in works {
            let (coldBackend, warmBackend) = (LocalBackend(), LocalBackend())
            do {
                try await measure(work, coldBackend, warmBackend)
            } catch {
                await coldBackend.shutdown()
                await warmBackend.shutdown()
                throw error
            }
            await coldBackend.shutdown()
            await warmBackend.shutdown()
        }
    }

    private static func measure(_ work: Work, _ coldBackend: LocalBackend, _ warmBackend: LocalBackend)
        async throws
    {
        let cold = PythonRunner()
        let warm = try await cold.warm(importing: work.modules, on: warmBackend)
        if let reason = warm.coldReason { throw BenchmarkError("no warm interpreter: \(reason)") }
        let bare = work.bare
        for _ in 0..<20 {
            try await once(cold, work, coldBackend)
            try await once(warm, work, warmBackend)
        }
        for pace in Pace.allCases {
            let count = Settings.count(work.count)
            var series = Series()
            for round in 0..<count {
                for turn in 0..<3 {
                    pace.pause()
                    let clock = ContinuousClock()
                    switch (round + turn) % 3 {
                    case 0: series.bare.add(try bare.timedQuietSpawn())
                    case 1:
                        let start = clock.now
                        try await once(cold, work, coldBackend)
                        series.cold.add(clock.now - start)
                    default:
                        let start = clock.now
                        try await once(warm, work, warmBackend)
                        series.warm.add(clock.now - start)
                    }
                    await coldBackend.settle()
                    await warmBackend.settle()
                }
            }
            report(work, series, pace, count, warm.snapshotBytes)
        }
        try await rates(work, bare, cold, coldBackend, warm, warmBackend)
        try await crowd(work, bare, warm, warmBackend)
    }

    private static func once(
        _ runner: some LanguageRunner, _ work: Work, _ backend: LocalBackend
    ) async throws {
        let report = try await runner.run(work.source, on: backend)
        guard let result = report.result else { throw BenchmarkError("the program was not run") }
        if case .cold(let reason) = report.start { throw BenchmarkError("a run was cold: \(reason)") }
        try SandboxSample.check(result)
    }

    private static func report(_ work: Work, _ series: Series, _ pace: Pace, _ count: Int, _ bytes: Int) {
        print("### \(work.name), \(pace.name), \(count) rounds; the snapshot has \(bytes >> 10) KiB\n")
        var table = Table("what", "median", "p99", "× bare")
        func add(_ name: String, _ samples: Samples) {
            table.add(
                name, samples.median.text(3), samples.p99.text(3),
                samples.medianRatio(to: series.bare).text(3))
        }
        add("python3, posix_spawn", series.bare)
        add("sandbox: an interpreter of its own", series.cold)
        add("sandbox: a warm interpreter", series.warm)
        table.print()
    }

    /// Runs per second.
    private static func rates(
        _ work: Work, _ bare: Arguments, _ cold: PythonRunner, _ coldBackend: LocalBackend,
        _ warm: WarmPythonRunner, _ warmBackend: LocalBackend
    ) async throws {
        var rates: [[Samples]] = Array(repeating: Array(repeating: Samples(), count: 3), count: 3)
        let callers = [1, 2, 4]
        let rounds = Settings.count(3, "ROUNDS")
        for _ in 0..<rounds {
            for (column, callers) in callers.enumerated() {
                rates[0][column].add(rate: try bare.rate(threads: callers, for: .seconds(1)))
                rates[1][column].add(
                    rate: try await Throughput.rate(callers: callers) {
                        try await once(cold, work, coldBackend)
                    })
                await coldBackend.settle()
                rates[2][column].add(
                    rate: try await Throughput.rate(callers: callers) {
                        try await once(warm, work, warmBackend)
                    })
                await warmBackend.settle()
            }
        }
        print("### \(work.name), runs per second, median of \(rounds) rounds\n")
        var table = Table("what", "1 caller", "2 callers", "4 callers")
        for (name, row) in zip(["python3, posix_spawn", "sandbox: cold", "sandbox: warm"], rates) {
            table.add(name, row[0].median.text(0), row[1].median.text(0), row[2].median.text(0))
        }
        table.print()
    }

    /// 100 and 1,000 runs that are asked for at the same moment, as often as one bare run takes.
    private static func crowd(
        _ work: Work, _ bare: Arguments, _ warm: WarmPythonRunner, _ backend: LocalBackend
    ) async throws {
        var one = Samples()
        for _ in 0..<20 { one.add(try bare.timedQuietSpawn()) }
        for many in [100, 1000] {
            let clock = ContinuousClock()
            let start = clock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<many { group.addTask { try await once(warm, work, backend) } }
                try await group.waitForAll()
            }
            let milliseconds = (clock.now - start) / .milliseconds(1)
            print(
                "\(work.name): \(many) warm runs at once took \(milliseconds.text(0)) ms, "
                    + "\((milliseconds / one.median).text(1)) × one bare run\n")
            await backend.settle()
        }
    }
}
