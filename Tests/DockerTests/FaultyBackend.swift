/// A real local backend with injected faults, as a fallback's first backend.

#if Docker
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker

/// The faults; none at first.
struct Faults: Sendable {
    enum Loss: Sendable {
        /// The run is lost before its program starts.
        case beforeStart
        /// The backend is lost after the program has done all its work.
        case afterwards
        /// The stream ends after this many chunks, and then the backend is lost.
        case afterChunks(Int)
    }

    var acquire: SandboxError.Code?
    var acquireDelay = Duration.zero
    var write: SandboxError.Code?
    /// The fault of each run from now on, in order; `nil`: none.
    var runs: [Loss?] = []
    var runError = SandboxError.Code.containerLost
}

final class FaultyBackend: SandboxBackend {
    private let state = Mutex((faults: Faults(), acquisitions: 0, runs: 0, open: 0))
    let inner: LocalBackend

    init(_ inner: LocalBackend = LocalBackend(.init(minimum: 0, maximum: 4))) { self.inner = inner }

    var faults: Faults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }
    /// How many sandboxes were requested.
    var acquisitions: Int { state.withLock { $0.acquisitions } }
    /// Sandboxes that are not closed.
    var open: Int { state.withLock { $0.open } }
    /// How many runs were requested.
    var runs: Int { state.withLock { $0.runs } }

    var capabilities: BackendCapabilities {
        get async {
            var capabilities = await inner.capabilities
            capabilities.kind = .docker
            capabilities.minimumMemory = 6 << 20
            capabilities.rootfsModes = [.readOnly]
            capabilities.wallTimeTolerance += .seconds(1)
            capabilities.layers.remove(.landlock)
            return capabilities
        }
    }

    var statistics: PoolStatistics { inner.statistics }

    func shutdown() async { await inner.shutdown() }

    func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        let faults = state.withLock { state in
            state.acquisitions += 1
            return state.faults
        }
        if faults.acquireDelay > .zero {
            do { try await Task.sleep(for: faults.acquireDelay) } catch {
                throw SandboxError(.cancelled, message: "cancelled while it waited")
            }
        }
        if let code = faults.acquire { throw Self.error(code) }
        let sandbox = try await inner.acquire(options)
        state.withLock { $0.open += 1 }
        return FaultySandbox(self, sandbox)
    }

    fileprivate func closed() { state.withLock { $0.open -= 1 } }

    fileprivate func nextRun() -> (Faults.Loss?, SandboxError.Code) {
        state.withLock { state in
            state.runs += 1
            return (
                state.faults.runs.isEmpty ? nil : state.faults.runs.removeFirst(), state.faults.runError
            )
        }
    }

    static func error(_ code: SandboxError.Code) -> SandboxError {
        SandboxError(code, message: "the fault was injected (\(code))", hint: "take it out")
    }
}

private final class FaultySandbox: SandboxLease {
    private let backend: FaultyBackend
    private let inner: any SandboxLease
    private let isClosed = Atomic<Bool>(false)

    init(_ backend: FaultyBackend, _ inner: any SandboxLease) {
        self.backend = backend
        self.inner = inner
    }

    var provenance: Provenance {
        var provenance = inner.provenance
        provenance.kind = .docker
        return provenance
    }
    var isolation: IsolationReport { inner.isolation }

    func close() async {
        if !isClosed.exchange(true, ordering: .relaxed) { backend.closed() }
        await inner.close()
    }

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        if let code = backend.faults.write { throw FaultyBackend.error(code) }
        try await inner.write(bytes, to: path, executable: executable)
    }

    func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        try await inner.readFile(path, maxBytes: maxBytes)
    }

    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        if let code = backend.faults.write { throw FaultyBackend.error(code) }
        try await inner.write(bytes, to: path, at: offset)
    }

    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        try await inner.read(path, from: offset, maxBytes: maxBytes)
    }

    func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        try await inner.info(of: path)
    }

    func list(_ path: ByteString, maxEntries: Int) async throws(SandboxError) -> [DirectoryEntry] {
        try await inner.list(path, maxEntries: maxEntries)
    }

    func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        if let code = backend.faults.write { throw FaultyBackend.error(code) }
        try await inner.makeDirectory(path)
    }

    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        if let code = backend.faults.write { throw FaultyBackend.error(code) }
        try await inner.makeSymbolicLink(path, to: target)
    }

    func remove(_ path: ByteString) async throws(SandboxError) {
        try await inner.remove(path)
    }

    func run(
        _ command: Command, stdin: StandardInput, limits: Limits
    ) async throws(SandboxError) -> RunResult {
        let (loss, code) = backend.nextRun()
        if case .beforeStart? = loss { throw FaultyBackend.error(code) }
        var result = try await inner.run(command, stdin: stdin, limits: limits)
        if loss != nil { throw FaultyBackend.error(code) }
        result.provenance.kind = .docker
        return result
    }

    nonisolated(nonsending) func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        let (loss, code) = backend.nextRun()
        let lost = FaultyBackend.error(code)
        switch loss {
        case .beforeStart: throw lost
        case .afterwards:
            _ = try await inner.run(command, stdin: stdin, limits: limits, body: body)
            throw lost
        case .afterChunks(let count):
            let left = Mutex(count)
            _ = try await inner.run(command, stdin: stdin, limits: limits) { execution in
                let cut = Execution.Output {
                    let isOver = left.withLock { left in
                        left -= 1
                        return left < 0
                    }
                    if isOver { return nil }
                    var iterator = execution.output.makeAsyncIterator()
                    return await iterator.next()
                }
                _ = try await body(Execution(output: cut))
                throw lost
            }
            throw lost
        case nil:
            var answer = try await inner.run(command, stdin: stdin, limits: limits, body: body)
            answer.result.provenance.kind = .docker
            return answer
        }
    }
}
#endif
