/// Reports the result of a run: as JSON, or by the program's own output and exit status, and in a few lines.

#if CLI
import Runners
import Sandbox

struct ResultReport {
    var plan: RunPlan
    var compile: CompileReport?
    var compileLimits: Limits
    var run: FinishedRun
    var choice: BackendChoice
    var fallbackReason: String?

    /// Prints everything and stores the collected files.
    ///
    /// `--json` decides what is printed and the exit status; `--json-file` and `--stats` only add to it, each in its own
    /// place, so that any of the three can be combined.
    ///
    /// - Parameters:
    ///   - options: what is to be told.
    ///   - file: gets the JSON object; before anything is printed that says how the run ended.
    /// - Returns: the exit status.
    func deliver(_ options: ReportOptions, to file: ResultFile?) async throws -> Int32 {
        if !options.json, let result = run.result, !run.wasStreamed {
            try await StandardStreams.writeOut(result.stdout)
            await StandardStreams.writeError(result.stderr)
        }
        let files = try storeFiles()
        for name in plan.outputs {
            guard let code = run.uncollected[name.path] else { continue }
            await StandardStreams.say("warning: '\(name.text)' is not collected: \(reason(code))")
        }
        let object = options.json || file != nil ? try JSONText.encode(try object(), files: files) : nil
        if let file, let object { try file.write(object) }
        if options.json, let object {
            try await StandardStreams.writeOut(object)
            if options.stats { await say(try summary()) }
            return ExitStatus.success
        }
        let (lines, status) = try await explain()
        await say(lines + (options.stats ? try summary() : []))
        return status
    }

    /// Writes lines of the command's own to stderr, the first one at the beginning of a line.
    private func say(_ lines: [String]) async {
        if lines.isEmpty { return }
        if run.isMidLine { await StandardStreams.writeError([UInt8(ascii: "\n")]) }
        for line in lines { await StandardStreams.say(line) }
    }

    /// The lines of `--stats`.
    private func summary() throws(SandboxError) -> [String] {
        guard let answered = run.result ?? compile?.result else { throw Self.nothing }
        return RunSummary(
            program: run.result, compile: compile?.result, isolation: answered.isolation,
            provenance: choice.complete(answered.provenance, fallbackReason: fallbackReason)
        ).lines
    }

    private func storeFiles() throws(SandboxError) -> [ByteString: FileObject] {
        var stored: [ByteString: FileObject] = [:]
        for name in plan.outputs {
            guard let file = run.files[name.path], let directory = plan.outputDirectory else { continue }
            stored[name.text] = FileObject(
                name: name.text, bytes: file.bytes.count,
                mediaType: MediaType.of(name: name.path, bytes: file.bytes),
                path: try directory.write(file, to: name))
        }
        return stored
    }

    private func reason(_ code: SandboxError.Code) -> String {
        switch code {
        case .fileNotFound: "the program left no such file"
        case .notRegularFile: "it is not a regular file"
        case .fileTooLarge: "it is larger than the limits on files and disk allow"
        default: "it cannot be read (\(code))"
        }
    }

    /// What ended the program, as a line if it did not exit by itself, and the exit status. Prints the messages of a
    /// compilation that did not succeed.
    private func explain() async throws -> (lines: [String], status: Int32) {
        if let result = run.result {
            let line = ExitStatus.explanation(of: result.outcome, limits: result.limits)
            return (line.map { [$0] } ?? [], ExitStatus.of(result.outcome))
        }
        guard let compile else { throw Self.nothing }
        await StandardStreams.writeError(compile.stdout + compile.stderr)
        // The compiler succeeded, but its output is no program: the last diagnostic has the reason.
        let line =
            compile.outcome.isSuccess
            ? "compilation failed: \(compile.diagnostics.last?.message ?? "no program was made")"
            : ExitStatus.explanation(ofCompilation: compile.outcome, limits: compileLimits)
        return ([line], ExitStatus.compilationFailed)
    }

    func object() throws(SandboxError) -> RunObject {
        guard let answered = run.result ?? compile?.result else { throw Self.nothing }
        let result = run.result
        let stdout = JSONText.text(result?.stdout ?? [])
        let stderr = JSONText.text(result?.stderr ?? [])
        return RunObject(
            outcome: result.map { OutcomeObject($0.outcome) },
            limitsHit: (result?.limitsHit ?? []).map(\.rawValue),
            deniedSyscalls: result?.deniedSyscalls ?? [],
            stdout: stdout.text, stderr: stderr.text, stdoutBase64: stdout.base64,
            stderrBase64: stderr.base64,
            stdoutTruncated: result?.stdoutTruncated ?? false,
            stderrTruncated: result?.stderrTruncated ?? false,
            usage: result.map { UsageObject($0.usage) },
            limits: LimitsObject(result?.limits ?? plan.limits),
            backend: BackendObject(choice.complete(answered.provenance, fallbackReason: fallbackReason)),
            isolation: IsolationObject(answered.isolation),
            compile: compile.map(CompileObject.init))
    }

    private static let nothing = SandboxError(
        .internalError, message: "there is neither a result of the program nor one of the compiler")
}

extension CompileObject {
    init(_ report: CompileReport) {
        let stdout = JSONText.text(report.stdout)
        let stderr = JSONText.text(report.stderr)
        self.init(
            outcome: OutcomeObject(report.outcome), stdout: stdout.text, stderr: stderr.text,
            stdoutBase64: stdout.base64, stderrBase64: stderr.base64, usage: UsageObject(report.usage),
            diagnostics: report.diagnostics.map(DiagnosticObject.init))
    }
}

extension DiagnosticObject {
    init(_ diagnostic: Diagnostic) {
        self.init(
            file: diagnostic.file, line: diagnostic.line, column: diagnostic.column,
            severity: diagnostic.severity.rawValue, message: diagnostic.message, option: diagnostic.option
        )
    }
}
#endif
