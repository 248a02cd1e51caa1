/// `sandbox run`: a source file, compiled where its language asks for it, and run.

#if CLI
    import ArgumentParser
    import Runners
    import Sandbox

    struct RunCommand: Subcommand {
        static let configuration = CommandConfiguration(
            commandName: "run", abstract: "Run a program given as source: C++ or Python.",
            discussion: exitStatusHelp)

        @OptionGroup var shared: SharedOptions

        @Argument(help: "The source file.")
        var source: String

        @Argument(parsing: .postTerminator, help: "The program's own arguments, after --.")
        var arguments: [String] = []

        func perform() async -> Int32 {
            let session = Session(shared, isShell: false)
            return await session.perform {
                let text = try HostFile.read(
                    source, what: "the source file", limit: Language.maximumSourceBytes)
                let runner = try makeRunner()
                let plan = try RunPlan(shared)
                let request = RunRequest(
                    arguments: arguments, stdin: plan.stdin, limits: plan.limits,
                    environment: plan.environment,
                    inputFiles: plan.inputFiles, outputFiles: plan.outputs.map(\.path), options: plan.options)
                let (report, fallbackReason) = try await session.withBackend { backend in
                    try await runner.run(text.bytes, request, on: backend)
                }
                return try await ResultReport(
                    plan: plan, compile: report.compile, compileLimits: shared.limits.compile,
                    run: FinishedRun(
                        result: report.result, files: report.files, uncollected: report.uncollected),
                    choice: shared.backend, fallbackReason: fallbackReason
                ).deliver(json: shared.json)
            }
        }

        private func makeRunner() throws(SandboxError) -> any LanguageRunner {
            switch shared.language ?? Language(fileSuffix: Self.suffix(of: source)) {
            case .cpp: return CppRunner(compileLimits: shared.limits.compile)
            case .python: return PythonRunner()
            case nil:
                throw SandboxError(
                    .invalidArgument,
                    message: "the suffix of '\(source)' names no language that has a runner",
                    hint: "name it: `--language cpp` or `--language python`")
            }
        }

        /// What stands behind the last dot of the file's name; empty when there is none.
        static func suffix(of path: String) -> String {
            let name = path.split(separator: "/").last ?? ""
            guard let dot = name.lastIndex(of: ".") else { return "" }
            return String(name[name.index(after: dot)...])
        }
    }
#endif
