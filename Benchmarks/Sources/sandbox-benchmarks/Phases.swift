/// The time of a run's phases: acquire, write, run, close, and the preparation of the next sandbox.

import Sandbox

enum Phases {
    static func perform() async throws {
        Machine.printFacts("Where the time goes")
        let program = try Program()
        let backend = LocalBackend()
        do {
            try await backend.warmUp(program)
            for pace in Pace.allCases {
                let count = Settings.count(pace == .backToBack ? 2000 : 300)
                try await measure(backend, program, pace, count)
            }
        } catch {
            await backend.shutdown()
            throw error
        }
        await backend.shutdown()
    }

    private static func measure(
        _ backend: LocalBackend, _ program: Program, _ pace: Pace, _ count: Int
    ) async throws {
        var samples: [SandboxSample] = []
        var refill = Samples()
        for _ in 0..<count {
            pace.pause()
            samples.append(try await SandboxSample.take(backend, program))
            let start = ContinuousClock.now
            await backend.settle()
            refill.add(ContinuousClock.now - start)
        }
        print("### \(pace.name), \(count) samples, each with a full pool\n")
        var table = Table("phase", "median", "p99")
        func add(_ name: String, _ phase: (SandboxSample) -> Duration) {
            var times = Samples()
            for sample in samples { times.add(phase(sample)) }
            table.add(name, times.median.text(3), times.p99.text(3))
        }
        add("acquire", \.acquire)
        add("write (\(program.bytes.count >> 10) KiB)", \.write)
        add("run: the call", \.run)
        add("run: the result's wall time", \.wall)
        add("run: the call less the wall time") { $0.run - $0.wall }
        add("close", \.close)
        add("acquire + run + close", \.withoutWrite)
        table.add("background work until the pool is full", refill.median.text(3), refill.p99.text(3))
        table.print()
    }
}
