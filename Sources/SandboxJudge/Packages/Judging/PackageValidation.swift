/// Checks a package's inputs and outputs with its own validators.

#if Judge
import Runners
import SandboxAPI

struct PackageValidation: Sendable {
    var judge: PackageJudge
    var tools: PackageTools
    var output: OutputJudge

    func check() async throws -> [PackageIssue] {
        let package = judge.package
        var works: [@Sendable () async throws -> PackageIssue?] = []
        for test in package.allTests {
            works.append { try await checkInput(test) }
            if test.isSample, package.format == .version2025, !package.isInteractive, !package.isMultiPass {
                works.append { try await checkOutput(test.shownOutput, test, accepts: true) }
            }
        }
        // Nothing of an interactive problem is an output that could be judged alone.
        for item in package.validatorTests where item.kind == .invalidInput || !package.isInteractive {
            switch item.kind {
            case .invalidInput: works.append { try await checkInvalid(item.test) }
            case .invalidOutput:
                works.append { try await checkOutput(item.output, item.test, accepts: false) }
            case .validOutput: works.append { try await checkOutput(item.output, item.test, accepts: true) }
            }
        }
        let total = works.count
        return try await boundedMap(
            works, jobs: judge.jobs,
            ended: { judge.onProgress(PackageProgress(step: .validating, done: $0, total: total)) },
            { try await $0() }
        ).compactMap { $0 }
    }

    /// The first input validator that refuses an input, and its words.
    private func refusal(_ test: PackageTest) async throws -> (validator: String, words: String)? {
        if tools.inputValidators.isEmpty { return nil }
        let input = try test.input.read(limit: TestData.maximumBytes)
        var files: [InputFile] = []
        var room = judge.validatorLimits.disk
        for file in test.files {
            let bytes = try file.read(limit: room)
            room -= bytes.count
            files.append(InputFile(file.path, bytes))
        }
        for validator in tools.inputValidators {
            let arguments = test.inputValidatorArguments.of(validator.name) + test.arguments
            let run = try await validator.run(arguments, stdin: input, files: files)
            let accepted = judge.package.format == .polygon ? 0 : ValidatorProgram.accepted
            if run.outcome == .exited(code: accepted) { continue }
            let said = CheckerWords.text((run.stderr + run.stdout).prefix(300))
            return (validator.name, Self.describe(run.outcome) + (said.isEmpty ? "" : ": \(said)"))
        }
        return nil
    }

    private static func describe(_ outcome: Outcome) -> String {
        switch outcome {
        case .exited(let code): "exited with status \(code)"
        case .signaled(let signal): "was ended by signal \(signal)"
        case .limitExceeded(let limit): "met its limit \(limit.rawValue)"
        case .blockedSyscall(let name): "was ended for the system call \(name)"
        }
    }

    private func checkInput(_ test: PackageTest) async throws -> PackageIssue? {
        guard let refusal = try await refusal(test) else { return nil }
        return PackageIssue(
            .error, test.input.packagePath, .inputValidation,
            "the input validator \(ByteString(refusal.validator).quoted) \(refusal.words)")
    }

    private func checkInvalid(_ test: PackageTest) async throws -> PackageIssue? {
        if tools.inputValidators.isEmpty { return nil }
        guard try await refusal(test) == nil else { return nil }
        return PackageIssue(
            .error, test.input.packagePath, .inputValidation, "no input validator refuses this invalid input")
    }

    private func checkOutput(_ file: PackageFile?, _ test: PackageTest, accepts: Bool) async throws
        -> PackageIssue?
    {
        guard let file else { return nil }
        let judging = TestJudging(
            package: judge.package, backend: judge.backend, options: judge.options, contestant: .answers([:]),
            judge: output, limits: judge.runLimits(time: .seconds(1)))
        let output = try file.read(limit: TestData.maximumBytes)
        let result = try await TestJudging.telling(test.name) {
            try await judging.check(output, test, run: nil)
        }
        if (result.verdict == .accepted) == accepts, result.verdict != .judgeError { return nil }
        return PackageIssue(
            .error, file.packagePath, .outputValidation,
            "the output validator says \(result.verdict), expected \(accepts ? "AC" : "WA")"
                + (result.message.isEmpty ? "" : ": \(result.message)"))
    }
}
#endif
