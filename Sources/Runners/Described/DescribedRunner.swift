/// Builds and runs programs in a language that is described.

public import SandboxAPI
import SandboxRuntime

/// The runner of a ``LanguageDescription``.
///
/// A compiler works in a sandbox of its own; the program runs in a fresh one, which has nothing of the compilation but the
/// artifacts, and with limits and usage of its own. Sources without a compiler are run as they are.
public struct DescribedRunner: LanguageRunner {
    public var language: Language { described.name }

    public var described: LanguageDescription
    /// What `{flags}` of the compiler's command stands for.
    public var flags: [ByteString]
    /// Files put beside the sources of every request while they are compiled, or run where there is no compiler.
    public var headers: [InputFile]
    /// The bounds of the compiler's run; at first those of the description.
    public var compileLimits: Limits

    public init(_ described: LanguageDescription, flags: [ByteString] = [], headers: [InputFile] = []) {
        self.described = described
        self.flags = flags
        self.headers = headers
        compileLimits = described.compilation?.limits ?? .compile
    }

    /// True when the compiler takes flags.
    public var takesFlags: Bool { described.compilation?.command.contains { $0.uses(.flags) } ?? false }

    public func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        try request.checkFiles(reserved: reserved)
        var request = request
        request.options.language = request.options.language ?? language
        let built =
            isOnlyChecked ? try unbuilt(source, request) : try await build(source, request, on: backend)
        guard let program = built.program else { return RunReport(compile: built.compile) }
        do {
            var report = try await program.run(request, on: backend, by: performance)
            report.compile = built.compile
            return report
        } catch let error as SandboxError where error.code == .executableNotRunnable && built.compile != nil {
            return RunReport(compile: built.compile?.without(program: error.message))
        } catch let error as SandboxError where error.code == .toolchainNotFound {
            throw missing(error)
        }
    }

    /// Compiles the sources, or only checks that they can be run: such a check `run` leaves to the run itself.
    ///
    /// What the source is to blame for (a class without `main` is left to the run) is a result without a program: it
    /// does not compile, the compiler met a limit, left none of the artifacts, or more than its limits allow.
    ///
    /// - Throws: as every ``LanguageRunner``; also `.invalidArgument` for a description that breaks a rule, and for
    ///   ``flags`` where the compiler's command has no `{flags}`.
    public func build(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> BuildResult {
        guard let compilation = described.compilation else { return try unbuilt(source, request) }
        let names = try prepare(source, request)
        let sources = files(source, names, request)
        let command = Command(
            compilation.command[0].literal ?? "",
            Array(compilation.command.dropFirst()).filled(names, compileLimits),
            environment: environment, inputFiles: sources)
        var options = request.options
        options.language = options.language ?? language
        options.firstLimits = compileLimits
        return try await throwingSandboxErrors {
            try await backend.withSandbox(options) { sandbox in
                let result: RunResult
                do throws(SandboxError) {
                    result = try await sandbox.run(command, stdin: .none, limits: compileLimits)
                } catch {
                    throw missing(error)
                }
                let report = CompileReport(
                    result: result,
                    diagnostics: DiagnosticSyntax.parse(described.diagnostics, result.stderr, result.stdout))
                guard result.outcome.isSuccess else { return BuildResult(compile: report, program: nil) }
                if compilation.artifacts.isEmpty {
                    return BuildResult(compile: report, program: program(sources, names))
                }
                return try await collect(compilation, report, names, from: sandbox)
            }
        }
    }

    /// True when no compiler leaves anything.
    private var isOnlyChecked: Bool { described.compilation?.artifacts.isEmpty ?? true }

    private func unbuilt(_ source: [UInt8], _ request: RunRequest) throws(SandboxError) -> BuildResult {
        let names = try prepare(source, request)
        return BuildResult(compile: nil, program: program(files(source, names, request), names))
    }

    private func files(_ source: [UInt8], _ names: TemplateNames, _ request: RunRequest) -> [InputFile] {
        headers + request.sources + [InputFile(names.source, source)]
    }

    private func collect(
        _ compilation: LanguageDescription.Compilation, _ report: CompileReport, _ names: TemplateNames,
        from sandbox: any SandboxLease
    ) async throws -> BuildResult {
        var reader = ArtifactReader(sandbox, compileLimits)
        do {
            let files = try await reader.read(compilation.artifacts.compactMap(Artifact.init))
            let built = program(files, names)
            try checkStart(of: built)
            return BuildResult(compile: report, program: built)
        } catch let error as ArtifactReader.NoProgram {
            return BuildResult(compile: report.without(program: error.reason), program: nil)
        }
    }

    /// A compiler can leave something else under the program's name: a library, where the source has no `main`.
    private func checkStart(of program: Program) throws(ArtifactReader.NoProgram) {
        guard program.executable.bytes.starts(with: "./".utf8) else { return }
        let path = ByteString(program.executable.bytes.dropFirst(2))
        guard let file = program.files.first(where: { $0.path == path }) else {
            throw ArtifactReader.NoProgram(reason: "the compiler succeeded and left no \(path.quoted)")
        }
        guard CppRunner.isExecutable(file.bytes) else {
            throw ArtifactReader.NoProgram(
                reason: "the compiler succeeded, and what it left is no program that can be started")
        }
    }

    private func program(_ files: [InputFile], _ names: TemplateNames) -> Program {
        let command = described.run
        let arguments = Array(command.dropFirst())
        return Program(
            language: language, files: files, executable: command[0].literal ?? "",
            arguments: arguments.haveLimits ? arguments.unsized(names) : arguments.filled(names, .standard),
            environment: environment, argumentsHaveLimits: arguments.haveLimits)
    }

    // MARK: - Before anything starts

    private var environment: [ByteString: ByteString] { described.environment.asBytes }

    private var reserved: Set<ByteString> {
        Set((described.compilation?.artifacts ?? []).compactMap { Artifact($0)?.reserved })
    }

    private func prepare(
        _ source: [UInt8], _ request: RunRequest
    ) throws(SandboxError) -> TemplateNames {
        try described.check()
        try RunRequest.check(sourceOf: source.count)
        try RunRequest.check(tool: described.name.rawValue, named: "compiler", flags: flags)
        if !flags.isEmpty, !takesFlags {
            throw SandboxError(
                .invalidArgument, message: "\(described.title) has no compiler that takes flags",
                hint: "leave the flags out, or put {flags} into the command of its description")
        }
        let (name, entry) = described.entry.resolve(source, request, described)
        try RunRequest.check(inputs: headers, reserved: reserved.union([name]))
        let taken = try request.checkSources(beside: name, and: headers, reserved: reserved)
        // Where nothing is left behind by a compiler, the sources are files of the run.
        if isOnlyChecked { try request.checkFiles(reserved: taken) }
        return TemplateNames(
            source: name, others: request.sources.map(\.path).filter(described.isSource), entry: entry,
            flags: flags)
    }

    private func missing(_ error: SandboxError) -> SandboxError {
        guard error.code == .executableNotFound || error.code == .toolchainNotFound else { return error }
        var named = error
        named.code = .toolchainNotFound
        named.message =
            "the toolchain of \(described.title) is not in the image: it needs "
            + described.neededTools.joined(separator: ", ")
        named.hint = described.installHint
        return named
    }
}

extension CompileReport {
    /// The report of a compilation that gives no program although the compiler succeeded.
    fileprivate func without(program reason: String) -> CompileReport {
        var report = self
        report.diagnostics.append(Diagnostic(file: "", severity: .fatalError, message: reason))
        return report
    }
}
