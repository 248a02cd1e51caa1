/// Set-up for the measurements of the Docker backend, and those measurements that compare it with nothing else.

import Glibc
import Sandbox
import SandboxDocker

/// An image of one static file on the engine of `DOCKER_HOST`; removed with this object.
final class DockerBench: Sendable {
    let program: Program
    let image = "sandbox-benchmarks:\(getpid())"
    let configuration: DockerConfiguration
    let host: String

    var options: SandboxOptions { SandboxOptions(image: .reference(image)) }

    init() throws {
        guard let host = getenv("DOCKER_HOST").map({ String(cString: $0) }) else {
            throw BenchmarkError("DOCKER_HOST is not set; `make bench-docker` starts an engine")
        }
        self.host = host
        program = try Program()
        var environment = ["DOCKER_HOST": host, "SANDBOX_IMAGE": image]
        environment["POOL_MAX_USES"] = getenv("POOL_MAX_USES").map { String(cString: $0) }
        var configuration = try DockerConfiguration(environment: environment)
        configuration.pullPolicy = .never
        self.configuration = configuration
        try engine.load(image, "program", program.bytes)
    }

    deinit { (try? PlainEngine(host: host))?.remove(image: image) }

    /// A connection of its own.
    var engine: PlainEngine { get throws { try PlainEngine(host: host) } }

    /// The time from the end of a sandbox until its container is ready for the next.
    func wipe(_ backend: DockerBackend) async throws -> Duration {
        let start = ContinuousClock.now
        while backend.statistics.resetting > 0 { usleep(20) }
        return ContinuousClock.now - start
    }

    /// Runs without a pause in one sandbox: each but the first waits for the next program's process.
    func runsInOneSandbox(_ local: LocalBackend, _ docker: DockerBackend) async throws {
        var table = Table("one run after the other in a held sandbox", "median", "p99")
        let count = Settings.count(1000)
        let places: [(String, any SandboxBackend, SandboxOptions, Command)] = [
            ("local backend", local, SandboxOptions(), SandboxSample.command),
            ("Docker backend", docker, options, DockerSample.command),
        ]
        for (name, backend, options, command) in places {
            let samples = try await backend.withSandbox(options) { sandbox in
                try await sandbox.write(self.program.bytes, to: "program", executable: true)
                var samples = Samples()
                for _ in 0..<count {
                    let start = ContinuousClock.now
                    let result = try await sandbox.run(command)
                    samples.add(ContinuousClock.now - start)
                    try SandboxSample.check(result)
                }
                return samples
            }
            table.add(name, samples.median.text(3), samples.p99.text(3))
        }
        table.print()
    }

    /// A new container for each sandbox, made on demand.
    func creation() async throws {
        var configuration = configuration
        configuration.isPoolEnabled = false
        let backend = try DockerBackend(configuration: configuration)
        var samples: [DockerSample] = []
        do {
            // The first one also copies the agent to the engine.
            for _ in 0..<Settings.count(20, "ROUNDS") + 1 {
                samples.append(try await DockerSample.take(backend, self))
                while backend.statistics.destroying > 0 { usleep(1000) }
            }
        } catch {
            await backend.shutdown()
            throw error
        }
        await backend.shutdown()
        var (acquire, cycle) = (Samples(), Samples())
        for sample in samples.dropFirst() {
            acquire.add(sample.acquire)
            cycle.add(sample.cycle)
        }
        var table = Table("without a pool, \(samples.count - 1) containers", "median", "p99")
        table.add("the first sandbox of a backend", samples[0].acquire.milliseconds.text(1), "-")
        table.add("acquire: a container is made and started", acquire.median.text(1), acquire.p99.text(1))
        table.add("acquire + run + close", cycle.median.text(1), cycle.p99.text(1))
        table.print()
    }

    /// Runs per second with 1, 2 and 4 callers.
    func throughput(_ local: LocalBackend) async throws {
        var configuration = configuration
        configuration.pool.minimum = configuration.pool.maximum
        let docker = try DockerBackend(configuration: configuration)
        do {
            try await docker.warm(options)
            while docker.statistics.available < configuration.pool.minimum { usleep(1000) }
            try await reportThroughput(local, docker)
        } catch {
            await docker.shutdown()
            throw error
        }
        await docker.shutdown()
    }

    private func reportThroughput(_ local: LocalBackend, _ docker: DockerBackend) async throws {
        let ways: [(String, (Int) async throws -> Double)] = [
            (
                "local backend: a sandbox for each run, write included",
                {
                    try await Throughput.rate(callers: $0) {
                        _ = try await SandboxSample.take(local, self.program)
                    }
                }
            ),
            (
                "Docker backend: a sandbox for each run",
                { try await Throughput.rate(callers: $0) { _ = try await DockerSample.take(docker, self) } }
            ),
            (
                "Docker backend: a sandbox for each caller",
                {
                    try await Throughput.rateInOneSandbox(
                        callers: $0, docker, self.options, DockerSample.command)
                }
            ),
        ]
        let rounds = Settings.count(3, "ROUNDS")
        var rates: [String: [Int: Samples]] = [:]
        for _ in 0..<rounds {
            for (name, rate) in ways {
                for callers in [1, 2, 4] {
                    usleep(100_000)
                    rates[name, default: [:]][callers, default: Samples()].add(rate: try await rate(callers))
                }
            }
        }
        var table = Table("runs per second, median of \(rounds) rounds", "1 caller", "2 callers", "4 callers")
        for (name, _) in ways {
            let cells = [1, 2, 4].map { rates[name]![$0]!.median.text(0) }
            table.add(name, cells[0], cells[1], cells[2])
        }
        table.print()
    }
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }
}
