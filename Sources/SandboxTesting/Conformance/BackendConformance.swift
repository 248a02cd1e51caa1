/// Checks of what every backend must do, which can be run against a backend of any package.

public import SandboxAPI
public import Testing

/// A backend to be checked, and the tools in the root file system of its sandboxes.
///
/// The checks are lines of shell, so nothing is compiled. Where backends differ,
/// ``/SandboxAPI/SandboxBackend/capabilities`` decides: layers, limits and root file system modes that the
/// backend does not promise are not checked.
///
/// ```swift
/// struct MyBackendTests {
///     static let conformance = BackendConformance { MyBackend() }
///
///     @Test(arguments: await conformance.checks) func conforms(check: ConformanceCheck) async throws {
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

    /// The options of each sandbox. Their root file system mode is ignored: each check runs in all modes of
    /// ``rootfsModes``.
    public var options: SandboxOptions
    public var tools: Tools
    /// The root file system modes to check; `nil`: all that the backend's capabilities promise.
    public var rootfsModes: Set<Rootfs>?
    /// The backend is several taken as one, such as a fallback: its capabilities are the least that a sandbox gets, and a run
    /// that one of them could not hold may be answered by another, as a further attempt. By default capabilities are exactly
    /// what each sandbox gets, and its own provenance stands in all that comes of it.
    public var combinesBackends = false
    private let make: @Sendable () throws -> any SandboxBackend

    /// - Parameters:
    ///   - options: of each sandbox; `nil`: the backend's own image, at any level of isolation.
    ///   - tools: the paths of the tools in the root file system.
    ///   - rootfsModes: the modes to check; `nil`: all that the backend's capabilities promise.
    ///   - make: makes a backend. Each check has one of its own, and shuts it down.
    public init(
        options: SandboxOptions? = nil, tools: Tools = Tools(), rootfsModes: Set<Rootfs>? = nil,
        make: @escaping @Sendable () throws -> any SandboxBackend
    ) {
        self.options = options ?? SandboxOptions(isolation: .unconfined)
        self.tools = tools
        self.rootfsModes = rootfsModes
        self.make = make
    }

    /// The checks that apply to this backend. If `make` throws, all checks apply, and fail.
    public var checks: [ConformanceCheck] {
        get async {
            do {
                return ConformanceCheck.all(for: try await capabilities())
            } catch {
                return ConformanceCheck.all(for: .fake)
            }
        }
    }

    /// Runs all checks, one after another; each failure is an issue of the test under way.
    public func run(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for check in await checks { try await check.run(on: self, sourceLocation: sourceLocation) }
    }

    func backend() throws -> any SandboxBackend { try make() }

    /// The modes of the root file system that are to be checked.
    var modes: Set<Rootfs> {
        get async throws {
            if let rootfsModes { return rootfsModes }
            return try await capabilities().rootfsModes
        }
    }

    /// Those of a backend that is made for nothing else.
    private func capabilities() async throws -> BackendCapabilities {
        let backend = try make()
        let capabilities = await backend.capabilities
        await backend.shutdown()
        return capabilities
    }
}

/// One requirement on every backend.
public struct ConformanceCheck: Sendable, CustomTestStringConvertible {
    /// The requirement, as a sentence about backends.
    public let name: String
    /// Whether the check applies to a backend with these capabilities.
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

    /// The checks that apply to a backend with these capabilities.
    public static func all(for capabilities: BackendCapabilities) -> [ConformanceCheck] {
        everything.filter { $0.concerns(capabilities) }
    }

    static let everything =
        OutcomeChecks.all + InputChecks.all + OutputChecks.all + StreamingChecks.all + FileChecks.all
        + TreeChecks.all + LimitChecks.all + LifetimeChecks.all + IsolationChecks.all

    /// Makes a backend, runs the check, and shuts the backend down; again for each root file system mode to
    /// check.
    ///
    /// - Parameters:
    ///   - conformance: the backend, and the tools in its root file system.
    ///   - sourceLocation: where failures are recorded.
    /// - Throws: the error of making the backend.
    public func run(
        on conformance: BackendConformance, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let modes = try await conformance.modes
        for mode in Rootfs.allCases where modes.contains(mode) {
            var options = conformance.options
            options.rootfs = mode
            let backend = try conformance.backend()
            let context = ConformanceContext(
                check: name, backend: backend, capabilities: await backend.capabilities, options: options,
                tools: conformance.tools,
                combinesBackends: conformance.combinesBackends, sourceLocation: sourceLocation)
            do { try await body(context) } catch { context.fail("it threw \(error)") }
            await backend.shutdown()
            let left = backend.statistics
            context.check(left.inUse == 0 && left.waiting == 0, "after the shutdown: \(left)")
        }
    }
}

/// Applies to a backend that holds runs to this limit.
func enforces(_ limit: LimitKind) -> @Sendable (BackendCapabilities) -> Bool {
    { $0.enforcedLimits.contains(limit) }
}
