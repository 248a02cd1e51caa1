// Conversations on a backend of somebody else's: through the public protocol alone.
import Foundation
import Sandbox
import SandboxRuntime
import Testing

/// The local backend, of which nothing but the public protocol can be seen.
private struct ForeignBackend: SandboxBackend {
    let inner = LocalBackend()
    var capabilities: BackendCapabilities { get async { await inner.capabilities } }
    var statistics: PoolStatistics { inner.statistics }
    func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        ForeignSandbox(try await inner.acquire(options))
    }
    func shutdown() async { await inner.shutdown() }
}

private final class ForeignSandbox: SandboxLease {
    let inner: any SandboxLease
    init(_ inner: any SandboxLease) { self.inner = inner }
    var provenance: Provenance { inner.provenance }
    var isolation: IsolationReport { inner.isolation }
    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        try await inner.write(bytes, to: path, executable: executable)
    }
    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        try await inner.write(bytes, to: path, at: offset)
    }
    func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        try await inner.readFile(path, maxBytes: maxBytes)
    }
    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        try await inner.read(path, from: offset, maxBytes: maxBytes)
    }
    func info(of path: ByteString) async throws(SandboxError) -> FileInfo { try await inner.info(of: path) }
    func list(_ path: ByteString, maxEntries: Int) async throws(SandboxError) -> [DirectoryEntry] {
        try await inner.list(path, maxEntries: maxEntries)
    }
    func makeDirectory(_ path: ByteString) async throws(SandboxError) { try await inner.makeDirectory(path) }
    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        try await inner.makeSymbolicLink(path, to: target)
    }
    func remove(_ path: ByteString) async throws(SandboxError) { try await inner.remove(path) }
    func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError) -> RunResult
    {
        try await inner.run(command, stdin: stdin, limits: limits)
    }
    nonisolated(nonsending) func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        try await inner.run(command, stdin: stdin, limits: limits, body: body)
    }
    func close() async { await inner.close() }
}

@Suite("Conversations on a foreign backend", .shared, .timeLimit(.patient))
struct ForeignBackendTests {
    private static func shell(_ name: String, _ line: String, _ backend: some SandboxBackend) -> Participant {
        Participant(name, Command("/bin/sh", ["-c", line]), on: backend, limits: ConversationTests.limits)
    }

    @Test("Rounds, ends and failures")
    func foreign() async throws {
        let (foreign, local) = (ForeignBackend(), LocalBackend())
        let ask = "for i in 1 2 3; do echo $i; read answer; echo $answer >&2; done"
        let answer = "while read n; do echo $((n * n)); done"
        for other in [foreign, local] as [any SandboxBackend] {
            let result = try await converse(
                [
                    Self.shell("asks", ask, foreign),
                    Participant("answers", Command("/bin/sh", ["-c", answer]), on: other),
                ],
                connections: Connection.between("asks", "answers"))
            #expect(result["asks"]?.result?.stderrText == "1\n4\n9\n")
            #expect(result["answers"]?.result?.outcome == .exited(code: 0))
            #expect(result.connections.map(\.form) == [.relayedStream, .relayedStream])
            #expect(result.connections.map(\.bytes) == [6, 6])
        }
        var second = Self.shell("second", "sleep 50", foreign)
        second.grace = .zero
        let failed = try await converse(
            [Self.shell("first", "exit 1", foreign), second],
            connections: Connection.between("first", "second"))
        #expect(failed["second"]?.stopped == .failure(of: "first"))
        #expect(
            failed["second"]?.result?.outcome == .signaled(signal: SIGKILL),
            "the foreign backend is made of one of the library's, whose run is found through it")
        #expect(failed.firstToFail?.name == "first")
        await expectError(.executableNotFound) {
            try await converse(
                [
                    Self.shell("one", "sleep 50", foreign),
                    Participant("two", Command("/no/such"), on: foreign),
                ],
                connections: Connection.between("one", "two"))
        }
        #expect(foreign.statistics.inUse == 0)
        await foreign.shutdown()
        await local.shutdown()
    }
}
