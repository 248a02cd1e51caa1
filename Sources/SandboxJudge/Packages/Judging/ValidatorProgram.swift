/// Runs a package's validator: over inputs, over sources, over outputs, and over the passes of one test.

#if Judge
import Runners
import SandboxAPI

/// A validator that was built, and how it runs.
struct ValidatorProgram: Sendable {
    var name: String
    var program: Program
    var backend: any SandboxBackend
    var options: SandboxOptions
    var limits: Limits

    /// The exit status that accepts an input, by the problem package format's convention.
    static let accepted: Int32 = 42

    /// The validator as a checker of outputs, for a test's arguments.
    func checker(_ arguments: [String]) -> OutputValidator {
        OutputValidator(
            program, arguments: arguments.map { ByteString($0) }, limits: limits, options: options)
    }

    // MARK: Inputs

    /// Runs an input validator.
    func run(_ arguments: [String], stdin: [UInt8], files: [InputFile]) async throws -> RunResult {
        var options = options
        options.language = options.language ?? program.language
        return try await backend.run(
            command(arguments, beside: files), stdin: .bytes(stdin), limits: limits, options: options)
    }

    private func command(_ arguments: [String], beside files: [InputFile] = []) -> Command {
        // The validator's own files win over names that a submission or a test chose.
        let own = Set(program.files.map(\.path))
        return Command(
            program.executable, program.arguments + arguments.map { ByteString($0) },
            environment: program.environment,
            inputFiles: files.filter { !own.contains($0.path) } + program.files)
    }

    // MARK: Sources

    /// Judges a submission's sources: `validator LANGUAGE ENTRY_POINT FEEDBACK_DIR/ ARGUMENTS...` among them.
    func judge(_ source: ProgramSource, _ arguments: [String]) async throws -> CheckResult {
        try await withSandbox { sandbox in
            try await sandbox.makeDirectory("feedback")
            let command = command(
                [source.code, source.entryPoint, "feedback/"] + arguments, beside: source.files)
            let run = try await sandbox.run(command, stdin: .none, limits: limits)
            return CheckResult(validator: run, feedback: try await Feedback(in: sandbox))
        }
    }

    private func withSandbox<Value: Sendable>(
        _ body: (any SandboxLease) async throws -> Value
    ) async throws -> Value {
        var options = options
        options.language = options.language ?? program.language
        options.firstLimits = limits
        return try await backend.withSandbox(options, body)
    }

    // MARK: Passes

    /// Judges the output of one pass of a test.
    ///
    /// - Parameter feedback: of the test, with what earlier passes left.
    /// - Returns: the answer, and the input of the next pass; `nil` after the last one.
    func judge(
        _ output: [UInt8], input: [UInt8], answer: [UInt8], _ arguments: [String],
        _ feedback: inout PassFeedback
    ) async throws -> (check: CheckResult, next: [UInt8]?) {
        let before = feedback
        let (check, next, after) = try await withSandbox { sandbox in
            var feedback = before
            try await feedback.place(in: sandbox)
            try await sandbox.write(input, to: "input.in")
            try await sandbox.write(answer, to: "answer.ans")
            let run = try await sandbox.run(
                command(["input.in", "answer.ans", "feedback/"] + arguments), stdin: .bytes(output),
                limits: limits)
            let check = CheckResult(validator: run, feedback: try await Feedback(in: sandbox))
            return (check, try await feedback.take(from: sandbox), feedback)
        }
        feedback = after
        if check.verdict == .judgeError { return (check, nil) }
        switch next {
        case .none: return (check, nil)
        case .input(let next) where check.verdict == .accepted: return (check, next)
        case .input: return (fault("wrote a nextpass.in and exited with status 43"), nil)
        case .fault(let what): return (fault(what), nil)
        }
    }

    private func fault(_ what: String) -> CheckResult {
        CheckResult(.judgeError, message: "the validator \(ByteString(name).quoted) \(what)")
    }
}
#endif
