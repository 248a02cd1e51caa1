/// Tests that a run needs no change of limits by the engine if a container of the pool has its limits.

#if Docker
import Foundation
import NIOHTTP1
import Sandbox
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite(.serialized, .timeLimit(.minutes(2))) struct LimitChangeTests {
    /// Runs `body` with a backend behind a proxy that records the requests to the engine.
    private static func withProxy(
        pool: Int, _ body: (DockerBackend, EngineProxy) async throws -> Void
    ) async throws {
        guard let engine = EngineWorld.engine else {
            return skip("there is no engine; SANDBOX_TEST_ENGINE names it")
        }
        try await EngineProxy.with(engine) { proxy in
            var configuration = ContainerWorld.configuration(proxy.host)
            (configuration.pool.minimum, configuration.pool.maximum) = (pool, pool)
            let backend = try DockerBackend(configuration: configuration)
            let result: Result<Void, any Error>
            do { result = .success(try await body(backend, proxy)) } catch { result = .failure(error) }
            await backend.shutdown()
            try result.get()
        }
    }

    private static func updates(_ proxy: EngineProxy) -> Int {
        proxy.requests.count { $0.contains("/update") }
    }

    private static func settle(_ backend: DockerBackend, _ count: Int) async {
        _ = await ContainerWorld.eventually { backend.statistics.available == count }
    }

    @Test func theSameLimitsAreAskedForOnce() async throws {
        try await Self.withProxy(pool: 1) { backend, proxy in
            let limits = Limits(memory: 100 << 20, processes: 20)
            for _ in 0..<5 {
                let result = try await backend.run(victim: "nothing", limits: limits)
                #expect(result.outcome == .exited(code: 0), "\(result.told)")
                await Self.settle(backend, 1)
            }
            // `run(victim:)` does not announce its limits when it acquires the sandbox.
            #expect(Self.updates(proxy) == 1)
            let other = Limits(memory: 50 << 20, processes: 20)
            for _ in 0..<5 {
                _ = try await backend.run(victim: "nothing", limits: other)
                await Self.settle(backend, 1)
            }
            #expect(Self.updates(proxy) == 2)
        }
    }

    /// A program that is built once: its bytes are sent once to each container, and count as held from the start.
    @Test func aProgramThatIsRunAgainIsSentOnceAndChangesNoLimits() async throws {
        try await Self.withProxy(pool: 1) { backend, proxy in
            let bytes = try await Programs.bytes("nothing") + [UInt8](repeating: 0, count: 3 << 20)
            let file = InputFile("main", bytes, executable: true).reused()
            try await backend.warm()
            await Self.settle(backend, 1)
            let before = proxy.sent
            for round in 0..<8 {
                let result = try await backend.withSandbox {
                    try await $0.run(Command("./main", inputFiles: [file]))
                }
                #expect(result.outcome == .exited(code: 0), "\(result.told)")
                await Self.settle(backend, 1)
                // The first run's file comes beside its kept content, the third is in its place in advance.
                if round == 2 { #expect(Self.updates(proxy) <= 3) }
            }
            #expect(Self.updates(proxy) <= 3)
            let sent = proxy.sent - before
            #expect(sent > bytes.count && sent < 2 * bytes.count, "\(sent)")
        }
    }

    /// As for a compiler and its program.
    @Test func whoeverSaysHisLimitsGetsAContainerThatHasThem() async throws {
        try await Self.withProxy(pool: 2) { backend, proxy in
            var served: [Int: Set<String>] = [:]
            for round in 0..<6 {
                for memory in [64 << 20, 200 << 20] {
                    var options = SandboxOptions()
                    options.firstLimits = Limits(memory: memory)
                    let result = try await backend.withSandbox(options) {
                        try await $0.run(victim: "nothing", limits: Limits(memory: memory))
                    }
                    #expect(result.outcome == .exited(code: 0), "\(result.told)")
                    if round > 0 { served[memory, default: []].insert(result.provenance.sandbox) }
                    await Self.settle(backend, 2)
                }
            }
            #expect(served.count == 2 && served.values.allSatisfy { $0.count == 1 }, "\(served)")
            // The first containers are made with the first caller's limits.
            #expect(Self.updates(proxy) <= 1)
        }
    }

    /// The limits of a container as the engine reports them.
    private struct Told: Decodable {
        struct Host: Decodable {
            var quota: Int64
            enum CodingKeys: String, CodingKey { case quota = "CpuQuota" }
        }
        var host: Host
        enum CodingKeys: String, CodingKey { case host = "HostConfig" }
    }

    /// The share of processors belongs to the run: the next run has another, or all of them.
    @Test func theShareOfProcessorsIsTheRunsOwn() async throws {
        try await Self.withProxy(pool: 1) { backend, proxy in
            var before = 0
            for (cpus, quota, updates) in [
                (nil, 0, 1), (0.5, 50_000, 1), (0.5, 50_000, 0), (1, 100_000, 1), (nil, -1, 1),
                (nil, -1, 0),
            ] as [(Double?, Int64, Int)] {
                let limits = Limits(
                    wallTime: .seconds(60), cpuTime: .milliseconds(600), memory: 100 << 20, cpus: cpus)
                let result = try await backend.run(victim: "busy_threads", ["2"], limits: limits)
                #expect(result.outcome == .limitExceeded(.cpuTime), "\(result.told)")
                if let cpus {
                    let most = result.usage.wallTime * cpus + .milliseconds(120)
                    #expect(result.usage.cpuTime <= most, "\(cpus): \(result.told) \(result.usage)")
                }
                await Self.settle(backend, 1)
                #expect(Self.updates(proxy) - before == updates, "\(String(describing: cpus))")
                before = Self.updates(proxy)
                let told = try await ContainerWorld.withClient(backend) { client in
                    try await client.decoded(
                        Told.self,
                        EngineRequest(
                            method: .GET, path: "/containers/\(result.provenance.sandbox)/json",
                            patience: .total(client.timeouts.answer)))
                }
                #expect(told.host.quota == quota, "\(String(describing: cpus))")
            }
        }
    }

    /// Input that counts as the container's memory raises the limit for one run only; the next run does not
    /// wait for the change back.
    @Test func theLimitIsTheRunsOwnAgainAfterALargeInput() async throws {
        try await Self.withProxy(pool: 1) { backend, _ in
            let limits = Limits(memory: 32 << 20)
            let input = [UInt8](repeating: 7, count: 8 << 20)
            try await backend.withSandbox { sandbox in
                let result = try await sandbox.run(
                    victim: "echo_stdin", stdin: .bytes(input),
                    limits: Limits(memory: 32 << 20, output: 16 << 20))
                #expect(result.stdout == input, "\(result.outcome)")
            }
            await Self.settle(backend, 1)
            let eater = try await backend.run(victim: "touch_mmap", ["36"], limits: limits)
            #expect(eater.outcome == .limitExceeded(.memory), "\(eater.told)")
        }
    }
}
#endif
