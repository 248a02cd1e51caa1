/// Runs a runner's program once its sandbox exists.

public import SandboxAPI
import SandboxRuntime

/// How a ``LanguageRunner`` runs its program: the output is collected, or passed to the caller during the
/// run, and the runner need not know which.
public struct Performance {
    /// The result of a program's run.
    struct Performed {
        var result: RunResult
        /// The bytes of stderr, if they were requested.
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

    /// Passes the output to `body`.
    ///
    /// - Parameter run: runs a program by the given performance, at most once.
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

    /// Runs a program with the request's arguments, stdin and files in a fresh sandbox, and collects its
    /// output files.
    ///
    /// - Parameters:
    ///   - program: its files are written after the request's.
    ///   - request: arguments, stdin, limits and files.
    ///   - backend: where to run it.
    ///   - details: parses the program's stderr, when the run did not succeed.
    /// - Returns: a report of a run that met the disk limit when there is no room for the program: the
    ///   submission determines its size, so this is no failure of the sandbox.
    /// - Throws: the sandbox's errors, and the error of a streaming run's body.
    public func run(
        _ program: Program, _ request: RunRequest, on backend: any SandboxBackend,
        details: ((_ stderr: [UInt8]) -> (any RunDetails)?)? = nil
    ) async throws -> RunReport {
        let command = Command(
            program.executable, program.arguments + request.arguments,
            environment: program.environment.merging(request.environment) { $1 },
            inputFiles: request.inputFiles + program.files)
        var options = request.options
        options.firstLimits = request.limits
        return try await backend.withSandbox(options) { sandbox in
            var report = RunReport()
            for tree in request.inputTrees { try await tree.write(to: sandbox) }
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

/// Narrows the error type of code that throws `SandboxError` only, where the compiler cannot infer that.
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
    /// True when the request's own files fit on the disk without the program.
    fileprivate var hasRoom: Bool {
        func pages(_ bytes: Int) -> Int { (bytes + 4095) / 4096 }
        let needed = inputFiles.reduce(0) { $0 + pages($1.bytes.count) }
        return needed <= pages(limits.disk)
    }
}

extension RunResult {
    /// The report of a program that was not started because of its size.
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
    /// Reads the requested files, all together at most `limits.disk` bytes (sparse files could exceed the
    /// disk limit).
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
                // These errors are about the program's file and go into the report; all others are failures
                // of the sandbox.
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
    /// Replaces the error by `.toolchainNotFound` when the sandbox did not find the tool; otherwise returns
    /// it unchanged.
    ///
    /// - Parameters:
    ///   - tool: the name of the compiler or interpreter; `kind` says which of the two it is.
    ///   - hint: how to install it.
    public func namingToolchain(_ tool: String, kind: String, image: Image, hint: String) -> SandboxError {
        guard code == .executableNotFound else { return self }
        return SandboxError(
            .toolchainNotFound, stage: stage, errno: errno,
            message: "the \(kind) \(tool) is not in the image \(provenance?.image ?? "\(image)")", hint: hint,
            provenance: provenance)
    }
}
