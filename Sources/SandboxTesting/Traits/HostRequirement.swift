/// What a host must have for a test to mean anything.

import Sandbox
public import SandboxAPI
import SandboxRuntime

/// Something that a host may lack.
public struct HostRequirement: Sendable, CustomStringConvertible {
    /// Its name, for people.
    public let description: String
    private let lack: @Sendable () async -> String?

    /// - Parameters:
    ///   - name: for people.
    ///   - lack: why the host does not have it, and what mends that; `nil` when it has. Asked for each test.
    public init(_ name: String, lack: @escaping @Sendable () async -> String?) {
        description = name
        self.lack = lack
    }

    /// Why this host does not have it; `nil` when it has.
    public func reasonForLack() async -> String? { await lack() }
}

extension HostRequirement {
    /// The local backend reaches at least the level `minimal` here.
    public static let minimal = level(.minimal)
    /// The local backend reaches at least the level `standard` here.
    public static let standard = level(.standard)
    /// The local backend reaches the level `strong` here.
    public static let strong = level(.strong)

    /// The local backend reaches at least this level here. It is found out by a real run.
    public static func level(_ level: IsolationLevel) -> Self {
        backend(
            TestBackend.local, options: SandboxOptions(isolation: level), name: "isolation \(level.rawValue)")
    }

    /// A backend gives sandboxes with these options: one is made, and closed again.
    ///
    /// - Parameters:
    ///   - backend: evaluated for each test; name one that outlives them.
    ///   - options: what is asked of it.
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
    ///
    /// It is pinged once in a process, as far as that goes without TLS: of an engine that wants it no more is known than
    /// that its port takes connections. ``backend(_:options:name:)`` with a `DockerBackend` asks for all of it.
    public static let engine = Self("a Docker Engine") { await EnginePing.ofEnvironment.value }
}
