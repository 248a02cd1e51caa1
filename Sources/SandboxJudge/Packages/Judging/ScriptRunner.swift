/// Programs of a package that bring their own `build` or `run` script.

#if Judge
import Runners
import SandboxAPI
import SandboxRuntime

/// Builds a directory by its `build` script, if it has one, and starts it by `run`.
///
/// All files that are there when `build` has ended go with the program. Both scripts run in sandboxes, as every compiler and
/// program does.
struct ScriptRunner: LanguageRunner {
    static let build: ByteString = "build"
    static let run: ByteString = "run"

    /// In an image of C++, whose compiler such scripts mostly call.
    var language: Language { .cpp }
    var compileLimits: Limits

    /// - Parameters:
    ///   - source: not used.
    ///   - request: its sources are all files of the program.
    /// - Returns: no program where `build` fails, or leaves no `run` that can be executed.
    func build(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> BuildResult {
        let files = request.sources
        guard files.contains(where: { $0.path == Self.build }) else {
            return BuildResult(compile: nil, program: program(files))
        }
        var options = request.options
        options.language = options.language ?? language
        options.firstLimits = compileLimits
        let sandbox = try await backend.acquire(options)
        let result: Result<BuildResult, SandboxError>
        do throws(SandboxError) {
            result = .success(try await build(files, in: sandbox))
        } catch {
            result = .failure(error)
        }
        await sandbox.close()
        return try result.get()
    }

    private func build(
        _ files: [InputFile], in sandbox: any SandboxLease
    ) async throws(SandboxError) -> BuildResult {
        let command = Command("./build", inputFiles: files)
        let run: RunResult
        do throws(SandboxError) {
            run = try await sandbox.run(command, stdin: .none, limits: compileLimits)
        } catch {
            // Its first line names an interpreter that is not there: the package's fault.
            guard error.code == .executableNotRunnable else { throw error }
            throw SandboxError(.invalidArgument, message: "its build cannot be executed: \(error.message)")
        }
        let report = CompileReport(result: run, diagnostics: Diagnostic.parse(run.stderr))
        guard run.outcome == .exited(code: 0) else { return BuildResult(compile: report, program: nil) }
        switch try await sandbox.artifacts(atMost: compileLimits) {
        case .success(let built): return BuildResult(compile: report, program: program(built))
        case .failure: return BuildResult(compile: report, program: nil)
        }
    }

    private func program(_ files: [InputFile]) -> Program? {
        guard files.contains(where: { $0.path == Self.run && $0.executable }) else { return nil }
        return Program(language: language, files: files, executable: "./run")
    }

    func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        let built = try await build(source, request, on: backend)
        guard let program = built.program else { return RunReport(compile: built.compile) }
        var report = try await performance.run(program, request, on: backend)
        report.compile = built.compile
        return report
    }
}
#endif
