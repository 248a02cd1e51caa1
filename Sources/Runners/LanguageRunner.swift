/// The protocol of all runners, and its short forms.

public import SandboxAPI

/// Turns source into a running program: ``CppRunner``, ``PythonRunner``.
///
/// ```swift
/// let report = try await CppRunner().run(source, stdin: .string("3 4\n"), on: backend)
/// print(report.result?.stdoutText ?? report.compile?.stderrText ?? "")
/// ```
public protocol LanguageRunner: Sendable {
    var language: Language { get }

    /// Builds a program of one or several sources, which then runs as often as wanted; see ``Program``.
    ///
    /// A compiler works in a sandbox of its own. A source that does not compile is a result without a program, not
    /// an error.
    /// - Parameters:
    ///   - source: the bytes of the source file; at most `Language.maximumSourceBytes`.
    ///   - request: the program's name and other sources, and the sandbox to build in; the rest is for its runs.
    ///   - backend: makes that sandbox.
    /// - Throws: `SandboxError`: `.invalidArgument`, `.invalidPath` and `.fileTooLarge` for unacceptable
    ///   arguments, before anything starts; `.toolchainNotFound` when the image lacks the compiler or
    ///   interpreter; and the sandbox's own errors.
    func build(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> BuildResult

    /// Runs a program given as source, in a fresh sandbox. A runner implements this method; `run(_:_:on:)`
    /// and `run(_:_:on:body:)` call it.
    ///
    /// A source that does not compile and a program that fails are reports, not errors.
    /// - Parameters:
    ///   - source: the bytes of the source file, written as they are; at most
    ///     `Language.maximumSourceBytes`.
    ///   - request: arguments, stdin, limits and files.
    ///   - backend: where to run it.
    ///   - performance: runs the program itself, once at most: ``Performance/run(_:_:on:details:)``.
    /// - Throws: `SandboxError`: `.invalidArgument`, `.invalidPath` and `.fileTooLarge` for unacceptable
    ///   arguments, before anything starts; `.toolchainNotFound` when the image lacks the compiler or
    ///   interpreter; and the errors of the sandbox and of `performance`.
    func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport
}

extension LanguageRunner {
    /// Builds source text as UTF-8; see `build(_:_:on:)`.
    ///
    /// - Parameters:
    ///   - source: the text.
    ///   - sourceName: its name in messages, as ``RunRequest/sourceName``.
    ///   - sources: the program's other files, as ``RunRequest/sources``.
    ///   - options: the sandbox to build in.
    ///   - backend: makes that sandbox.
    public func build(
        _ source: String, sourceName: String? = nil, sources: [InputFile] = [],
        options: SandboxOptions = SandboxOptions(), on backend: any SandboxBackend
    ) async throws(SandboxError) -> BuildResult {
        try RunRequest.check(sourceOf: source.utf8.count)
        let request = RunRequest(options: options, sourceName: sourceName, sources: sources)
        return try await build(Array(source.utf8), request, on: backend)
    }

    /// Runs a program given as source, in a fresh sandbox, and collects its output.
    ///
    /// - Throws: `SandboxError`; see `run(_:_:on:by:)`.
    public func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> RunReport {
        try await throwingSandboxErrors { try await run(source, request, on: backend, by: .collecting) }
    }

    /// Runs a program given as source, and hands its output to `body` while it runs.
    ///
    /// As `run(_:_:on:)`, with a result whose own `stdout` and `stderr` are empty. A compiler's output is
    /// always collected. When `body` returns before the program ended, the rest of the output is discarded
    /// and the run goes on to its end; when it throws, the run is killed.
    /// - Returns: the report, and what `body` returned; `nil` when the program was not started (it did not compile, or
    ///   it does not fit into `limits.disk`), and `body` was not called.
    /// - Throws: `SandboxError` as `run(_:_:on:)`, or whatever `body` throws.
    public func run<Value>(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend,
        body: @escaping (Execution) async throws -> Value
    ) async throws -> (report: RunReport, value: Value?) {
        try await Performance.streaming(to: body) { try await run(source, request, on: backend, by: $0) }
    }

    /// Runs source text as UTF-8 with a ready request.
    public func run(
        _ source: String, _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> RunReport {
        try RunRequest.check(sourceOf: source.utf8.count)
        return try await run(Array(source.utf8), request, on: backend)
    }

    /// Runs source text as UTF-8, with every part of the request a named argument; see ``RunRequest``.
    ///
    /// - Returns: what the compiler and the program did.
    /// - Throws: `SandboxError` when the sandbox failed or an argument is not acceptable.
    public func run(
        _ source: String, arguments: [String] = [], stdin: StandardInput = .none, limits: Limits = .standard,
        environment: [String: String] = [:], inputFiles: [InputFile] = [], outputFiles: [String] = [],
        options: SandboxOptions = SandboxOptions(), sourceName: String? = nil, sources: [InputFile] = [],
        on backend: any SandboxBackend
    ) async throws(SandboxError) -> RunReport {
        let request = RunRequest(
            arguments: arguments, stdin: stdin, limits: limits, environment: environment,
            inputFiles: inputFiles, outputFiles: outputFiles, options: options, sourceName: sourceName,
            sources: sources)
        return try await run(source, request, on: backend)
    }

    /// Runs source bytes (they need not be UTF-8), with every part of the request a named argument.
    ///
    /// - Returns: what the compiler and the program did.
    /// - Throws: `SandboxError` when the sandbox failed or an argument is not acceptable.
    public func run(
        _ source: [UInt8], arguments: [String] = [], stdin: StandardInput = .none, limits: Limits = .standard,
        environment: [String: String] = [:], inputFiles: [InputFile] = [], outputFiles: [String] = [],
        options: SandboxOptions = SandboxOptions(), sourceName: String? = nil, sources: [InputFile] = [],
        on backend: any SandboxBackend
    ) async throws(SandboxError) -> RunReport {
        let request = RunRequest(
            arguments: arguments, stdin: stdin, limits: limits, environment: environment,
            inputFiles: inputFiles, outputFiles: outputFiles, options: options, sourceName: sourceName,
            sources: sources)
        return try await run(source, request, on: backend)
    }
}
