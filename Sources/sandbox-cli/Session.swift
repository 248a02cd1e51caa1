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
        choice = shared.backend
        image = shared.image.text
        json = shared.json
        self.isShell = isShell
    }

    /// Runs the work of a subcommand.
    ///
    /// - Returns: the exit status, of `body` or of its failure.
    func perform(_ body: () async throws -> Int32) async -> Int32 {
        do {
            return try await body()
        } catch let error as StdoutFailure {
            if error.errno == EPIPE { return StdoutFailure.brokenPipeStatus }
            await StandardStreams.say("cannot write to stdout: \(ErrnoText.of(error.errno))")
            return ExitStatus.sandboxFailed
        } catch let error as SandboxError {
            return await failed(error)
        } catch is CancellationError {
            return await failed(SandboxError(.cancelled, message: "the run was cancelled"))
        } catch {
            return await failed(SandboxError(.internalError, message: "\(error)"))
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

    private func failed(_ error: SandboxError) async -> Int32 {
        let provenance = error.provenance ?? choice.unanswered(image: image)
        let signal = Interruption.received
        let status = signal.map { ExitStatus.signalBase + $0 } ?? ExitStatus.of(error, shell: isShell)
        await FailureReport(error: error, provenance: provenance, status: status).print(json: json)
        return json && signal == nil ? ExitStatus.sandboxFailed : status
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
            let object = ErrorReportObject(
                error: ErrorObject(error, status: status), backend: BackendObject(provenance))
            do {
                try await StandardStreams.writeOut(try JSONText.encode(object))
                return
            } catch {
                // stdout has no reader any more: the report goes to stderr.
            }
        }
        await StandardStreams.writeError(Array(text.utf8))
    }

    /// `sandbox: message (code, stage s, errno n)`, and the hint on a line of its own.
    var text: String {
        var details = [error.code.rawValue]
        if let stage = error.stage { details.append("stage \(stage)") }
        if error.errno != 0 { details.append("errno \(error.errno)") }
        let hint = error.hint.map { "sandbox: hint: \($0)\n" } ?? ""
        return "sandbox: \(error.message) (\(details.joined(separator: ", ")))\n" + hint
    }
}
#endif
