/// A Docker backend on the tests' engine, with a check that it leaves nothing.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker

/// More rounds of the same tests.
let isSoak = ProcessInfo.processInfo.environment["SOAK"] == "1"

/// A backend that a test has to itself.
struct DockerSubject: Sendable {
    let backend: DockerBackend
    /// A client of the test's own, not the backend's.
    let client: EngineClient

    /// A test's changes to the configuration.
    struct Setup {
        var change: (inout DockerConfiguration) -> Void = { _ in }
    }

    static func configured(_ change: @escaping (inout DockerConfiguration) -> Void) -> Setup {
        Setup(change: change)
    }

    /// As ``Setup/with(_:image:sourceLocation:_:)``, with nothing changed.
    static func with(
        _ kind: EngineKind = .docker, image: String = "cpp-runner",
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (DockerSubject) async throws -> Void
    ) async throws {
        try await Setup().with(kind, image: image, sourceLocation: sourceLocation, body)
    }
}

extension DockerSubject.Setup {
    /// Runs `body` with a backend of the tests' engine, shuts it down and checks that nothing is left; skips
    /// the test where there is no engine.
    func with(
        _ kind: EngineKind = .docker, image: String = "cpp-runner",
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (DockerSubject) async throws -> Void
    ) async throws {
        guard let address = kind.address else {
            return skip("there is no engine; \(kind.variable) names it", sourceLocation: sourceLocation)
        }
        var configuration = DockerConfiguration()
        configuration.engineHost = address
        configuration.image = image
        configuration.pullPolicy = .never
        configuration.logger = .silent
        change(&configuration)
        let client = EngineClient(address: try EngineAddress(parsing: address))
        defer { client.close() }
        _ = try await client.connect()
        let subject = DockerSubject(
            backend: try DockerBackend(configuration: configuration), client: client)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(subject))
        } catch {
            result = .failure(error)
        }
        await subject.backend.shutdown()
        let left = try await subject.leftovers()
        #expect(left.isEmpty, "left on the engine", sourceLocation: sourceLocation)
        try result.get()
    }
}

extension DockerSubject {
    /// The ids of this backend's containers that the engine has, running or not.
    func containers() async throws -> [String] {
        try await ContainerWorld.containers(backend.owner.ownLabels, client)
    }

    fileprivate func leftovers() async throws -> [String] {
        try await containers() + client.volumes.list(labels: backend.owner.ownLabels).map(\.name)
    }

    /// Waits until the pool's statistics meet `condition`.
    func until(
        _ what: String, seconds: Double = 20, sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: (PoolStatistics) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !condition(backend.statistics) {
            guard .now < deadline else {
                Issue.record("not \(what): \(backend.statistics)", sourceLocation: sourceLocation)
                return
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// A line of shell in a sandbox of its own.
    func shell(_ line: String, limits: Limits = .standard) async throws -> RunResult {
        try await backend.run(Command("/bin/sh", ["-c", line]), limits: limits)
    }
}

/// Expects `body` to throw a `SandboxError` of `code` that has all of `words` in its message.
@discardableResult
func expectSandboxError(
    _ code: SandboxError.Code, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async -> SandboxError? {
    do {
        try await body()
        Issue.record("no error, expected \(code)", sourceLocation: sourceLocation)
    } catch let error as SandboxError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        for word in words {
            #expect(
                error.message.contains(word), "\(error): expected '\(word)'",
                sourceLocation: sourceLocation)
        }
        return error
    } catch {
        Issue.record(error, "expected \(code)", sourceLocation: sourceLocation)
    }
    return nil
}

extension Duration {
    var milliseconds: Double { self / .milliseconds(1) }
}
#endif
