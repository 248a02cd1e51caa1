/// One test: a run of the submission, and the checker's look at its output.

#if Judge
import Runners
import SandboxRuntime

extension Judge {
    /// Runs one test and judges it.
    ///
    /// - Parameters:
    ///   - test: the test.
    ///   - index: its place in the batch, for the result.
    /// - Returns: the result. A failure of the sandbox or of the checker is one with ``Verdict/judgeError``.
    /// - Throws: `.cancelled`, when the task was cancelled; nothing else.
    public func judge(_ test: TestCase, index: Int = 0) async throws(SandboxError) -> TestResult {
        var result = TestResult(name: test.name, index: index, verdict: .judgeError, run: nil)
        do {
            let run = try await run(test)
            result.run = run
            if Verdict.failure(of: run) == nil {
                result.check = try await checker.check(run.stdout, of: test, on: backend)
            }
            result.verdict = Verdict(folding: run, result.check)
            if result.verdict == .judgeError {
                result.judgeError = result.check?.message ?? "no checker's answer"
            }
        } catch {
            if Task.isCancelled { throw error.code == .cancelled ? error : Judge.cancelled }
            if result.run == nil, program.isAtFault(for: error) {
                result.verdict = .compileError
                result.programError = error.message
            } else {
                result.judgeError = error.description
            }
        }
        return result
    }

    private func run(_ test: TestCase) async throws(SandboxError) -> RunResult {
        let request = RunRequest(
            arguments: test.arguments, stdin: test.input.standardInput,
            limits: limitFactors(test.limits ?? limits), inputFiles: test.files, options: options)
        let report = try await program.run(request, on: backend)
        guard let result = report.result else {
            throw SandboxError(.internalError, message: "the run of a built program has no result")
        }
        return result
    }

    static let cancelled = SandboxError(.cancelled, message: "the batch was cancelled")
}

extension Program {
    /// Whether the error is that the program's own file cannot be executed, whatever its bytes are: the submission
    /// determines these.
    func isAtFault(for error: SandboxError) -> Bool {
        guard error.code == .executableNotRunnable || error.code == .executableNotFound else { return false }
        guard let path = try? Validation.workPath(executable) else { return false }
        // A name without a slash is looked for in PATH.
        return executable.bytes.contains(ByteString.slash)
            && files.contains { (try? Validation.workPath($0.path)) == path }
    }
}
#endif
