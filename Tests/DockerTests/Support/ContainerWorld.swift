/// Docker backends on the tests' engine, with images that victim programs run in.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker

enum ContainerWorld {
    /// An image without any files: the victims are static.
    static let image = "sandbox-test/static"

    /// The number of backends at a time is limited; more would measure the machine rather than the library.
    private static let gate = BackendGate()

    /// A test's changes to the configuration.
    struct Change {
        let apply: (inout DockerConfiguration) -> Void
        init(_ apply: @escaping (inout DockerConfiguration) -> Void) { self.apply = apply }
    }

    /// A configuration for an engine; its containers are of ``image``.
    static func configuration(_ engine: String) -> DockerConfiguration {
        var configuration = DockerConfiguration()
        configuration.engineHost = engine
        configuration.image = image
        configuration.pullPolicy = .never
        configuration.logger = .silent
        configuration.healthChecks = []
        configuration.pool = PoolConfiguration(
            minimum: 1, maximum: 1, idleTimeout: nil, maxAge: nil, maxUses: 10_000,
            healthCheckInterval: nil)
        return configuration
    }

    /// Runs `body` with a backend on the shared engine, by default with one container that callers get in
    /// turn; skips the test where there is no engine.
    static func withBackend(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ change: Change = Change { _ in },
        _ body: (DockerBackend) async throws -> Void
    ) async throws {
        guard let engine = EngineWorld.engine else {
            return skip(
                "there is no engine; SANDBOX_TEST_ENGINE names it", sourceLocation: sourceLocation)
        }
        var configuration = configuration(engine)
        change.apply(&configuration)
        await gate.enter()
        defer { Task { await gate.leave() } }
        let backend = try DockerBackend(configuration: configuration)
        let result: Result<Void, any Error>
        do { result = .success(try await body(backend)) } catch { result = .failure(error) }
        await backend.shutdown()
        try result.get()
    }

    /// A client of a backend's engine, for requests that the backend must not see.
    static func withClient<Value>(
        _ backend: DockerBackend, _ body: (EngineClient) async throws -> Value
    ) async throws -> Value {
        let client = EngineClient(
            address: try EngineAddress(environment: backend.configuration.engineEnvironment))
        defer { client.close() }
        return try await body(client)
    }

    /// The containers that exist: Docker 20.10 goes on listing some removed ones, which it no longer finds by
    /// id.
    static func containers(
        _ labels: [String: String], _ client: EngineClient
    ) async throws -> [String] {
        var found: [String] = []
        for container in try await client.containers.list(labels: labels) {
            do throws(EngineError) {
                _ = try await client.containers.inspect(container.id)
                found.append(container.id)
            } catch {
                guard error.status == 404 else { throw error }
            }
        }
        return found
    }

    /// The names of the containers and volumes with these labels.
    static func leftovers(_ labels: [String: String], _ client: EngineClient) async throws -> Set<String> {
        let containers = try await containers(labels, client).map { "container \($0)" }
        let volumes = try await client.volumes.list(labels: labels).map { "volume \($0.name)" }
        return Set(containers + volumes)
    }

    /// Waits until `condition` holds; false when it does not in that time.
    static func eventually(
        _ patience: Duration = .seconds(40), _ condition: () async throws -> Bool
    ) async rethrows -> Bool {
        let deadline = ContinuousClock.now + patience
        while try await !condition() {
            guard .now < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return true
    }
}

/// A counting semaphore, first come first served.
private actor BackendGate {
    private var free = 4
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func enter() async {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

extension SandboxLease {
    /// Writes a program of `Tests/Programs` to `/work`, and runs it.
    func run(
        victim: String, _ arguments: [String] = [], stdin: StandardInput = .none,
        limits: Limits = .standard,
        environment: [String: String] = [:]
    ) async throws -> RunResult {
        try await write(try await Programs.bytes(victim), to: "victim", executable: true)
        return try await run(
            Command("./victim", arguments, environment: environment), stdin: stdin, limits: limits)
    }
}

extension RunResult {
    /// For messages.
    var told: String {
        let text = stdoutText.count > 3000 ? String(stdoutText.prefix(3000)) + "…" : stdoutText
        return "\(outcome), hit \(limitsHit), denied \(deniedSyscalls), \(usage)\n\(stderrText)\n\(text)"
    }
    var lines: Set<String> { Set(stdoutText.split(separator: "\n").map(String.init)) }
}

extension SandboxBackend {
    /// A sandbox of its own for one victim program.
    func run(
        victim: String, _ arguments: [String] = [], rootfs: Rootfs = .readOnly,
        limits: Limits = .standard,
        blockedSyscalls: BlockedSyscallPolicy = .endRun, environment: [String: String] = [:]
    ) async throws -> RunResult {
        try await withSandbox(SandboxOptions(rootfs: rootfs, blockedSyscalls: blockedSyscalls)) {
            sandbox in
            try await sandbox.run(victim: victim, arguments, limits: limits, environment: environment)
        }
    }
}
#endif
