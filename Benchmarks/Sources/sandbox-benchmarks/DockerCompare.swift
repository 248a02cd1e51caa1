/// Compares the Docker backend's warm pool with a bare posix_spawn, the local backend and `docker exec`, all
/// interleaved.

import Glibc
import Sandbox
import SandboxDocker

enum DockerCompare {
    private struct Series {
        var bare = Samples()
        var local = Samples()
        var localRun = Samples()
        var docker: [DockerSample] = []
        var held = Samples()
        var exec = Samples()

        func docker(_ part: (DockerSample) -> Duration) -> Samples {
            var samples = Samples()
            for sample in docker { samples.add(part(sample)) }
            return samples
        }
    }

    /// The alternatives that are compared.
    private struct Ways {
        let program: Program
        let bare: Arguments
        let local: LocalBackend
        let docker: DockerBackend
        /// A sandbox that serves one run after another.
        let held: any SandboxLease
        let engine: PlainEngine
        let container: String
    }

    static func perform() async throws {
        Machine.printFacts("The Docker backend: a static program that returns 0")
        let bench = try DockerBench()
        print("engine: \(try await DockerBackend.probe(bench.configuration))\n")
        let local = LocalBackend()
        let docker = try DockerBackend(configuration: bench.configuration)
        let engine = try bench.engine
        let container = try engine.start(bench.image, ["/program", "wait"])
        do {
            try await local.warmUp(bench.program)
            let held = try await docker.acquire(bench.options)
            Machine.printIsolation(held.isolation)
            let ways = Ways(
                program: bench.program, bare: Arguments([bench.program.path]), local: local, docker: docker,
                held: held, engine: engine, container: container)
            var scratch = Series()
            for _ in 0..<20 { for turn in 0..<5 { try await take(turn, ways, bench, &scratch) } }
            for pace in Pace.allCases { try await measure(pace, ways, bench) }
            await held.close()
            try await bench.runsInOneSandbox(local, docker)
            try await bench.creation()
            await docker.shutdown()
            try await bench.throughput(local)
        } catch {
            await docker.shutdown()
            await local.shutdown()
            engine.remove(container: container)
            throw error
        }
        await local.shutdown()
        engine.remove(container: container)
    }

    private static func measure(_ pace: Pace, _ ways: Ways, _ bench: DockerBench) async throws {
        let count = Settings.count(pace == .backToBack ? 1000 : 300)
        var series = Series()
        for round in 0..<count {
            for turn in 0..<5 {
                pace.pause()
                try await take((round + turn) % 5, ways, bench, &series)
            }
        }
        report(series, pace, count)
        var wipes = Samples()
        for _ in 0..<count / 5 {
            pace.pause()
            _ = try await DockerSample.take(ways.docker, bench)
            wipes.add(try await bench.wipe(ways.docker))
        }
        table(series, wipes, pace).print()
        let cycle = series.docker(\.cycle)
        let (share, times) = (series.exec.medianRatio(to: cycle), cycle.medianRatio(to: series.local))
        print("1/\(share.text(1)) of `docker exec`, \(times.text(2)) times the local backend\n")
        if Settings.flag("CHECK"), share < 40 || times > 2 {
            throw BenchmarkError("bounds are 1/40 of `docker exec` and 2 times the local backend")
        }
    }

    private static func take(
        _ turn: Int, _ ways: Ways, _ bench: DockerBench, _ series: inout Series
    ) async throws {
        switch turn {
        case 0: series.bare.add(try ways.bare.timedSpawn())
        case 1:
            let sample = try await SandboxSample.take(ways.local, ways.program)
            series.local.add(sample.withoutWrite)
            series.localRun.add(sample.run)
        case 2: series.docker.append(try await DockerSample.take(ways.docker, bench))
        case 3:
            let start = ContinuousClock.now
            let result = try await ways.held.run(DockerSample.command)
            series.held.add(ContinuousClock.now - start)
            try SandboxSample.check(result)
        default:
            var code = -1
            series.exec.add(try time { code = try ways.engine.exec(ways.container, ["/program"]) })
            guard code == 0 else { throw BenchmarkError("`docker exec` ended with \(code)") }
        }
    }

    private static func report(_ series: Series, _ pace: Pace, _ count: Int) {
        print("### \(pace.name), \(count) rounds\n")
        let cycle = series.docker(\.cycle)
        var table = Table("what", "median", "p99", "× spawn", "× local", "× docker exec")
        func add(_ name: String, _ samples: Samples) {
            table.add(
                name, samples.median.text(3), samples.p99.text(3),
                samples.medianRatio(to: series.bare).text(2),
                samples.medianRatio(to: series.local).text(2), samples.medianRatio(to: series.exec).text(4))
        }
        add("posix_spawn + waitpid", series.bare)
        add("local backend: acquire + run + close", series.local)
        add("local backend: run alone", series.localRun)
        add("Docker backend: acquire + run + close", cycle)
        add("Docker backend: run alone, in a held sandbox", series.held)
        add("`docker exec` through the API", series.exec)
        table.print()
    }

    private static func table(_ series: Series, _ wipes: Samples, _ pace: Pace) -> Table {
        var table = Table("Docker backend, \(pace.name)", "median", "p99")
        func add(_ name: String, _ samples: Samples) {
            table.add(name, samples.median.text(3), samples.p99.text(3))
        }
        add("acquire", series.docker(\.acquire))
        add("run: the call", series.docker(\.run))
        add("run: the result's wall time", series.docker(\.wall))
        add("run: the call less the wall time", series.docker { $0.run - $0.wall })
        add("close", series.docker(\.close))
        add("in the background: the wipe, until the container is ready again", wipes)
        return table
    }
}

/// One timed use of a container.
struct DockerSample {
    var acquire, run, close, wall: Duration

    var cycle: Duration { acquire + run + close }

    static let command = Command("/program")

    static func take(_ backend: DockerBackend, _ bench: DockerBench) async throws -> DockerSample {
        let clock = ContinuousClock()
        let start = clock.now
        let sandbox = try await backend.acquire(bench.options)
        let acquired = clock.now
        let result = try await sandbox.run(command)
        let ended = clock.now
        await sandbox.close()
        let closed = clock.now
        try SandboxSample.check(result)
        return DockerSample(
            acquire: acquired - start, run: ended - acquired, close: closed - ended,
            wall: result.usage.wallTime)
    }
}
