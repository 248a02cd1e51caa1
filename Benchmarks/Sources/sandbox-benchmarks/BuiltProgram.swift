/// Compares a run of a built program with one of a program of the image and with one that is written each time.

import Glibc
import Runners
import Sandbox
import SandboxDocker

enum BuiltProgram {
    private struct Series {
        var ofImage = Samples()
        var built = Samples()
        var written = Samples()
        var bare = Samples()
    }

    /// Three pools, one for each program, as that of a judge which gives one program its tests.
    private struct Pools {
        let name: String
        let ofImage, judging, writing: any SettlingBackend
        let options: SandboxOptions
        /// The program as one of the image.
        let command: Command

        var all: [any SettlingBackend] { [ofImage, judging, writing] }
    }

    static func perform() async throws {
        Machine.printFacts("A program that was built once")
        let program = try Program()
        var options = SandboxOptions()
        // The directory stands for the image's own: its files are shown through an overlay, too.
        options.bindMounts = [BindMount(ByteString(program.directory), at: "/image")]
        chmod(program.directory, 0o755)
        var worst = try await measure(
            Pools(
                name: "local backend", ofImage: LocalBackend(), judging: LocalBackend(),
                writing: LocalBackend(),
                options: options, command: Command("/image/program")), program)
        if getenv("DOCKER_HOST") != nil {
            let bench = try DockerBench()
            let pool = { try DockerBackend(configuration: bench.configuration) }
            worst = max(
                worst,
                try await measure(
                    Pools(
                        name: "Docker backend", ofImage: try pool(), judging: try pool(), writing: try pool(),
                        options: bench.options, command: DockerSample.command), program))
        }
        // Between what a kept file costs and what a written one does.
        if Settings.flag("CHECK"), worst > 1.5 {
            throw BenchmarkError(
                "a run of a built program took \(worst.text(2)) times one of a program of the image; 1.5 is the bound"
            )
        }
    }

    /// - Returns: the larger of the two ratios of a built program to one of the image.
    private static func measure(_ pools: Pools, _ program: Program) async throws -> Double {
        do {
            let worst = try await compare(pools, program)
            for pool in pools.all { await pool.shutdown() }
            return worst
        } catch {
            for pool in pools.all { await pool.shutdown() }
            throw error
        }
    }

    private static func compare(_ pools: Pools, _ program: Program) async throws -> Double {
        let bare = Arguments([program.path])
        let built = Self.built(program)
        let request = RunRequest(options: pools.options)
        let written = Command(
            "./program", inputFiles: [InputFile("program", program.bytes, executable: true)])
        for _ in 0..<20 {
            try await once(built, request, pools.judging)
            _ = try await timed(pools.command, pools.options, pools.ofImage)
            _ = try await timed(written, pools.options, pools.writing)
        }
        var worst = 0.0
        for pace in Pace.allCases {
            let count = Settings.count(pace == .backToBack ? 2000 : 300)
            var series = Series()
            for round in 0..<count {
                for turn in 0..<4 {
                    pace.pause()
                    switch (round + turn) % 4 {
                    case 0: series.bare.add(try bare.timedSpawn())
                    case 1:
                        series.ofImage.add(try await timed(pools.command, pools.options, pools.ofImage))
                    case 2:
                        let clock = ContinuousClock()
                        let start = clock.now
                        try await once(built, request, pools.judging)
                        series.built.add(clock.now - start)
                    default:
                        series.written.add(try await timed(written, pools.options, pools.writing))
                    }
                    for pool in pools.all { await pool.settle() }
                }
            }
            report(series, pace, count, program.bytes.count, pools.name)
            worst = max(worst, series.built.medianRatio(to: series.ofImage))
        }
        return worst
    }

    static func built(_ program: Program) -> Runners.Program {
        let file = InputFile("program", program.bytes, executable: true)
        return Runners.Program(language: .cpp, files: [file], executable: "./program")
    }

    static func once(
        _ program: Runners.Program, _ request: RunRequest, _ backend: any SandboxBackend
    ) async throws {
        guard let result = try await program.run(request, on: backend).result else {
            throw BenchmarkError("the program was not run")
        }
        try SandboxSample.check(result)
    }

    /// The same steps as a run of a built program.
    private static func timed(
        _ command: Command, _ options: SandboxOptions, _ backend: any SandboxBackend
    ) async throws -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try await backend.withSandbox(options) { try await $0.run(command) }
        let duration = clock.now - start
        try SandboxSample.check(result)
        return duration
    }

    private static func report(
        _ series: Series, _ pace: Pace, _ count: Int, _ bytes: Int, _ backend: String
    ) {
        print("### \(backend), \(pace.name), \(count) rounds, a static program of \(bytes >> 10) KiB\n")
        var table = Table("what", "median", "p99", "× program of the image", "× spawn")
        func add(_ name: String, _ samples: Samples) {
            table.add(
                name, samples.median.text(3), samples.p99.text(3),
                samples.medianRatio(to: series.ofImage).text(2), samples.medianRatio(to: series.bare).text(2))
        }
        add("posix_spawn + waitpid", series.bare)
        add("sandbox: a program of the image", series.ofImage)
        add("sandbox: a built program", series.built)
        add("sandbox: the same bytes, written for the run", series.written)
        table.print()
    }
}
