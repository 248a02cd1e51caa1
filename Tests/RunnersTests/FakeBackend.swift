/// A backend without sandboxes: it records what a runner asks for and answers from a script.
import Sandbox
import Synchronization

final class FakeBackend: SandboxBackend {
    /// What a run does: its outcome, its stderr and the files it leaves.
    struct Answer: Sendable {
        var outcome = Outcome.exited(code: 0)
        var stderr = ""
        var files: [ByteString: [UInt8]] = [:]
    }

    /// One run that a runner asked for.
    struct Recorded: Sendable {
        var sandbox: Int
        var command: Command
        var limits: Limits
    }

    private struct State {
        var acquired = 0
        var open = 0
        var runs: [Recorded] = []
    }

    private let state = Mutex(State())
    private let answer: @Sendable (Command) throws -> Answer
    private let read: @Sendable (ByteString, Int) -> SandboxError.Code?

    /// - Parameters:
    ///   - read: an error code to fail the reading of a path with, given its bound.
    ///   - answer: may throw a `SandboxError`.
    init(
        read: @escaping @Sendable (ByteString, Int) -> SandboxError.Code?,
        answer: @escaping @Sendable (Command) throws -> Answer
    ) {
        self.answer = answer
        self.read = read
    }

    convenience init(answer: @escaping @Sendable (Command) throws -> Answer = { _ in Answer() }) {
        self.init(read: { _, _ in nil }, answer: answer)
    }

    var runs: [Recorded] { state.withLock { $0.runs } }
    var acquired: Int { state.withLock { $0.acquired } }
    var open: Int { state.withLock { $0.open } }

    var statistics: PoolStatistics { PoolStatistics() }
    func shutdown() async {}

    var capabilities: BackendCapabilities {
        BackendCapabilities(
            kind: .local, rootfsModes: [.readOnly], minimumMemory: 0, memoryResolution: 0,
            wallTimeTolerance: .zero,
            cpuTimeTolerance: .zero, layers: [], level: .minimal)
    }

    func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxInstance {
        let number = state.withLock { state in
            state.acquired += 1
            state.open += 1
            return state.acquired
        }
        return Instance(number, of: self)
    }

    private final class Instance: SandboxInstance {
        let number: Int
        let backend: FakeBackend
        let files = Mutex<[ByteString: [UInt8]]>([:])

        init(_ number: Int, of backend: FakeBackend) {
            self.number = number
            self.backend = backend
        }

        var provenance: Provenance {
            Provenance(
                kind: .local, requested: "fake", instance: "fake", sandbox: "\(number)", image: "host",
                hostPID: 1)
        }
        var isolation: IsolationReport {
            IsolationReport(level: .minimal, layers: [], missing: [], cgroup: .none)
        }

        func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
            files.withLock { $0[path] = bytes }
        }

        func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
            if let code = backend.read(path, maxBytes) { throw SandboxError(code, message: path.text) }
            guard let bytes = files.withLock({ $0[path] }) else {
                throw SandboxError(.fileNotFound, message: path.text)
            }
            guard bytes.count <= maxBytes else { throw SandboxError(.fileTooLarge, message: path.text) }
            return OutputFile(bytes)
        }

        func run(
            _ command: Command, stdin: StandardInput, limits: Limits
        ) async throws(SandboxError) -> RunResult {
            backend.state.withLock {
                $0.runs.append(Recorded(sandbox: number, command: command, limits: limits))
            }
            let answer: Answer
            do {
                answer = try backend.answer(command)
            } catch {
                throw error as? SandboxError ?? SandboxError(.internalError, message: "\(error)")
            }
            files.withLock { $0.merge(answer.files) { $1 } }
            let usage = Usage(
                wallTime: .zero, cpuTime: .zero, userTime: .zero, systemTime: .zero, cpuSource: .clock,
                peakMemory: 0,
                memorySource: .clock, residentPeak: 0, residentSource: .clock, peakProcesses: 1,
                processesSource: .clock)
            return RunResult(
                outcome: answer.outcome, limitsHit: [], deniedSyscalls: [], stdout: [],
                stderr: Array(answer.stderr.utf8), stdoutTruncated: false, stderrTruncated: false,
                usage: usage,
                limits: limits, isolation: isolation, provenance: provenance)
        }

        nonisolated(nonsending) func run<Value>(
            _ command: Command, stdin: StandardInput, limits: Limits,
            body: nonisolated(nonsending) (Execution) async throws -> Value
        ) async throws -> (result: RunResult, value: Value) {
            var result = try await run(command, stdin: stdin, limits: limits)
            let pieces = Mutex([
                Execution.Chunk(stream: .stdout, bytes: result.stdout),
                Execution.Chunk(stream: .stderr, bytes: result.stderr),
            ])
            let output = Execution.Output { pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
            let value = try await body(Execution(output: output))
            result.stdout = []
            result.stderr = []
            return (result, value)
        }

        func close() async { backend.state.withLock { $0.open -= 1 } }
    }
}
