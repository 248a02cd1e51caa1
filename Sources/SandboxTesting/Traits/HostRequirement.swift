/// What a host must have for a test.

import Sandbox
public import SandboxAPI
import SandboxRuntime

/// A feature that a host may lack.
public struct HostRequirement: Sendable, CustomStringConvertible {
    /// The feature's name, for people.
    public let description: String
    private let lack: @Sendable () async -> String?

    /// - Parameters:
    ///   - name: for people.
    ///   - lack: returns why the host lacks the feature, and what mends that; `nil` when it has the feature.
    ///     Called for each test.
    public init(_ name: String, lack: @escaping @Sendable () async -> String?) {
        description = name
        self.lack = lack
    }

    /// Why this host lacks the feature; `nil` when it has it.
    public func reasonForLack() async -> String? { await lack() }
}

extension HostRequirement {
    /// The local backend reaches at least the level `minimal` here.
    public static let minimal = level(.minimal)
    /// The local backend reaches at least the level `standard` here.
    public static let standard = level(.standard)
    /// The local backend reaches the level `strong` here.
    public static let strong = level(.strong)

    /// The local backend reaches at least this level here, which a real run shows.
    public static func level(_ level: IsolationLevel) -> Self {
        backend(
            TestBackend.local, options: SandboxOptions(isolation: level), name: "isolation \(level.rawValue)")
    }

    /// A backend makes sandboxes with these options: one is made, and closed again.
    ///
    /// - Parameters:
    ///   - backend: evaluated for each test; give one that outlives them.
    ///   - options: the requested options.
    ///   - name: for people; the kind of the backend when `nil`.
    public static func backend(
        _ backend: @autoclosure @escaping @Sendable () throws -> any SandboxBackend,
        options: SandboxOptions = SandboxOptions(), name: String? = nil
    ) -> Self {
        Self(name ?? "a backend that gives sandboxes") {
            do {
                try await backend().warm(options)
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    /// A Docker Engine answers where `DOCKER_HOST` says, or at `/var/run/docker.sock`.
    /// It is pinged once in a process. An engine with TLS is not pinged: the requirement then only tests that
    /// its port accepts connections. ``backend(_:options:name:)`` with a `DockerBackend` tests all of it.
    public static let engine = Self("a Docker Engine") { await EnginePing.ofEnvironment.value }
}
