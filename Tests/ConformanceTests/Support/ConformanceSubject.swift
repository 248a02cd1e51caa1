// The backends that the suite runs against, and the way in which its tests run a victim program.
import Foundation
import Sandbox
import SandboxDocker
import SandboxRuntime
import Testing

/// A backend in one of its configurations.
///
/// The suite is written once: each element of ``all`` is a backend to run it against. Where backends differ,
/// `backend.capabilities` decides.
struct ConformanceSubject: Sendable, CustomTestStringConvertible {
    let name: String
    let backend: any SandboxBackend
    let capabilities: BackendCapabilities
    let rootfs: Rootfs
    var image: Image = .host

    var testDescription: String { name }
    /// A tolerance is that of a quiet machine; this one is for other tests running at the same time.
    func busy(_ tolerance: KeyPath<BackendCapabilities, Duration>) -> Duration {
        capabilities[keyPath: tolerance] * 3
    }

    private static let local = LocalBackend()

    /// The backends that `CONFORMANCE_BACKENDS` names, by default all that exist here.
    static var all: [ConformanceSubject] { get async { await named.value } }

    private static let named = Task {
        var subjects: [ConformanceSubject] = []
        if isNamed("local") { subjects += await locals() }
        if isNamed("docker") { subjects += dockers() }
        return subjects
    }

    private static func isNamed(_ name: Substring) -> Bool {
        environment["CONFORMANCE_BACKENDS"].map { $0.split(separator: ",").contains(name) } ?? true
    }

    private static let environment = ProcessInfo.processInfo.environment

    /// Containers of the tests' own engine, from an image with all programs that the suite uses.
    private static func dockers() -> [ConformanceSubject] {
        #if Docker
        guard let engine = environment["SANDBOX_TEST_ENGINE"] else { return [] }
        var configuration = DockerConfiguration()
        configuration.engineHost = engine
        configuration.image = environment["SANDBOX_TEST_IMAGE"] ?? "container-host"
        configuration.pullPolicy = .never
        // Some tests hold eight sandboxes, and several run at once.
        configuration.pool.maximum = 16
        do {
            let backend = try DockerBackend(configuration: configuration)
            return Rootfs.allCases.map {
                ConformanceSubject(
                    name: "docker, \($0.rawValue)", backend: backend, capabilities: backend.capabilities,
                    rootfs: $0, image: .reference(configuration.image))
            }
        } catch {
            fatalError("\(error)")
        }
        #else
        return []
        #endif
    }

    /// Both root file system modes, where this host has both. An ordinary user can write only to an image
    /// that the library unpacked: one with the host's own programs, whose path is in `CONFORMANCE_IMAGE`.
    private static func locals() async -> [ConformanceSubject] {
        let capabilities = await local.capabilities
        var subjects = [
            ConformanceSubject(
                name: "local, read-only", backend: local, capabilities: capabilities, rootfs: .readOnly)
        ]
        let image = environment["CONFORMANCE_IMAGE"].map(Image.reference)
        guard capabilities.rootfsModes.contains(.writable), image != nil || getuid() == 0 else {
            return subjects
        }
        subjects.append(
            ConformanceSubject(
                name: "local, writable", backend: local, capabilities: capabilities, rootfs: .writable,
                image: getuid() == 0 ? .host : image ?? .host))
        return subjects
    }
}

extension ConformanceSubject {
    func options(
        _ blockedSyscalls: BlockedSyscallPolicy = .standard, network: NetworkMode = .none
    ) -> SandboxOptions {
        SandboxOptions(image: image, rootfs: rootfs, network: network, blockedSyscalls: blockedSyscalls)
    }

    func withSandbox<Value>(
        blockedSyscalls: BlockedSyscallPolicy = .standard, network: NetworkMode = .none,
        _ body: (any SandboxLease) async throws -> Value
    ) async throws -> Value {
        try await backend.withSandbox(options(blockedSyscalls, network: network), body)
    }

    /// Runs a program of `Tests/Programs` in a sandbox of its own.
    func run(
        _ program: String, _ arguments: [String] = [], stdin: StandardInput = .none,
        limits: Limits = .standard, environment: [String: String] = [:],
        blockedSyscalls: BlockedSyscallPolicy = .standard, network: NetworkMode = .none
    ) async throws -> RunResult {
        try await withSandbox(blockedSyscalls: blockedSyscalls, network: network) { sandbox in
            try await sandbox.run(
                program: program, arguments, stdin: stdin, limits: limits, environment: environment)
        }
    }

    /// Runs a line of shell in a sandbox of its own.
    func shell(
        _ line: String, stdin: StandardInput = .none, limits: Limits = .standard
    ) async throws -> RunResult {
        try await withSandbox { sandbox in
            try await sandbox.run(
                Command("/bin/sh", ["-c", line]), stdin: stdin, limits: limits.forThisProcessor)
        }
    }

    /// True when each of these layers is in force here; skips the test otherwise.
    func has(_ layers: IsolationLayer..., sourceLocation: SourceLocation = #_sourceLocation) -> Bool {
        let missing = layers.filter { !capabilities.layers.contains($0) }
        if !missing.isEmpty {
            skip("\(name): no \(missing.map(\.rawValue).joined(separator: ", "))", sourceLocation)
        }
        return missing.isEmpty
    }

    /// The bounding set. In a container it is the agent's own, which cannot be dropped without one more
    /// capability; with no_new_privs a program gains nothing by it.
    var boundingSet: String { capabilities.kind == .docker ? "00000000000000e0" : "0000000000000000" }

    /// For the program `processes`: it sees only pid 1, itself, and the number of processes that the
    /// capabilities state.
    func seesNobodyElse(_ result: RunResult) -> Bool {
        result.lines.filter { !$0.isEmpty }.count <= capabilities.visibleProcesses
    }

    /// Whether memory and processes are sampled, not accounted for by the kernel.
    var isSampled: Bool { !capabilities.layers.contains(.cgroupMemory) }

    /// The smallest memory limit that tests use: 4 MiB where the backend accepts that.
    var smallMemory: Int { max(4 << 20, capabilities.minimumMemory) }
}

extension SandboxLease {
    /// Writes a program of `Tests/Programs` to `/work` as `victim`, and returns the command that runs it.
    func install(
        _ program: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) async throws -> Command {
        let bytes = try await Programs.bytes(program)
        guard try Programs.isScript(program) else {
            try await write(bytes, to: "victim", executable: true)
            return Command("./victim", arguments, environment: environment)
        }
        try await write(bytes, to: "victim.py")
        return Command("/usr/bin/python3", ["victim.py"] + arguments, environment: environment)
    }

    /// Writes a program of `Tests/Programs` to `/work` as `victim`, and runs it.
    func run(
        program: String, _ arguments: [String] = [], stdin: StandardInput = .none,
        limits: Limits = .standard, environment: [String: String] = [:]
    ) async throws -> RunResult {
        let command = try await install(program, arguments, environment: environment)
        return try await run(command, stdin: stdin, limits: limits.forThisProcessor)
    }
}

/// Whether the processor is emulated (`scripts/vm/vm.sh` without KVM): everything takes 10 to 30 times as long.
let isEmulated = ProcessInfo.processInfo.environment["EMULATED"] == "1"

extension Limits {
    /// These limits; on an emulated processor with more time, where the test left the standard time.
    var forThisProcessor: Limits {
        var limits = self
        guard isEmulated else { return limits }
        if wallTime == Limits.standard.wallTime { limits.wallTime *= 15 }
        if cpuTime == Limits.standard.cpuTime { limits.cpuTime *= 15 }
        return limits
    }
}
