/// A sandbox in use: serial runs, files, and a close that ends both.
import Foundation
import SandboxAPI
import Synchronization

final class SpawnedSandbox: SandboxLease {
    private struct State {
        var isClosed = false
        var isBusy = false
        var running: ProcessRun?
    }

    let provenance: Provenance
    let isolation = SpawnBackend.isolation
    private let number: Int
    private let backend: SpawnBackend
    private let work: WorkDirectory
    private let state = Mutex(State())

    init(_ number: Int, of backend: SpawnBackend, provenance: Provenance) throws(SandboxError) {
        self.number = number
        self.backend = backend
        self.provenance = provenance
        work = try WorkDirectory()
    }

    func close() async {
        let (isFirst, running) = state.withLock { state in
            defer { state.isClosed = true }
            return (!state.isClosed, state.running)
        }
        running?.kill()
        _ = await running?.end()
        guard isFirst else { return }
        work.remove()
        backend.closed(number)
    }

    private func checkOpen() throws(SandboxError) {
        try backend.checkOpen()
        if state.withLock({ $0.isClosed }) {
            throw SandboxError(.sandboxClosed, message: "the sandbox is closed")
        }
    }

    // MARK: Files

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        do throws(SandboxError) {
            try checkOpen()
            try work.write(bytes, to: try Checks.file(path), executable: executable)
        } catch {
            throw error.by(provenance)
        }
    }

    func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        do throws(SandboxError) {
            try checkOpen()
            let parts = try Checks.file(path)
            if maxBytes < 0 { throw SandboxError(.invalidArgument, message: "maxBytes is \(maxBytes)") }
            return try work.read(parts, maxBytes: maxBytes)
        } catch {
            throw error.by(provenance)
        }
    }

    // MARK: Runs

    func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError) -> RunResult
    {
        do throws(SandboxError) {
            let run = try start(command, stdin, limits, isStreaming: false)
            defer { leave() }
            return try result(of: await run.endOrCancelled(), run, limits)
        } catch {
            throw error.by(provenance)
        }
    }

    nonisolated(nonsending) func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        let run: ProcessRun
        do throws(SandboxError) {
            run = try start(command, stdin, limits, isStreaming: true)
        } catch {
            throw error.by(provenance)
        }
        defer { leave() }
        let value: Value
        do {
            value = try await withTaskCancellationHandler {
                try await body(Execution(output: .init(next: { await run.nextChunk() })))
            } onCancel: {
                run.kill()
            }
        } catch {
            run.kill()
            run.discardOutput()
            _ = await run.end()
            throw error
        }
        run.discardOutput()
        if case .stream(let chunks) = stdin { await chunks.bodyEnded() }
        do throws(SandboxError) {
            return (try result(of: await run.endOrCancelled(), run, limits), value)
        } catch {
            throw error.by(provenance)
        }
    }

    /// Checks everything, marks the sandbox as busy, and starts the program. An error leaves the sandbox
    /// free.
    private func start(
        _ command: Command, _ stdin: StandardInput, _ limits: Limits, isStreaming: Bool
    ) throws(SandboxError) -> ProcessRun {
        try checkOpen()
        try Checks.check(limits)
        try Checks.check(command)
        var files: [([ByteString], InputFile)] = []
        for file in command.inputFiles { files.append((try Checks.file(file.path), file)) }
        let directory = try directory(command.directory)
        let isFree = state.withLock { state in
            defer { state.isBusy = true }
            return !state.isBusy
        }
        if !isFree { throw SandboxError(.sandboxBusy, message: "a run is under way in this sandbox") }
        do throws(SandboxError) {
            if Task.isCancelled { throw Self.cancelled }
            for (parts, file) in files { try work.write(file.bytes, to: parts, executable: file.executable) }
            let run = try ProcessRun(
                Program(command, directory: directory, home: work.path), stdin: stdin, limits: limits,
                isStreaming: isStreaming)
            let isClosed = state.withLock { state in
                state.running = run
                return state.isClosed
            }
            if isClosed { run.kill() }
            return run
        } catch {
            leave()
            throw error
        }
    }

    private func leave() {
        state.withLock { state in
            state.running = nil
            state.isBusy = false
        }
    }

    /// The working directory's path on the host.
    private func directory(_ directory: ByteString?) throws(SandboxError) -> ByteString {
        guard let directory else { return work.path }
        let isBelowWork = directory == "/work" || directory.bytes.starts(with: Array("/work/".utf8))
        var path = directory
        if directory.bytes.first != Checks.slash || isBelowWork {
            path = work.path
            for part in try Checks.parts(of: directory) {
                path = ByteString(path.bytes + [Checks.slash] + part.bytes)
            }
        } else if directory.bytes.contains(0) {
            throw SandboxError(.invalidPath, message: "the directory has a NUL in it")
        }
        var status = stat()
        guard stat(path.cString, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw SandboxError(.fileNotFound, message: "there is no directory '\(directory)'")
        }
        return path
    }

    private static var cancelled: SandboxError { SandboxError(.cancelled, message: "the task was cancelled") }

    private func result(of end: ProcessRun.End, _ run: ProcessRun, _ limits: Limits) throws(SandboxError)
        -> RunResult
    {
        if Task.isCancelled { throw Self.cancelled }
        try checkOpen()
        if let failure = run.inputFailure { throw failure }
        let outcome: Outcome
        switch end.cause {
        case .wallTime: outcome = .limitExceeded(.wallTime)
        case .output: outcome = .limitExceeded(.output)
        case .killed, .itself:
            // The same as WIFEXITED and its like, which are macros.
            let signal = end.status & 0x7f
            outcome = signal == 0 ? .exited(code: (end.status >> 8) & 0xff) : .signaled(signal: signal)
        }
        func duration(_ time: timeval) -> Duration { .seconds(time.tv_sec) + .microseconds(time.tv_usec) }
        let (user, system) = (duration(end.resources.ru_utime), duration(end.resources.ru_stime))
        let peak = end.resources.ru_maxrss * 1024
        return RunResult(
            outcome: outcome, limitsHit: [], deniedSyscalls: [], stdout: end.stdout, stderr: end.stderr,
            stdoutTruncated: end.isTruncated[0], stderrTruncated: end.isTruncated[1],
            usage: Usage(
                wallTime: end.wallTime, cpuTime: user + system, userTime: user, systemTime: system,
                cpuSource: .rusage, peakMemory: peak, memorySource: .rusage, residentPeak: peak,
                residentSource: .rusage, peakProcesses: 1, processesSource: .notMeasured),
            limits: limits, isolation: isolation, provenance: provenance)
    }
}
