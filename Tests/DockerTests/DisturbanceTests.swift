/// The library's own processes in a container are stopped, killed or blocked at random times: every call ends
/// in time, and the next ones work.

#if Docker
import Foundation
import Sandbox
import TestSupport
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite("Disturbed containers", .timeLimit(.minutes(30)))
struct DisturbanceTests {
    /// `WATCHDOG_ROUNDS` of the environment; `make soak` sets 500.
    private static let rounds =
        Int(ProcessInfo.processInfo.environment["WATCHDOG_ROUNDS"] ?? "") ?? 50
    private static let limits = Limits(wallTime: .seconds(1))
    private static let grace = Duration.seconds(1)
    /// The errors that report the loss of one of the library's processes.
    private static let losses: Set<SandboxError.Code> = [
        .containerLost, .backendUnavailable, .watchdog, .setupFailed,
    ]

    @Test("When a process is stopped, killed or blocked at any time, every call ends and the next ones work")
    func atAnyTime() async throws {
        let setUp = ContainerWorld.Change {
            $0.pool.maximum = 3
            $0.runDeadlineGrace = Self.grace
        }
        try await ContainerWorld.withBackend(setUp) { backend in
            try await CrashTests.expectWorks(backend, "before")
            try await ContainerWorld.withClient(backend) { client in
                var random = SeededGenerator(seed: 9)
                var hits: [String: Int] = [:]
                for round in 0..<Self.rounds {
                    let what = await Self.disturb(backend, client, round, &random)
                    hits[String(what.prefix { !$0.isNumber }), default: 0] += 1
                }
                print("disturbed containers: \(hits.sorted { $0.key < $1.key })")
                let misses = hits.filter { $0.key.hasPrefix("no") }.values.reduce(0, +)
                #expect(misses < Self.rounds / 2, "\(hits)")
            }
            try await CrashTests.expectNothingLeft(backend)
            #expect(backend.statistics.inUse == 0)
        }
    }

    private static func disturb(
        _ backend: DockerBackend, _ client: EngineClient, _ round: Int, _ random: inout SeededGenerator
    ) async -> String {
        let start = ContinuousClock.now
        let users = (0..<2).map { _ in Task { try await useSandbox(backend) } }
        try? await Task.sleep(for: .microseconds(Int64.random(in: 0...80_000, using: &random)))
        let what = await strike(backend, client, &random)
        for user in users {
            do { _ = try await user.value } catch { check(error, "round \(round), \(what)") }
        }
        // Two files and two runs with their grace periods, and an acquire that may have to make a container.
        #expect(ContinuousClock.now - start < .seconds(60), "round \(round), \(what)")
        // At most as many containers as the pool may hold can be damaged; then one works.
        var works = false
        for _ in 0..<5 where !works {
            do {
                works = try await useSandbox(backend)
            } catch {
                check(error, "round \(round), \(what), afterwards")
            }
        }
        #expect(works, "round \(round), \(what)")
        return what
    }

    /// Everything that a caller does with a sandbox. Results are right, or an error is thrown; false: the
    /// wall time ran out, as it does for a stopped program.
    @discardableResult
    private static func useSandbox(_ backend: DockerBackend) async throws -> Bool {
        let input = [UInt8]("some bytes".utf8)
        return try await backend.withSandbox { sandbox in
            try await sandbox.write(input, to: "file")
            let result = try await sandbox.run(
                victim: "echo_stdin", stdin: .bytes(input), limits: limits)
            let file = try await sandbox.read("file", maxBytes: 100)
            #expect(file == input)
            let (streamed, bytes) = try await sandbox.run(
                Command("./victim"), stdin: .bytes(input), limits: limits
            ) { execution in
                var bytes: [UInt8] = []
                for try await chunk in execution.output { bytes += chunk.bytes }
                return bytes
            }
            if result.outcome == .exited(code: 0) { #expect(result.stdout == input) }
            if streamed.outcome == .exited(code: 0) { #expect(bytes == input) }
            return result.outcome == .exited(code: 0) && streamed.outcome == .exited(code: 0)
        }
    }

    private static func check(_ error: any Error, _ context: String) {
        let code = (error as? SandboxError)?.code
        #expect(losses.contains { $0 == code }, "\(context): \(error)")
    }

    private static func strike(
        _ backend: DockerBackend, _ client: EngineClient, _ random: inout SeededGenerator
    ) async -> String {
        do {
            let running = try await client.containers.list(labels: backend.owner.ownLabels, all: false)
            guard let container = running.randomElement(using: &random)?.id else { return "no container" }
            // The engine is a private one on this machine, so its containers' processes are processes of the
            // host.
            let pid = pid_t(try await client.containers.inspect(container).pid)
            let role = [Role.agent, .slot, .seat, .program].randomElement(using: &random)!
            let processes = pid > 1 ? OwnProcess.all(below: pid, as: .agent) : []
            guard let victim = processes.filter({ $0.role == role }).randomElement(using: &random)
            else { return "no \(role)" }
            return victim.disturb(&random)
        } catch {
            return "not even a list: \(error)"
        }
    }
}
#endif
