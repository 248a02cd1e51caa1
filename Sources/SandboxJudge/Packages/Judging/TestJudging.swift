/// Judges one test of a package: in one pass, in several, or by comparing an answer that was handed in.

#if Judge
import Runners
import SandboxAPI
import SandboxRuntime

/// What judges outputs on a test.
enum OutputJudge: Sendable {
    /// The format's default validator.
    case builtIn
    /// All must accept.
    case validators([ValidatorProgram])
    /// A checker by testlib's convention.
    case checker(TestlibChecker)
    /// It converses with the submission.
    case interactor(Interactor)

    /// The checker of a test's output.
    ///
    /// - Throws: `.invalidArgument` for arguments that the default validator does not have, and where an interactor judges.
    func checker(for test: PackageTest, _ format: PackageFormat) throws(SandboxError) -> any Checker {
        let arguments = test.outputValidatorArguments
        switch self {
        case .builtIn:
            return try DefaultValidator(
                arguments: arguments.map { ByteString($0) },
                format == .version2025 ? .format202509 : .legacy)
        case .validators(let all): return AllValidators(all: all.map { $0.checker(arguments) })
        case .checker(let checker): return checker
        case .interactor:
            throw SandboxError(
                .invalidArgument, message: "an interactive problem's outputs are not judged alone")
        }
    }
}

/// Accepts what every validator accepts. The answer is the first that does not accept, or the last.
private struct AllValidators: Checker {
    var all: [OutputValidator]

    func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        var result = CheckResult(.accepted)
        for validator in all {
            result = try await validator.check(output, of: test, on: backend)
            if result.verdict != .accepted { break }
        }
        return result
    }
}

/// What is judged.
enum Contestant: Sendable {
    case program(Program)
    /// Answers by the names of tests.
    case answers([String: PackageFile])
}

/// Judges tests of one submission.
struct TestJudging: Sendable {
    var package: ProblemPackage
    var backend: any SandboxBackend
    var options: SandboxOptions
    var contestant: Contestant
    var judge: OutputJudge
    var limits: Limits
    /// The limits that decide, where ``limits`` give more time, so that it is seen how much too slow a submission is.
    var decisive: Limits?

    /// Judges a test. A failure of the sandbox is a result with ``Verdict/judgeError``.
    ///
    /// - Throws: `.cancelled` when the task was cancelled; nothing else.
    func judge(_ test: PackageTest) async throws -> TestResult {
        try await Self.telling(test.name) {
            switch contestant {
            case .answers(let answers):
                guard let file = answers[test.name] else {
                    let check = CheckResult(
                        .wrongAnswer, message: "the submission has no answer to this test")
                    return TestResult(name: test.name, verdict: .wrongAnswer, run: nil, check: check)
                }
                return try await check(try file.read(limit: limits.output), test, run: nil)
            case .program(let program):
                if case .interactor(let interactor) = judge {
                    let testCase = try testCase(test)
                    var judge = interactor.judge(program, test.outputValidatorArguments, limits)
                    if package.isMultiPass { judge.mostPasses = package.limits.passes }
                    let result = try await judge.run(testCase)
                    let runs = result.conversations.map { $0[InteractiveJudge.submissionName]?.result }
                    return held(result.test, runs.compactMap(\.self))
                }
                if package.isMultiPass, case .validators(let all) = judge, let validator = all.first {
                    return try await runPasses(program, test, validator)
                }
                if package.outputFileName != nil { return try await runWithFiles(program, test) }
                let judge = Judge(
                    program, on: backend, checker: try judge.checker(for: test, package.format),
                    limits: limits, options: options)
                let result = try await judge.judge(try testCase(test))
                return held(result, result.run.map { [$0] } ?? [])
            }
        }
    }

    /// A result by the limits that decide: one of the runs may have taken longer.
    private func held(_ result: TestResult, _ runs: [RunResult]) -> TestResult {
        guard let decisive else { return result }
        // The judge's failure may be what took the time that the submission waited.
        let late = runs.filter { run in
            run.usage.cpuTime > decisive.cpuTime
                || (result.verdict != .judgeError && Verdict.failure(of: run, beyond: decisive) != nil)
        }
        guard let latest = late.max(by: { $0.usage.cpuTime < $1.usage.cpuTime }),
            let verdict = Verdict.failure(of: latest, beyond: decisive)
        else { return result }
        return TestResult(name: result.name, index: result.index, verdict: verdict, run: latest)
    }

    private func failure(of run: RunResult) -> Verdict? {
        decisive.flatMap { Verdict.failure(of: run, beyond: $0) } ?? Verdict.failure(of: run)
    }

    /// Makes a result with a judge error of what is thrown.
    ///
    /// - Throws: `.cancelled` when the task was cancelled; nothing else.
    static func telling(
        _ name: String, _ body: () async throws -> TestResult
    ) async throws(SandboxError) -> TestResult {
        do {
            return try await body()
        } catch {
            if Task.isCancelled || error is CancellationError { throw Judge.cancelled }
            let reason = (error as? SandboxError)?.description ?? "\(error)"
            return TestResult(name: name, verdict: .judgeError, run: nil, judgeError: reason)
        }
    }

    private func testCase(_ test: PackageTest) throws -> TestCase {
        var files: [InputFile] = []
        var room = limits.disk
        for file in test.files {
            let bytes = try file.read(limit: room)
            room -= bytes.count
            files.append(InputFile(file.path, bytes))
        }
        // An interactor alone has the input of an interactive problem.
        if let name = package.inputFileName, !package.isInteractive {
            files.append(InputFile(ByteString(name), try test.input.read(limit: limits.disk)))
        }
        return TestCase(
            test.name, input: .file(path: test.input.hostPath),
            answer: test.answer.map { .file(path: $0.hostPath) },
            arguments: test.arguments.map { ByteString($0) }, files: files)
    }

    // MARK: Runs that are more than stdin and stdout

    /// - Returns: the run, and the file of the package's `output-file`, or `nil` when the program's own file cannot be
    ///   executed.
    private func run(
        _ program: Program, _ testCase: TestCase, stdin: StandardInput
    ) async throws -> (run: RunResult, written: [UInt8]?) {
        let output = package.outputFileName.map { ByteString($0) }
        let request = RunRequest(
            arguments: testCase.arguments, stdin: stdin, limits: limits, inputFiles: testCase.files,
            outputFiles: output.map { [$0] } ?? [], options: options)
        let report = try await program.run(request, on: backend)
        guard let run = report.result else {
            throw SandboxError(.internalError, message: "the run of a built program has no result")
        }
        return (run, output.flatMap { report.files[$0]?.bytes })
    }

    private func runWithFiles(_ program: Program, _ test: PackageTest) async throws -> TestResult {
        let testCase = try testCase(test)
        return try await blaming(program, for: test) {
            let (run, written) = try await self.run(program, testCase, stdin: .none)
            if let failure = self.failure(of: run) {
                return TestResult(name: test.name, verdict: failure, run: run)
            }
            guard let written else {
                let message =
                    "the program left no file \(ByteString(package.outputFileName ?? "").quoted) of at most \(limits.fileSize) bytes"
                let check = CheckResult(.wrongAnswer, message: message)
                return TestResult(name: test.name, verdict: .wrongAnswer, run: run, check: check)
            }
            return try await self.check(written, test, run: run)
        }
    }

    private func runPasses(
        _ program: Program, _ test: PackageTest, _ validator: ValidatorProgram
    ) async throws -> TestResult {
        let testCase = try testCase(test)
        let answer = try await testCase.answer?.read() ?? []
        let first = try await testCase.input.read()
        return try await blaming(program, for: test) {
            var input = first
            var feedback = PassFeedback()
            var costliest: RunResult?
            for _ in 1...max(1, package.limits.passes) {
                let (run, _) = try await self.run(program, testCase, stdin: .bytes(input))
                if let failure = self.failure(of: run) {
                    return TestResult(name: test.name, verdict: failure, run: run)
                }
                // The figures of a test are those of its most costly pass.
                if costliest.map({ $0.usage.cpuTime < run.usage.cpuTime }) ?? true { costliest = run }
                let answered = try await validator.judge(
                    run.stdout, input: input, answer: answer, test.outputValidatorArguments, &feedback)
                guard let next = answered.next else { return self.result(test, costliest, answered.check) }
                input = next
            }
            let error =
                "the validator asks for more than \(package.limits.passes) passes (limits.validation_passes)"
            return TestResult(name: test.name, verdict: .judgeError, run: costliest, judgeError: error)
        }
    }

    /// A program whose own file the kernel refuses to execute does not compile, as ``Judge`` has it.
    private func blaming(
        _ program: Program, for test: PackageTest, _ body: () async throws -> TestResult
    ) async throws -> TestResult {
        do {
            return try await body()
        } catch let error as SandboxError where program.isAtFault(for: error) {
            return TestResult(
                name: test.name, verdict: .compileError, run: nil, programError: error.message)
        }
    }

    // MARK: Outputs

    /// Judges an output.
    func check(_ output: [UInt8], _ test: PackageTest, run: RunResult?) async throws -> TestResult {
        let checker = try judge.checker(for: test, package.format)
        return result(test, run, try await checker.check(output, of: try testCase(test), on: backend))
    }

    private func result(_ test: PackageTest, _ run: RunResult?, _ check: CheckResult) -> TestResult {
        TestResult(
            name: test.name, verdict: check.verdict, run: run, check: check,
            judgeError: check.verdict == .judgeError ? check.message : nil)
    }
}
#endif
