/// One invocation of `run` or `exec`: makes the backend, reports failures in the requested form.

#if CLI
import FoundationEssentials
import Glibc
import Sandbox

struct Session: Sendable {
    var choice: BackendChoice
    /// The requested image.
    var image: String
    var json: Bool
    /// True for `exec`, which uses a shell's statuses 126 and 127.
    var isShell: Bool

    init(_ choice: BackendChoice, json: Bool) {
        self.choice = choice
        image = "host"
        self.json = json
        isShell = false
    }

    init(_ shared: SharedOptions, isShell: Bool) {
        choice = shared.place.backend
        image = shared.place.image.text
        json = shared.report.json
        self.isShell = isShell
    }

    /// Runs the work of a subcommand.
    ///
    /// - Returns: the exit status, of `body` or of its failure.
    func perform(_ body: () async throws -> Int32) async -> Int32 {
        await perform(reportingTo: nil) { _ in try await body() }
    }

    /// Runs the work of a subcommand that writes its result to a file, too.
    ///
    /// - Parameters:
    ///   - path: the value of `--json-file`. The file gets the error when the sandbox fails.
    ///   - body: gets that file, which can be written by then.
    /// - Returns: the exit status, of `body` or of its failure.
    func perform(
        reportingTo path: ByteString?, _ body: (ResultFile?) async throws -> Int32
    ) async -> Int32 {
        var file: ResultFile?
        do {
            if let path { file = try ResultFile(path) }
            return try await body(file)
        } catch let error as StdoutFailure {
            if let file, !file.isWritten {
                let unread = SandboxError(
                    .cancelled, errno: error.errno, message: "our stdout takes no more output")
                let status =
                    error.errno == EPIPE ? StdoutFailure.brokenPipeStatus : ExitStatus.sandboxFailed
                await report(unread, status: status, to: file)
            }
            if error.errno == EPIPE { return StdoutFailure.brokenPipeStatus }
            await StandardStreams.say("cannot write to stdout: \(ErrnoText.of(error.errno))")
            return ExitStatus.sandboxFailed
        } catch let error as SandboxError {
            return await failed(error, file)
        } catch is CancellationError {
            return await failed(SandboxError(.cancelled, message: "the run was cancelled"), file)
        } catch {
            return await failed(SandboxError(.internalError, message: "\(error)"), file)
        }
    }

    /// Makes the backend, runs `body` as a task that a signal cancels, and shuts the backend down.
    func withBackend<Value: Sendable>(
        for use: BackendChoice.Use = .oneRun, patience: Duration = Interruption.patience,
        _ body: @escaping @Sendable (any SandboxBackend) async throws -> Value
    ) async throws -> (value: Value, fallbackReason: String?) {
        let made: BackendChoice.Made
        do {
            made = try choice.make(for: use, environment: ProcessInfo.processInfo.environment)
        } catch {
            throw completed(error, nil)
        }
        if let reason = made.fallbackReason {
            await StandardStreams.say("docker is not used: \(reason); running locally")
        }
        let backend = made.backend
        do {
            let value = try await Interruption.cancelling(patience: patience) { try await body(backend) }
            await backend.shutdown()
            return (value, made.fallbackReason)
        } catch {
            await backend.shutdown()
            if let error = error as? SandboxError { throw completed(error, made.fallbackReason) }
            throw error
        }
    }

    private func completed(_ error: SandboxError, _ fallbackReason: String?) -> SandboxError {
        var complete = error
        complete.provenance = choice.complete(
            error.provenance ?? choice.unanswered(image: image), fallbackReason: fallbackReason)
        return complete
    }

    private func failed(_ error: SandboxError, _ file: ResultFile?) async -> Int32 {
        let provenance = error.provenance ?? choice.unanswered(image: image)
        let signal = Interruption.received
        let status = signal.map { ExitStatus.signalBase + $0 } ?? ExitStatus.of(error, shell: isShell)
        if let file, !file.isWritten { await report(error, status: status, to: file) }
        await FailureReport(error: error, provenance: provenance, status: status).print(json: json)
        return json && signal == nil ? ExitStatus.sandboxFailed : status
    }

    /// Writes an error to the file of `--json-file`; where that fails, stderr has both reasons.
    private func report(_ error: SandboxError, status: Int32, to file: ResultFile) async {
        let provenance = error.provenance ?? choice.unanswered(image: image)
        let report = FailureReport(error: error, provenance: provenance, status: status)
        do {
            try file.write(try report.json())
        } catch let failure {
            let reason = (failure as? SandboxError)?.message ?? "\(failure)"
            // The error itself may be that this file cannot be written.
            if reason != error.message { await StandardStreams.say("warning: \(reason)") }
        }
    }
}

/// A failure of the sandbox, as reported to the user.
struct FailureReport {
    var error: SandboxError
    var provenance: Provenance
    /// The exit status of this failure; with JSON it is in the object.
    var status = ExitStatus.sandboxFailed

    func print(json: Bool) async {
        if json {
            do {
                try await StandardStreams.writeOut(try self.json())
                return
            } catch {
                // stdout has no reader any more: the report goes to stderr.
            }
        }
        await StandardStreams.writeError(Array(text.utf8))
    }

    func json() throws -> [UInt8] {
        try JSONText.encode(
            ErrorReportObject(
                error: ErrorObject(error, status: status), backend: BackendObject(provenance)))
    }

    /// `sandbox: message (code, stage s, errno n)`, and the hint on a line of its own; harmless for a terminal.
    var text: String {
        var details = [error.code.rawValue]
        if let stage = error.stage { details.append("stage \(stage)") }
        if error.errno != 0 { details.append("errno \(error.errno)") }
        let hint = error.hint.map { "sandbox: hint: \($0)\n" } ?? ""
        return TerminalText.visibleLines(
            "sandbox: \(error.message) (\(details.joined(separator: ", ")))\n" + hint)
    }
}
#endif
