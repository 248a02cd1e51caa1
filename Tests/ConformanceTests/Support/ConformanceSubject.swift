// What the suite is run against, and the one way in which its tests run a victim program.
import Foundation
import Sandbox
import SandboxDocker
import SandboxRuntime
import Testing

/// A backend in one of its configurations.
///
/// The suite is written once: a backend plugs in by an element of ``all``. Whatever differs between backends
/// comes from `backend.capabilities`.
struct ConformanceSubject: Sendable, CustomTestStringConvertible {
    let name: String
    let backend: any SandboxBackend
    let rootfs: Rootfs
    var image: Image = .host

    var testDescription: String { name }
    var capabilities: BackendCapabilities { backend.capabilities }
    /// A tolerance, which is that of a quiet machine, while other tests run at the same time.
    func busy(_ tolerance: KeyPath<BackendCapabilities, Duration>) -> Duration {
        capabilities[keyPath: tolerance] * 3
    }

    private static let local = LocalBackend()

    /// What `CONFORMANCE_BACKENDS` names, by default all that are there.
    static let all = [("local", locals), ("docker", dockers)].filter { name, _ in
        environment["CONFORMANCE_BACKENDS"].map { $0.split(separator: ",").contains(name[...]) } ?? true
    }.flatMap(\.1)

    private static let environment = ProcessInfo.processInfo.environment

    /// Containers of the tests' own engine, of an image that has all programs that the suite uses.
    private static let dockers: [ConformanceSubject] = {
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
                    name: "docker, \($0.rawValue)", backend: backend, rootfs: $0,
                    image: .reference(configuration.image))
            }
        } catch {
            fatalError("\(error)")
        }
        #else
        return []
        #endif
    }()

    /// Both modes of the root file system, where this host has both. An ordinary user can write only to an image that
    /// the library unpacked: one with the host's own programs, whose path is in `CONFORMANCE_IMAGE`.
    private static let locals: [ConformanceSubject] = {
        var subjects = [ConformanceSubject(name: "local, read-only", backend: local, rootfs: .readOnly)]
        let image = environment["CONFORMANCE_IMAGE"].map(Image.reference)
        guard local.capabilities.rootfsModes.contains(.writable), image != nil || getuid() == 0 else {
            return subjects
        }
        subjects.append(
            ConformanceSubject(
                name: "local, writable", backend: local, rootfs: .writable,
                image: getuid() == 0 ? .host : image ?? .host))
        return subjects
    }()
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

    /// The bounding set. In a container it holds what the agent itself has, and nobody may drop it without one more
    /// capability; with no_new_privs nothing comes of it.
    var boundingSet: String { capabilities.kind == .docker ? "00000000000000e0" : "0000000000000000" }

    /// Of the program `processes`: nobody there but pid 1, itself, and what the backend says is visible.
    func seesNobodyElse(_ result: RunResult) -> Bool {
        result.lines.filter { !$0.isEmpty }.count <= capabilities.visibleProcesses
    }

    /// Memory and processes are looked at from time to time, not accounted for by the kernel.
    var isSampled: Bool { !capabilities.layers.contains(.cgroupMemory) }

    /// The smallest memory limit that tests use: 4 MiB where the backend accepts that.
    var smallMemory: Int { max(4 << 20, capabilities.minimumMemory) }
}

extension SandboxLease {
    /// Puts a program of `Tests/Programs` into `/work` as `victim`, and says how to run it.
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

    /// Puts a program of `Tests/Programs` into `/work` as `victim`, and runs it.
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
    /// The same, but where the standard time is not the test's own choice, and the processor is emulated: more of it.
    var forThisProcessor: Limits {
        var limits = self
        guard isEmulated else { return limits }
        if wallTime == Limits.standard.wallTime { limits.wallTime *= 15 }
        if cpuTime == Limits.standard.cpuTime { limits.cpuTime *= 15 }
        return limits
    }
}
