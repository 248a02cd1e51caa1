/// Compares a sandboxed run with a bare posix_spawn and bubblewrap, all interleaved.

import Glibc
import Sandbox

enum Compare {
    private struct Series {
        var bare = Samples()
        var sandbox = Samples()
        var withWrite = Samples()
        var runAlone = Samples()
        var bubblewrap = Samples()
    }

    static func perform() async throws {
        Machine.printFacts("A static program that returns 0")
        let program = try Program()
        let bare = Arguments([program.path])
        let bubblewrap = try bubblewrap(program)
        let alone = try quiet(bare)
        let backend = LocalBackend()
        var worst = 0.0
        do {
            try await backend.warmUp(program)
            for pace in Pace.allCases {
                let count = Settings.count(pace == .backToBack ? 2000 : 300)
                var series = Series()
                for round in 0..<count {
                    for turn in 0..<3 {
                        pace.pause()
                        switch (round + turn) % 3 {
                        case 0: series.bare.add(try bare.timedSpawn())
                        case 1: try await sample(backend, program, &series)
                        default: if let bubblewrap { series.bubblewrap.add(try bubblewrap.timedSpawn()) }
                        }
                    }
                }
                report(series, pace, count, alone: pace == .backToBack ? alone : nil)
                worst = max(worst, series.sandbox.medianRatio(to: series.bare))
            }
        } catch {
            await backend.shutdown()
            throw error
        }
        await backend.shutdown()
        if Settings.flag("CHECK"), worst > 3 {
            throw BenchmarkError(
                "acquire + run + close took \(worst.text(2)) times a bare spawn; 3 is the bound")
        }
    }

    private static func sample(
        _ backend: LocalBackend, _ program: Program, _ series: inout Series
    ) async throws {
        let sample = try await SandboxSample.take(backend, program)
        series.sandbox.add(sample.withoutWrite)
        series.withWrite.add(sample.withWrite)
        series.runAlone.add(sample.run)
    }

    /// Bare spawns on a quiet machine: the interleaved ones share it with the pool's work.
    private static func quiet(_ bare: Arguments) throws -> Samples {
        var samples = Samples()
        for _ in 0..<Settings.count(2000) { samples.add(try bare.timedSpawn()) }
        return samples
    }

    /// bubblewrap's command, or `nil` with the reason printed.
    private static func bubblewrap(_ program: Program) throws -> Arguments? {
        let path = "/usr/bin/bwrap"
        let arguments = Arguments([
            path, "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink",
            "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind",
            program.path, "/program", "--die-with-parent", "/program",
        ])
        let reason: String
        if access(path, X_OK) != 0 {
            reason = "there is no \(path)"
        } else {
            let status = arguments.spawn()
            if status == 0 { return arguments }
            reason = "bwrap ended with \(status) here"
        }
        if Settings.flag("MUST_WORK") { throw BenchmarkError("no bubblewrap: \(reason)") }
        print("bubblewrap skipped: \(reason)\n")
        return nil
    }

    private static func report(_ series: Series, _ pace: Pace, _ count: Int, alone: Samples?) {
        print("### \(pace.name), \(count) rounds\n")
        var table = Table("what", "median", "p99", "median of ratios", "ratio of medians")
        func add(_ name: String, _ samples: Samples, isPaired: Bool = true) {
            table.add(
                name, samples.median.text(3), samples.p99.text(3),
                isPaired ? samples.medianRatio(to: series.bare).text(2) : "-",
                (samples.median / series.bare.median).text(2))
        }
        if let alone { add("posix_spawn + waitpid, before anything else ran", alone, isPaired: false) }
        add("posix_spawn + waitpid", series.bare)
        add("sandbox: acquire + run + close", series.sandbox)
        add("sandbox: acquire + write + run + close", series.withWrite)
        add("sandbox: run alone, in a fresh prepared sandbox", series.runAlone)
        if !series.bubblewrap.values.isEmpty { add("bubblewrap, all namespaces", series.bubblewrap) }
        table.print()
    }
}
