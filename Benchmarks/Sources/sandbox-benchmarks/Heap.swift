/// Measures whether the embedder's heap slows a run down: the same runs with 10 MiB and with 4 GiB of touched memory.

import Glibc
import Sandbox

enum Heap {
    private struct Series {
        var spawn = Samples()
        var fork = Samples()
        var run = Samples()
        var cycle = Samples()
    }

    private struct Size {
        let name: String
        let bytes: Int
        var series: [Pace: Series] = [.backToBack: Series(), .gaps: Series()]
        var start = Samples()
    }

    static func perform() async throws {
        Machine.printFacts("The embedder's heap")
        let program = try Program()
        let bare = Arguments([program.path])
        let backend = LocalBackend()
        var sizes = [Size(name: "10 MiB", bytes: 10 << 20), Size(name: "4 GiB", bytes: 4 << 30)]
        do {
            try await backend.warmUp(program)
            for _ in 0..<3 {
                for index in sizes.indices {
                    let memory = try touch(sizes[index].bytes)
                    defer { munmap(memory, sizes[index].bytes) }
                    try await measure(backend, program, bare, &sizes[index])
                }
            }
        } catch {
            await backend.shutdown()
            throw error
        }
        await backend.shutdown()
        for pace in Pace.allCases { report(sizes, pace) }
        reportStart(sizes)
    }

    /// Allocates private memory and writes to each of its pages.
    private static func touch(_ bytes: Int) throws -> UnsafeMutableRawPointer {
        guard let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { throw BenchmarkError("cannot get \(bytes >> 20) MiB of memory") }
        for offset in stride(from: 0, to: bytes, by: 4096) {
            memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
        }
        return memory
    }

    /// The forks come last: a fork with 4 GiB leaves cold caches for whatever is measured next.
    private static func measure(
        _ backend: LocalBackend, _ program: Program, _ bare: Arguments, _ size: inout Size
    ) async throws {
        for pace in Pace.allCases {
            for _ in 0..<Settings.count(pace == .backToBack ? 300 : 100) {
                pace.pause()
                size.series[pace]!.spawn.add(try bare.timedSpawn())
                pace.pause()
                let sample = try await SandboxSample.take(backend, program)
                size.series[pace]!.run.add(sample.run)
                size.series[pace]!.cycle.add(sample.withoutWrite)
            }
        }
        for _ in 0..<20 { size.start.add(try await start(program)) }
        for pace in Pace.allCases {
            for _ in 0..<20 {
                pace.pause()
                size.series[pace]!.fork.add(try bare.timedFork())
            }
        }
    }

    /// The first run of a new backend, which starts its supervisor.
    private static func start(_ program: Program) async throws -> Duration {
        Pace.gaps.pause()
        let fresh = LocalBackend()
        do {
            let sample = try await SandboxSample.take(fresh, program)
            await fresh.shutdown()
            return sample.withoutWrite
        } catch {
            await fresh.shutdown()
            throw error
        }
    }

    private static func report(_ sizes: [Size], _ pace: Pace) {
        let (small, large) = (sizes[0].series[pace]!, sizes[1].series[pace]!)
        print("### \(pace.name), \(small.run.values.count) samples in 3 rounds\n")
        var table = header(sizes)
        add("sandbox: run alone", small.run, large.run, to: &table)
        add("sandbox: acquire + run + close", small.cycle, large.cycle, to: &table)
        add("posix_spawn + waitpid", small.spawn, large.spawn, to: &table)
        let forks = small.fork.values.count
        add("fork + execve + waitpid (\(forks) samples)", small.fork, large.fork, to: &table)
        table.print()
    }

    private static func reportStart(_ sizes: [Size]) {
        print("### the supervisor's start, \(sizes[0].start.values.count) samples\n")
        var table = header(sizes)
        add("first acquire + run + close of a new backend", sizes[0].start, sizes[1].start, to: &table)
        table.print()
    }

    private static func header(_ sizes: [Size]) -> Table {
        let (small, large) = (sizes[0].name, sizes[1].name)
        return Table("what", "\(small), median", "p99", "\(large), median", "p99", "ratio of medians")
    }

    private static func add(_ name: String, _ small: Samples, _ large: Samples, to table: inout Table) {
        table.add(
            name, small.median.text(3), small.p99.text(3), large.median.text(3), large.p99.text(3),
            (large.median / small.median).text(2))
    }
}
