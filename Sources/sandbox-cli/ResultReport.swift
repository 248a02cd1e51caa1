/// Reports the result of a run: as JSON, or by the program's own output and exit status.

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
    /// - Returns: the exit status.
    func deliver(json: Bool) async throws -> Int32 {
        if !json, let result = run.result, !run.wasStreamed {
            try await StandardStreams.writeOut(result.stdout)
            await StandardStreams.writeError(result.stderr)
        }
        let files = try storeFiles()
        for name in plan.outputs {
            guard let code = run.uncollected[name.path] else { continue }
            await StandardStreams.say("warning: '\(name.text)' is not collected: \(reason(code))")
        }
        if json {
            try await StandardStreams.writeOut(try JSONText.encode(try object(), files: files))
            return ExitStatus.success
        }
        return try await explain()
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

    /// Prints the line that explains the end of the program, and returns the status.
    private func explain() async throws -> Int32 {
        if let result = run.result {
            if let line = ExitStatus.explanation(of: result.outcome, limits: result.limits) {
                if run.isMidLine || (result.stderr.last.map { $0 != UInt8(ascii: "\n") } ?? false) {
                    await StandardStreams.writeError([UInt8(ascii: "\n")])
                }
                await StandardStreams.say(line)
            }
            return ExitStatus.of(result.outcome)
        }
        guard let compile else { throw Self.nothing }
        await StandardStreams.writeError(compile.stdout + compile.stderr)
        // The compiler succeeded, but its output is no program: the last diagnostic has the reason.
        await StandardStreams.say(
            compile.outcome.isSuccess
                ? "compilation failed: \(compile.diagnostics.last?.message ?? "no program was made")"
                : ExitStatus.explanation(ofCompilation: compile.outcome, limits: compileLimits))
        return ExitStatus.compilationFailed
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
