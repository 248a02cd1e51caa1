/// `sandbox run`: runs a source file, and compiles it first where its language needs that.

#if CLI
import ArgumentParser
import Runners
import Sandbox

struct RunCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a program given as source: C++ or Python.",
        discussion: exitStatusHelp)

    @OptionGroup var shared: SharedOptions

    @OptionGroup(title: "Compiling")
    var compiling: CompileOptions

    @Argument(help: "The source file, or - for our own stdin, which needs --language.")
    var source: ByteString

    @Argument(parsing: .postTerminator, help: "The program's own arguments, after --.")
    var arguments: [ByteString] = []

    func perform() async -> Int32 {
        let session = Session(shared, isShell: false)
        return await session.perform {
            // Reports a missing --language before it waits for a source on stdin.
            if source == Self.ownStandardInput { _ = try language() }
            let text = try readSource()
            let language = try language()
            let headers = try InputFileOption.load(
                compiling.include, option: "--include", limit: shared.limits.compile.disk)
            let plan = try RunPlan(shared)
            var request = RunRequest(
                arguments: arguments, stdin: plan.stdin, limits: plan.limits,
                environment: plan.environment,
                inputFiles: plan.inputFiles, outputFiles: plan.outputs.map(\.path), options: plan.options)
            let runner: any LanguageRunner
            if language == .cpp {
                runner = compiling.runner(headers, limits: shared.limits.compile)
            } else {
                try compiling.refuseCompiler()
                // In a language without a compiler the program imports these files: they go beside the
                // source, too.
                request.inputFiles += headers
                runner = PythonRunner()
            }
            let (run, fallbackReason) = try await session.withBackend { [request, json = shared.json] in
                try await Self.run(runner, text, request, streams: !json, on: $0)
            }
            return try await ResultReport(
                plan: plan, compile: run.compile, compileLimits: shared.limits.compile, run: run.finished,
                choice: shared.backend, fallbackReason: fallbackReason
            ).deliver(json: shared.json)
        }
    }

    /// Passes the output on while the program runs, or collects it.
    private static func run(
        _ runner: any LanguageRunner, _ source: [UInt8], _ request: RunRequest, streams: Bool,
        on backend: any SandboxBackend
    ) async throws -> (compile: CompileReport?, finished: FinishedRun) {
        var report: RunReport
        var isMidLine: Bool?
        if streams {
            (report, isMidLine) = try await runner.run(source, request, on: backend) {
                try await OutputRelay().pass($0.output)
            }
        } else {
            report = try await runner.run(source, request, on: backend)
        }
        let finished = FinishedRun(
            result: report.result, files: report.files, uncollected: report.uncollected,
            wasStreamed: streams, isMidLine: isMidLine ?? false)
        return (report.compile, finished)
    }

    private static let ownStandardInput: ByteString = "-"

    private func readSource() throws(SandboxError) -> [UInt8] {
        if source != Self.ownStandardInput {
            return try HostFile.read(
                source, what: "the source file", limit: Language.maximumSourceBytes
            ).bytes
        }
        guard shared.stdin != OwnStandardInput.own else {
            throw SandboxError(
                .invalidArgument,
                message: "our own stdin cannot be both the source and the program's stdin",
                hint: "give one of them as a file")
        }
        return try HostFile.readStandardInput(
            what: "the source on our own stdin", limit: Language.maximumSourceBytes)
    }

    private func language() throws(SandboxError) -> Language {
        if let language = shared.language { return language }
        if let language = Language(fileSuffix: Self.suffix(of: source)) { return language }
        let names = Language.allCases.map { "`--language \($0)`" }.joined(separator: " or ")
        throw SandboxError(
            .invalidArgument,
            message: source == Self.ownStandardInput
                ? "a source on our own stdin has no suffix that names its language"
                : "the suffix of '\(source)' names no language that has a runner",
            hint: "name it: \(names)")
    }

    /// The part after the last dot of the file's name; empty without a dot.
    static func suffix(of path: ByteString) -> String {
        let name = path.parts.last?.bytes ?? []
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return "" }
        return ByteString(name[(dot + 1)...]).text
    }
}
#endif
