/// One run in a fresh sandbox, and the files it leaves.
import SandboxAPI
import SandboxRuntime
import Synchronization

/// How a program is run once its sandbox is there: its output collected, or handed out meanwhile.
typealias Performance = (any SandboxInstance, Command, RunRequest) async throws -> RunResult

/// Collects the output.
func collecting(
    _ sandbox: any SandboxInstance, _ command: Command, _ request: RunRequest
) async throws -> RunResult {
    try await sandbox.run(command, stdin: request.stdin, limits: request.limits)
}

/// Hands the output to `body`.
///
/// - Parameter run: runs a program by the performance it is given, at most once.
func streaming<Value: Sendable>(
    to body: @escaping @concurrent @Sendable (Execution) async throws -> Value,
    _ run: (Performance) async throws -> RunReport
) async throws -> (report: RunReport, value: Value?) {
    let value = Mutex<Value?>(nil)
    let report = try await run { sandbox, command, request in
        let ended = try await sandbox.run(
            command, stdin: request.stdin, limits: request.limits, body: body)
        value.withLock { $0 = ended.value }
        return ended.result
    }
    return (report, value.withLock { $0 })
}

/// Of code that throws nothing else, whatever the compiler knows of it.
func throwingSandboxErrors<Value>(
    _ body: () async throws -> Value
) async throws(SandboxError) -> Value {
    do {
        return try await body()
    } catch let error as SandboxError {
        throw error
    } catch {
        throw SandboxError(.internalError, message: "\(error)")
    }
}

/// Runs `body` with a fresh sandbox and closes it, however `body` ends.
func withFreshSandbox<Value: Sendable>(
    _ options: SandboxOptions, on backend: any SandboxBackend,
    _ body: (any SandboxInstance) async throws -> Value
) async throws -> Value {
    let sandbox = try await backend.acquire(options)
    do {
        let value = try await body(sandbox)
        await sandbox.close()
        return value
    } catch {
        await sandbox.close()
        throw error
    }
}

/// Runs a command with what the request says in a fresh sandbox and collects its files.
///
/// - Parameters:
///   - prefix: arguments before the request's.
///   - program: the runner's own file; written after the request's files.
/// - Returns: a report of a run that met the disk limit when there is no room for the program: its size is the
///   submission's doing, and no failure of the sandbox.
func runProgram(
    _ executable: ByteString, _ prefix: [ByteString] = [], program: InputFile, _ request: RunRequest,
    on backend: any SandboxBackend, by perform: Performance
) async throws -> RunReport {
    let command = Command(
        executable, prefix + request.arguments, environment: request.environment,
        inputFiles: request.inputFiles + [program])
    var options = request.options
    options.firstLimits = request.limits
    return try await withFreshSandbox(options, on: backend) { sandbox in
        var report = RunReport()
        do {
            report.result = try await perform(sandbox, command, request)
        } catch let error as SandboxError where error.code == .noSpace && haveRoom(request) {
            report.result = .unstarted(
                .limitExceeded(.disk), limits: request.limits, isolation: sandbox.isolation,
                provenance: sandbox.provenance)
            return report
        }
        try await collect(request, from: sandbox, into: &report)
        return report
    }
}

/// True when the request's own files would fit alone.
private func haveRoom(_ request: RunRequest) -> Bool {
    func pages(_ bytes: Int) -> Int { (bytes + 4095) / 4096 }
    let needed = request.inputFiles.reduce(0) { $0 + pages($1.bytes.count) }
    return needed <= pages(request.limits.disk)
}

extension RunResult {
    /// Of a program that its size alone kept from being started.
    fileprivate static func unstarted(
        _ outcome: Outcome, limits: Limits, isolation: IsolationReport, provenance: Provenance
    ) -> RunResult {
        let nothing = Usage(
            wallTime: .zero, cpuTime: .zero, userTime: .zero, systemTime: .zero, cpuSource: .clock,
            peakMemory: 0, memorySource: .clock, residentPeak: 0, residentSource: .clock, peakProcesses: 0,
            processesSource: .clock)
        return RunResult(
            outcome: outcome, limitsHit: [], deniedSyscalls: [], stdout: [], stderr: [],
            stdoutTruncated: false, stderrTruncated: false, usage: nothing, limits: limits,
            isolation: isolation, provenance: provenance)
    }
}

/// Reads the files asked for, all together at most `limits.disk` bytes (sparse files would pass the disk
/// limit).
private func collect(
    _ request: RunRequest, from sandbox: any SandboxInstance, into report: inout RunReport
) async throws(SandboxError) {
    var room = request.limits.disk
    for path in request.outputFiles where report.files[path] == nil {
        do {
            let file = try await sandbox.readFile(path, maxBytes: min(room, request.limits.fileSize))
            room -= file.bytes.count
            report.files[path] = file
        } catch {
            // What the program did to the file is no failure of the sandbox; all else is.
            switch error.code {
            case .fileNotFound, .notRegularFile, .fileTooLarge, .fileAccess:
                report.uncollected[path] = error.code
            default: throw error
            }
        }
    }
}

extension SandboxError {
    /// The same failure as `.toolchainNotFound` when the sandbox did not find the tool; itself otherwise.
    func namingToolchain(_ tool: String, kind: String, image: Image, hint: String) -> SandboxError {
        guard code == .executableNotFound else { return self }
        return SandboxError(
            .toolchainNotFound, stage: stage, errno: errno,
            message: "the \(kind) \(tool) is not in the image \(provenance?.image ?? "\(image)")", hint: hint,
            provenance: provenance)
    }
}
