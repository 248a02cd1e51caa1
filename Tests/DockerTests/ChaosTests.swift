/// Callers with programs of known results, while containers, agents and the engine are killed at random.

#if Docker
import Foundation
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker
@testable import SandboxFallback
import SandboxRuntime

@Suite(
    "Chaos", .enabled(if: EngineWorld.engine != nil, "scripts/engines/docker-tests.sh starts the engine"),
    .timeLimit(.minutes(20)))
struct ChaosTests {
    /// 20 in CI; SOAK=1: 200.
    static let blows = ProcessInfo.processInfo.environment["SOAK"] == "1" ? 200 : 20
    private static let callers = 3
    /// One of this many blows is a crash of the engine, which is started again.
    private static let engineCrash = 20
    private static let limits = Limits(wallTime: .seconds(3))
    private static let grace = Duration.seconds(2)
    /// The bound of a whole run, acquired on an engine that may be down for a while.
    private static let bound = Duration.seconds(30)

    struct Tally: Sendable {
        var right = 0
        var errors: [SandboxError.Code: Int] = [:]
        var slowest = Duration.zero
    }

    private final class Counter: Sendable {
        let tally = Mutex(Tally())
        let isOver = Atomic<Bool>(false)
    }

    @Test("Every run gives its own result or a typed error, in bounded time")
    func alone() async throws {
        try await chaos(named: "chaos", callsOften: true) { $0 }
    }

    /// One run per sandbox: its files are lost with its container, and cannot be recovered.
    @Test("With a fallback every run gives its own result")
    func withFallback() async throws {
        let local = LocalBackend(.init(minimum: 0, maximum: 4))
        guard await local.capabilities.level >= .standard else {
            return skip("there is no local backend here")
        }
        let tally = try await chaos(named: "calm", callsOften: false) { docker in
            var configuration = FallbackBackend.Configuration()
            configuration.logger = .silent
            // Short pauses, so that the first choice is tried again and again.
            (configuration.breaker.initialPause, configuration.breaker.maximumPause) = (
                .milliseconds(100), .milliseconds(500)
            )
            return try FallbackBackend(primary: docker, secondary: local, configuration)
        }
        #expect(tally.errors.isEmpty, "\(tally)")
    }

    @discardableResult
    private func chaos(
        named name: String, callsOften: Bool,
        _ front: @Sendable (DockerBackend) throws -> any SandboxBackend
    ) async throws -> Tally {
        try await EngineControl.withEngine(named: name) { engine in
            try await engine.load("static")
            var configuration = ContainerWorld.configuration(engine.host)
            configuration.pool.minimum = Self.callers
            configuration.pool.maximum = Self.callers + 1
            configuration.pool.maxUses = 20
            configuration.pool.maximumBackoff = .seconds(1)
            configuration.runDeadlineGrace = Self.grace
            let docker = try DockerBackend(configuration: configuration)
            let backend = try front(docker)
            let counter = Counter()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<Self.callers {
                    group.addTask {
                        while !counter.isOver.load(ordering: .relaxed) {
                            await Self.call(backend, counter, often: callsOften)
                        }
                    }
                }
                await Self.strike(engine)
                counter.isOver.store(true, ordering: .relaxed)
            }
            for _ in 0..<Self.callers { try await CrashTests.expectWorks(docker, "after the chaos") }
            let result = counter.tally.withLock { $0 }
            print(
                "chaos: \(Self.blows) blows, \(result.right) right, \(result.errors), slowest \(result.slowest)"
            )
            #expect(result.right >= Self.callers, "\(result)")
            try await CrashTests.expectNothingLeft(docker)
            let client = EngineClient(address: try EngineAddress(parsing: engine.host))
            defer { client.close() }
            #expect(try await ContainerWorld.leftovers([:], client).isEmpty)
            return result
        }
    }

    /// One run of a program that prints its input, slowly or at once.
    private static func call(_ backend: any SandboxBackend, _ counter: Counter, often: Bool) async {
        let input = (0..<Int.random(in: 0...100_000)).map { _ in UInt8.random(in: 0...255) }
        let isSlow = often && Int.random(in: 0..<4) == 0
        let start = ContinuousClock.now
        do {
            let (result, file) = try await backend.withSandbox { sandbox in
                if isSlow {
                    let slow = try await sandbox.run(victim: "sleep_for", ["150"], limits: limits)
                    #expect(slow.outcome == .exited(code: 0), "\(slow.told)")
                }
                try await sandbox.write(input, to: "file")
                let result = try await sandbox.run(
                    victim: "echo_stdin", stdin: .bytes(input), limits: limits)
                return (result, often ? try await sandbox.read("file", maxBytes: 1 << 20) : input)
            }
            // During a pause of the container the run's clock goes on, so this outcome is correct.
            if result.outcome == .limitExceeded(.wallTime) { return }
            #expect(result.outcome == .exited(code: 0), "\(result.outcome)")
            let isRight = result.stdout == input && file == input && result.stderr.isEmpty
            #expect(isRight, "\(result.stdout.count) bytes for \(input.count)")
            counter.tally.withLock { $0.right += 1 }
        } catch let error as SandboxError {
            #expect(CrashTests.losses.contains(error.code), "\(error)")
            counter.tally.withLock { $0.errors[error.code, default: 0] += 1 }
            if error.code == .backendUnavailable { try? await Task.sleep(for: .milliseconds(20)) }
        } catch {
            Issue.record(error)
        }
        let took = ContinuousClock.now - start
        #expect(took < bound)
        counter.tally.withLock { $0.slowest = max($0.slowest, took) }
    }

    private static func strike(_ engine: EngineControl) async {
        do {
            let client = EngineClient(address: try EngineAddress(parsing: engine.host))
            defer { client.close() }
            for number in 1...blows {
                try await Task.sleep(for: .milliseconds(Int.random(in: 100...500)))
                if number % engineCrash == engineCrash / 2 {
                    try await engine.kill()
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...1000)))
                    try await engine.start()
                    continue
                }
                let running = try await client.containers.list(all: false)
                guard let container = running.randomElement()?.id else { continue }
                do {
                    switch Int.random(in: 0..<5) {
                    case 0: try await Blow.killAgent.strike(container, client)
                    case 1: try await Blow.dockerKill.strike(container, client)
                    case 2: try await Blow.dockerRemove.strike(container, client)
                    case 3:
                        try await client.containers.act("pause", container)
                        try await Task.sleep(for: .milliseconds(Int.random(in: 10...300)))
                        try await client.containers.act("unpause", container)
                    default: try await Blow.dockerPause.strike(container, client)
                    }
                } catch let error as EngineError {
                    // The container was gone before the blow.
                    guard error.status != nil else { throw error }
                }
            }
        } catch {
            Issue.record(error)
        }
    }
}
#endif
