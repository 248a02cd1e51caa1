/// How a runner's program is run once its sandbox is there.

public import SandboxAPI
import SandboxRuntime

/// What a ``LanguageRunner`` runs its program by: its output is collected, or handed out meanwhile, and the runner need not
/// know which.
public struct Performance {
    /// What came of a program.
    struct Performed {
        var result: RunResult
        /// What went to stderr, where it was asked for.
        var stderr: [UInt8]
    }

    private typealias Body =
        (any SandboxLease, Command, RunRequest, _ keepsErrors: Bool) async throws -> Performed

    private let body: Body

    /// Collects the output.
    static var collecting: Performance {
        Performance { sandbox, command, request, _ in
            let result = try await sandbox.run(command, stdin: request.stdin, limits: request.limits)
            return Performed(result: result, stderr: result.stderr)
        }
    }

    private init(_ body: @escaping Body) { self.body = body }

    /// Hands the output to `body`.
    ///
    /// - Parameter run: runs a program by the performance it is given, at most once.
    static func streaming<Value>(
        to body: @escaping (Execution) async throws -> Value,
        _ run: (Performance) async throws -> RunReport
    ) async throws -> (report: RunReport, value: Value?) {
        var value: Value?
        let report = try await run(
            Performance { sandbox, command, request, keepsErrors in
                let errors = Locked<[UInt8]>([])
                let ended = try await sandbox.run(
                    command, stdin: request.stdin, limits: request.limits
                ) { execution in
                    guard keepsErrors else { return try await body(execution) }
                    let watched = Execution.Output {
                        var iterator = execution.output.makeAsyncIterator()
                        let chunk = await iterator.next()
                        if let chunk, chunk.stream == .stderr { errors.withLock { $0 += chunk.bytes } }
                        return chunk
                    }
                    return try await body(Execution(output: watched))
                }
                value = ended.value
                return Performed(result: ended.result, stderr: errors.withLock { $0 })
            })
        return (report, value)
    }

    /// Runs a command with what the request says in a fresh sandbox and collects its files.
    ///
    /// - Parameters:
    ///   - executable: a path in the sandbox, or a name to be found in `PATH`.
    ///   - prefix: arguments before the request's.
    ///   - program: the runner's own file; written after the request's files.
    ///   - request: arguments, stdin, limits and files.
    ///   - backend: where to run it.
    ///   - details: understands what the program wrote to stderr, when the run did not succeed.
    /// - Returns: a report of a run that met the disk limit when there is no room for the program: its size is the
    ///   submission's doing, and no failure of the sandbox.
    /// - Throws: whatever the sandbox throws, and the body of a streaming run.
    public func run(
        _ executable: ByteString, _ prefix: [ByteString] = [], program: InputFile, _ request: RunRequest,
        on backend: any SandboxBackend, details: ((_ stderr: [UInt8]) -> (any RunDetails)?)? = nil
    ) async throws -> RunReport {
        let command = Command(
            executable, prefix + request.arguments, environment: request.environment,
            inputFiles: request.inputFiles + [program])
        var options = request.options
        options.firstLimits = request.limits
        return try await backend.withSandbox(options) { sandbox in
            var report = RunReport()
            do {
                let performed = try await body(sandbox, command, request, details != nil)
                report.result = performed.result
                if !performed.result.outcome.isSuccess { report.details = details?(performed.stderr) }
            } catch let error as SandboxError where error.code == .noSpace && request.hasRoom {
                report.result = .unstarted(
                    .limitExceeded(.disk), limits: request.limits, isolation: sandbox.isolation,
                    provenance: sandbox.provenance)
                return report
            }
            try await report.collect(request, from: sandbox)
            return report
        }
    }
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

extension RunRequest {
    /// True when the request's own files would fit alone.
    fileprivate var hasRoom: Bool {
        func pages(_ bytes: Int) -> Int { (bytes + 4095) / 4096 }
        let needed = inputFiles.reduce(0) { $0 + pages($1.bytes.count) }
        return needed <= pages(limits.disk)
    }
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

extension RunReport {
    /// Reads the files asked for, all together at most `limits.disk` bytes (sparse files would pass the disk
    /// limit).
    fileprivate mutating func collect(
        _ request: RunRequest, from sandbox: any SandboxLease
    ) async throws(SandboxError) {
        var room = request.limits.disk
        for path in request.outputFiles where files[path] == nil {
            do {
                let file = try await sandbox.readFile(path, maxBytes: min(room, request.limits.fileSize))
                room -= file.bytes.count
                files[path] = file
            } catch {
                // What the program did to the file is no failure of the sandbox; all else is.
                switch error.code {
                case .fileNotFound, .notRegularFile, .fileTooLarge, .fileAccess:
                    uncollected[path] = error.code
                default: throw error
                }
            }
        }
    }
}

extension SandboxError {
    /// The same failure as `.toolchainNotFound` when the sandbox did not find the tool; itself otherwise.
    ///
    /// - Parameters:
    ///   - tool: the compiler's or interpreter's name; `kind` is which of them.
    ///   - hint: how to install it.
    public func namingToolchain(_ tool: String, kind: String, image: Image, hint: String) -> SandboxError {
        guard code == .executableNotFound else { return self }
        return SandboxError(
            .toolchainNotFound, stage: stage, errno: errno,
            message: "the \(kind) \(tool) is not in the image \(provenance?.image ?? "\(image)")", hint: hint,
            provenance: provenance)
    }
}
