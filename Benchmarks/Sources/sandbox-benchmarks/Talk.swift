/// Two programs that talk: 1,000 rounds of one line each way, next to two bare processes with pipes between them.

import Glibc
import Sandbox
import SandboxDocker
import SandboxRuntime

enum Talk {
    private static let source = """
        #include <stdio.h>
        #include <stdlib.h>
        int main(int argc, char **argv) {
            int rounds = argc > 1 ? atoi(argv[1]) : 0, value;
            setvbuf(stdout, NULL, _IOLBF, 0);
            for (int i = 0; i < rounds; i++)
                if (printf("%d\\n", i) < 0 || scanf("%d", &value) != 1 || value != i + 1)
                    return 1;
            if (rounds == 0)
                while (scanf("%d", &value) == 1)
                    printf("%d\\n", value + 1);
            return 0;
        }
        """
    private static let rounds = "1000"

    private struct Place {
        let backend: any SandboxBackend
        var options = SandboxOptions()
    }

    private struct Way {
        let name: String
        let sample: () async throws -> Duration
        var samples = Samples()
    }

    static func perform() async throws {
        Machine.printFacts("1,000 rounds of one line each way")
        let program = try Program(source)
        let local = LocalBackend()
        let here = Place(backend: local)
        let (asks, answers) = (Arguments([program.path, rounds]), Arguments([program.path]))
        var ways = [
            Way(name: "two bare processes, pipes between them") {
                var status: Int32 = 0
                let duration = time { status = asks.talk(with: answers) }
                guard status == 0 else { throw BenchmarkError("a bare process failed") }
                return duration
            },
            Way(name: "two sandboxes, local: pipes of the kernel") { try await sample(program, here, here) },
            Way(name: "two sandboxes, local: with a transcript, so relayed") {
                try await sample(program, here, here, .upTo(1 << 20))
            },
        ]
        // Its image is removed with it.
        let engine = getenv("DOCKER_HOST") == nil ? nil : try DockerBench()
        let docker = try engine.map { try DockerBackend(configuration: $0.configuration) }
        if let engine, let docker {
            let there = Place(backend: docker, options: engine.options)
            ways.append(Way(name: "two containers: relayed") { try await sample(program, there, there) })
            ways.append(
                Way(name: "a local sandbox and a container: relayed") {
                    try await sample(program, here, there)
                })
        }
        do {
            try await measure(&ways)
        } catch {
            await local.shutdown()
            await docker?.shutdown()
            throw error
        }
        await local.shutdown()
        await docker?.shutdown()
        try report(ways)
    }

    /// From the call to the result: sandboxes from the pool, the program written into both, and both closed.
    private static func sample(
        _ program: Program, _ first: Place, _ second: Place,
        _ transcript: TranscriptPolicy = .none
    ) async throws -> Duration {
        let files = [InputFile("program", program.bytes, executable: true)]
        let start = ContinuousClock.now
        let result = try await converse(
            [
                Participant(
                    "asks", Command("./program", [rounds], inputFiles: files), on: first.backend,
                    options: first.options),
                Participant(
                    "answers", Command("./program", inputFiles: files), on: second.backend,
                    options: second.options),
            ], connections: Connection.between("asks", "answers"), transcript: transcript)
        let duration = ContinuousClock.now - start
        for participant in result.participants {
            guard let run = participant.result else {
                throw BenchmarkError("\(participant.name) was stopped")
            }
            try SandboxSample.check(run)
        }
        return duration
    }

    private static func measure(_ ways: inout [Way]) async throws {
        for way in ways { for _ in 0..<3 { _ = try await way.sample() } }
        for round in 0..<Settings.count(30) {
            for offset in ways.indices {
                let index = (round + offset) % ways.count
                ways[index].samples.add(try await ways[index].sample())
            }
        }
    }

    private static func report(_ ways: [Way]) throws {
        var table = Table("what", "median / p99, ms", "× bare")
        for way in ways {
            table.add(
                way.name, "\(way.samples.median.text(1)) / \(way.samples.p99.text(1))",
                way.samples.medianRatio(to: ways[0].samples).text(2))
        }
        table.print()
        let ratio = ways[1].samples.medianRatio(to: ways[0].samples)
        if Settings.flag("CHECK"), ratio > 3 {
            throw BenchmarkError("two sandboxes take \(ratio.text(2)) times as long as two bare processes")
        }
    }
}
