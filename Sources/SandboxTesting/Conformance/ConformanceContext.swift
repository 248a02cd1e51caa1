/// The backend, helpers and expectations of a check.

import Glibc
import SandboxAPI
import SandboxRuntime
import Testing

/// One backend, in one root file system mode, with expectations that name their check.
struct ConformanceContext: Sendable {
    let check: String
    let backend: any SandboxBackend
    let capabilities: BackendCapabilities
    let options: SandboxOptions
    let tools: BackendConformance.Tools
    let combinesBackends: Bool
    let sourceLocation: SourceLocation

    var comment: Comment { Comment(rawValue: "\(check) (\(options.rootfs.rawValue))") }

    /// More time than any run of these checks needs, even on a busy machine.
    static let patient = Limits(wallTime: .seconds(120), cpuTime: .seconds(60))
    /// Sooner than the ended programs would have ended by themselves.
    static let soon = Duration.seconds(60)

    // MARK: Running

    func withSandbox<Value>(_ body: (any SandboxLease) async throws -> Value) async throws -> Value {
        try await backend.withSandbox(options, body)
    }

    /// A line of shell; its arguments are `$1` and so on.
    func shell(_ line: String, _ arguments: [ByteString] = []) -> Command {
        Command(ByteString(tools.shell), ["-c", ByteString(line), "sh"] + arguments)
    }

    /// Runs a line of shell in a sandbox of its own.
    func run(
        _ line: String, _ arguments: [ByteString] = [], stdin: StandardInput = .none, limits: Limits = patient
    ) async throws -> RunResult {
        try await withSandbox { try await $0.run(shell(line, arguments), stdin: stdin, limits: limits) }
    }

    // MARK: Expecting

    func expect(_ result: RunResult, _ outcome: Outcome, stdout: String? = nil, stderr: String? = nil) {
        SandboxTesting.expect(
            result, outcome, stdout: stdout, stderr: stderr, comment, sourceLocation: sourceLocation)
    }

    func expect(_ result: RunResult, exited code: Int32, stdout: String? = nil, stderr: String? = nil) {
        expect(result, .exited(code: code), stdout: stdout, stderr: stderr)
    }

    func expectError<Value>(_ codes: SandboxError.Code..., body: () async throws -> Value) async {
        // One code or several: any of them will do.
        do {
            let value = try await body()
            let found = (value as? RunResult)?.testDescription ?? "\(value)"
            fail("expected the error \(codes), but there was none, but \(found)")
        } catch let error as SandboxError {
            check(codes.contains(error.code), "expected the error \(codes), but it was \(error)")
            check(!error.message.isEmpty, "an error \(error.code) without a message")
        } catch {
            fail("expected the error \(codes), but it was \(error)")
        }
    }

    func check(_ isSo: Bool, _ otherwise: @autoclosure () -> String) {
        if !isSo { fail(otherwise()) }
    }

    func fail(_ what: String) {
        Issue.record(Comment(rawValue: "\(comment.rawValue): \(what)"), sourceLocation: sourceLocation)
    }

    /// Expects two long byte strings to be equal, and prints neither.
    func expectEqual(_ found: [UInt8], _ expected: [UInt8], _ what: String) {
        check(found == expected, "\(what): \(found.count) bytes, not the \(expected.count) expected ones")
    }

    /// Bytes in which no two nearby parts are equal.
    static func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(($0 / 4096 + $0) % 251) } }

    /// A file of the host that exists while `body` runs.
    func withHostFile<Value>(_ bytes: [UInt8], _ body: (String) async throws -> Value) async throws -> Value {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let path = "\(folder)/sandbox-conformance-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        try Self.write(bytes, toHost: path)
        defer { unlink(path) }
        return try await body(path)
    }

    private static func write(_ bytes: [UInt8], toHost path: String) throws(SandboxError) {
        let file = OwnedDescriptor(owning: open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644))
        guard Glibc.write(file.number, bytes, bytes.count) == bytes.count else {
            throw SandboxError(
                .fileAccess, errno: errno, message: "a file for the check cannot be written: \(path)")
        }
    }

    static func contents(ofHost path: String) -> [UInt8]? {
        guard let file = OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC)) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 1 << 21)
        let count = read(file.number, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes.prefix(count))
    }
}
