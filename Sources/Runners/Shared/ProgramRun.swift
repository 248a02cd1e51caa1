/// One run in a fresh sandbox, and the files it leaves.
import Sandbox

/// Runs `body` with a fresh sandbox and closes it, however `body` ends.
func withFreshSandbox<Value: Sendable>(
    _ options: SandboxOptions, on backend: any SandboxBackend,
    _ body: (any SandboxInstance) async throws(SandboxError) -> Value
) async throws(SandboxError) -> Value {
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
func runProgram(
    _ executable: String, _ prefix: [String] = [], program: InputFile, _ request: RunRequest,
    on backend: any SandboxBackend
) async throws(SandboxError) -> RunReport {
    let command = Command(
        executable, prefix + request.arguments, environment: request.environment,
        inputFiles: request.inputFiles + [program])
    return try await withFreshSandbox(request.options, on: backend) { sandbox throws(SandboxError) in
        let result = try await sandbox.run(command, stdin: request.stdin, limits: request.limits)
        var report = RunReport(result: result)
        try await collect(request, from: sandbox, into: &report)
        return report
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
            let bytes = try await sandbox.read(path, maxBytes: min(room, request.limits.fileSize))
            room -= bytes.count
            report.files[path] = bytes
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
            message: "the \(kind) \(tool) is not in the image \(image)", hint: hint, provenance: provenance)
    }
}
