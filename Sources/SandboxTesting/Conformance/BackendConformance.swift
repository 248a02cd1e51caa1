/// What any backend must do, as checks that anybody can run against his own.

public import SandboxAPI
public import Testing

/// A backend to be checked, and what the root file system of its sandboxes has.
///
/// Nothing is compiled: the checks are lines of shell. Whatever differs between backends comes from
/// ``/SandboxAPI/SandboxBackend/capabilities``: layers, limits and root file system modes that are not promised are not
/// looked for.
///
/// ```swift
/// struct MyBackendTests {
///     static let conformance = BackendConformance { MyBackend() }
///
///     @Test(arguments: conformance.checks) func conforms(check: ConformanceCheck) async throws {
///         try await check.run(on: Self.conformance)
///     }
/// }
/// ```
public struct BackendConformance: Sendable {
    /// Programs of the root file system that the checks use, by their paths in it.
    public struct Tools: Sendable, Hashable {
        /// A POSIX shell with the builtins `printf`, `read`, `test` and `kill`.
        public var shell = "/bin/sh"
        public var cat = "/bin/cat"
        public var ln = "/bin/ln"
        public var sleep = "/bin/sleep"

        public init() {}
    }

    /// What sandboxes are asked for. The mode of the root file system in it is not looked at: each check goes through those
    /// of ``rootfsModes``.
    public var options: SandboxOptions
    public var tools: Tools
    /// Modes of the root file system to be checked; all that the backend's capabilities promise when `nil`.
    public var rootfsModes: Set<Rootfs>?
    /// The backend is several taken as one, such as a fallback: its capabilities are the least that a sandbox gets, and a run
    /// that one of them could not hold may be answered by another, as a further attempt. By default capabilities are exactly
    /// what each sandbox gets, and its own provenance stands in all that comes of it.
    public var combinesBackends = false
    private let make: @Sendable () throws -> any SandboxBackend

    /// - Parameters:
    ///   - options: for each sandbox; `nil`: of the backend's own image, whatever its level of isolation.
    ///   - tools: where the root file system has them.
    ///   - rootfsModes: to be checked; `nil`: all that the backend's capabilities promise.
    ///   - make: gives a new backend. Each check has one of its own, which it shuts down.
    public init(
        options: SandboxOptions? = nil, tools: Tools = Tools(), rootfsModes: Set<Rootfs>? = nil,
        make: @escaping @Sendable () throws -> any SandboxBackend
    ) {
        self.options = options ?? SandboxOptions(isolation: .unconfined)
        self.tools = tools
        self.rootfsModes = rootfsModes
        self.make = make
    }

    /// The checks that concern this backend. What cannot be made has all of them, and they fail.
    public var checks: [ConformanceCheck] {
        do {
            return ConformanceCheck.all(for: try make().capabilities)
        } catch {
            return ConformanceCheck.all(for: .fake)
        }
    }

    /// Runs all checks, one after another; each failure is an issue of the test under way.
    public func run(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for check in checks { try await check.run(on: self, sourceLocation: sourceLocation) }
    }

    func backend() throws -> any SandboxBackend { try make() }
}

/// One thing that every backend must do.
public struct ConformanceCheck: Sendable, CustomTestStringConvertible {
    /// A sentence about backends.
    public let name: String
    /// Whether it concerns a backend with these capabilities.
    let concerns: @Sendable (BackendCapabilities) -> Bool
    let body: @Sendable (ConformanceContext) async throws -> Void

    public var testDescription: String { name }

    init(
        _ name: String, if concerns: @escaping @Sendable (BackendCapabilities) -> Bool = { _ in true },
        _ body: @escaping @Sendable (ConformanceContext) async throws -> Void
    ) {
        self.name = name
        self.concerns = concerns
        self.body = body
    }

    /// Those that concern a backend with these capabilities.
    public static func all(for capabilities: BackendCapabilities) -> [ConformanceCheck] {
        everything.filter { $0.concerns(capabilities) }
    }

    static let everything =
        OutcomeChecks.all + InputChecks.all + OutputChecks.all + StreamingChecks.all + FileChecks.all
        + LimitChecks.all + LifetimeChecks.all + IsolationChecks.all

    /// Makes a backend, does what the check is about, and shuts the backend down; anew in each mode of the root file system
    /// that is to be checked.
    ///
    /// - Parameters:
    ///   - conformance: the backend, and what its root file system has.
    ///   - sourceLocation: where failures are recorded.
    /// - Throws: what making the backend throws.
    public func run(
        on conformance: BackendConformance, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let modes = try conformance.rootfsModes ?? conformance.backend().capabilities.rootfsModes
        for mode in Rootfs.allCases where modes.contains(mode) {
            var options = conformance.options
            options.rootfs = mode
            let backend = try conformance.backend()
            let context = ConformanceContext(
                check: name, backend: backend, options: options, tools: conformance.tools,
                combinesBackends: conformance.combinesBackends, sourceLocation: sourceLocation)
            do { try await body(context) } catch { context.fail("it threw \(error)") }
            await backend.shutdown()
            let left = backend.statistics
            context.check(left.inUse == 0 && left.waiting == 0, "after the shutdown: \(left)")
        }
    }
}

/// Concerns a backend that holds runs to this limit.
func enforces(_ limit: LimitKind) -> @Sendable (BackendCapabilities) -> Bool {
    { $0.enforcedLimits.contains(limit) }
}
