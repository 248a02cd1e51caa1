/// Judges one submission of a package on all tests.

#if Judge
import Runners
import SandboxAPI

/// A submission that ran already, for a time limit to be inferred.
struct TimedSubmission: Sendable {
    var built: BuiltSubmission
    var tests: [TestResult]
}

/// A submission that was built, or why it was not.
struct BuiltSubmission: Sendable {
    var contestant: Contestant?
    var source: ProgramSource?
    var compile: CompileReport?
    /// Why there is nothing to run.
    var message: String?
    /// Whether the judge is to blame for that: it has no runner, or no toolchain, for the submission's language.
    var isJudgeError = false
}

struct SubmissionJudging: Sendable {
    var judge: PackageJudge
    var tools: PackageTools
    var output: OutputJudge
    var limits: Limits
    /// As in ``TestJudging``.
    var decisive: Limits?

    func judge(_ submission: PackageSubmission, timed: TimedSubmission?) async throws -> SubmissionReport {
        let path = submission.program.path
        let built: BuiltSubmission
        if let timed { built = timed.built } else { built = try await build(submission.program) }
        guard built.contestant != nil else {
            let verdict: Verdict = built.isJudgeError ? .judgeError : .compileError
            return report(
                submission, built,
                total: GroupResult(
                    name: "", verdict: verdict, judgeError: built.isJudgeError ? built.message : nil), [])
        }
        var judged: [TestResult]
        if let timed {
            judged = timed.tests
            if stops,
                let end = judged.firstIndex(where: { $0.verdict != .accepted })
            {
                judged.removeSubrange((end + 1)...)
            }
        } else {
            judged = try await run(built, step: .judging(path))
        }
        var scores: [String: TestScore] = [:]
        if let source = built.source { judged += try await validateSources(source) }
        for test in judged { scores[test.name] = TestScore(test) }
        var total = try await grade(scores)
        if let failed = judged.first(where: { $0.verdict == .judgeError }) {
            total.verdict = .judgeError
            total.judgeError = "\(failed.name): \(failed.message)"
        }
        return report(submission, built, total: total, judged)
    }

    /// Folds the results of tests, and asks the package's own grader where a group has one.
    private func grade(_ scores: [String: TestScore]) async throws -> GroupResult {
        let package = judge.package
        var answers: [String: GraderAnswer] = [:]
        while true {
            let (total, question) = package.tests.result(
                of: scores, isScoring: package.isScoring, answers: answers)
            guard let question, let grader = tools.grader else { return total }
            do {
                let run = try await grader.run(question.arguments, stdin: question.input, files: [])
                answers[question.group] = GraderAnswer(run)
            } catch let error as SandboxError where error.code != .cancelled {
                answers[question.group] = .failed(error.description)
            }
        }
    }

    private var stops: Bool {
        judge.stopsAtFirstFailure && !judge.package.isScoring
            && judge.package.tests.allGroups.allSatisfy(\.endsAtFirstFailure)
    }

    /// Runs a submission on all tests, without folding them.
    func run(_ built: BuiltSubmission, step: PackageProgress.Step) async throws -> [TestResult] {
        guard let contestant = built.contestant else { return [] }
        let tests = judge.package.allTests
        var limits = limits
        limits.processes = max(limits.processes, built.source?.leastProcesses ?? 1)
        let judging = TestJudging(
            package: judge.package, backend: judge.backend, options: judge.options, contestant: contestant,
            judge: output, limits: limits, decisive: decisive)
        judge.onProgress(PackageProgress(step: step, done: 0, total: tests.count))
        let stops = stops
        return try await boundedMap(
            tests, jobs: judge.jobs, until: { stops && $0.verdict != .accepted },
            ended: { judge.onProgress(PackageProgress(step: step, done: $0, total: tests.count)) },
            { try await judging.judge($0) })
    }

    // MARK: Building

    func build(_ program: PackageProgram) async throws -> BuiltSubmission {
        judge.onProgress(PackageProgress(step: .building(program.path), done: 0, total: 0))
        if judge.package.isSubmitAnswer {
            return BuiltSubmission(contestant: .answers(answers(program)))
        }
        do {
            let source = try ProgramSource.read(
                program, of: judge.package, isSubmission: true, in: tools.languages)
            var request = source.request
            request.options = judge.options
            let result = try await source.runner.build(source.source, request, on: judge.backend)
            return BuiltSubmission(
                contestant: result.program.map { .program($0) }, source: source, compile: result.compile,
                message: result.program == nil ? "it does not compile" : nil)
        } catch let problem as ProgramProblem {
            return BuiltSubmission(
                message: problem.message, isJudgeError: problem.rule == .unknownLanguage)
        } catch let error as SandboxError where ProgramSource.isFault(error) {
            return BuiltSubmission(
                message: error.message, isJudgeError: error.code == .toolchainNotFound)
        }
    }

    /// The files of a submission that is answers: one for each test, by the test's name with `.out`, `.ans` or nothing
    /// behind it, below the submission's directory with or without `secret/`. A single file is the answer to the only
    /// secret test.
    private func answers(_ program: PackageProgram) -> [String: PackageFile] {
        var answers: [String: PackageFile] = [:]
        let files = Dictionary(program.files.map { ($0.path, $0) }) { first, _ in first }
        let secret = judge.package.allTests.filter { !$0.isSample }
        for test in judge.package.allTests {
            let short = test.name.split(separator: "/").dropFirst().joined(separator: "/")
            let names = [test.name, short].flatMap { name in
                ["", ".out", ".ans"].map { ByteString(name + $0) }
            }
            answers[test.name] = names.lazy.compactMap { files[$0] }.first
        }
        if program.files.count == 1, secret.count == 1, answers.isEmpty {
            answers[secret[0].name] = program.files[0]
        }
        return answers
    }

    // MARK: Static validation

    private func validateSources(_ source: ProgramSource) async throws -> [TestResult] {
        guard let validator = tools.staticValidator else { return [] }
        var found: [TestResult] = []
        for group in judge.package.tests.allGroups {
            guard let validation = group.staticValidation else { continue }
            let name = TestGroup.staticValidationName(of: group.name)
            found.append(
                try await TestJudging.telling(name) {
                    let check = try await validator.judge(source, validation.arguments)
                    return TestResult(
                        name: name, verdict: check.verdict, run: nil, check: check,
                        judgeError: check.verdict == .judgeError ? check.message : nil)
                })
        }
        return found
    }

    // MARK: The report

    /// What is expected of the whole: the narrowest of the demands on all tests, or the last on some.
    private static func expected(_ expectations: [Expectation]) -> [Verdict] {
        let whole = expectations.filter { $0.scope == nil }.map(\.verdicts).min { $0.count < $1.count }
        return whole ?? expectations.last?.verdicts ?? [.accepted]
    }

    private func report(
        _ submission: PackageSubmission, _ built: BuiltSubmission, total: GroupResult, _ tests: [TestResult]
    ) -> SubmissionReport {
        let expectations =
            submission.expectations.isEmpty ? [Expectation(overall: [.accepted])] : submission.expectations
        let judged = JudgedTests(
            tests: tests.map { ($0.name, $0.verdict, $0.check?.message ?? "") }, total: total,
            maximumScore: judge.package.tests.maximumScore)
        var failures = expectations.flatMap { $0.failures(of: judged) }
        if total.verdict == .judgeError { failures = [total.judgeError ?? "judge error"] }
        let language = built.source?.runner.language
        return SubmissionReport(
            path: submission.program.path, language: language, verdict: total.verdict,
            expected: Self.expected(expectations), failures: failures, total: total,
            compile: built.compile, tests: tests, message: built.message)
    }
}

extension TestGroup {
    /// The most that a submission can score, where the package says so.
    var maximumScore: Double? {
        switch grading {
        case .allPass, .points: nil
        case .graded(let grading):
            grading.range.upperBound.isFinite ? grading.range.upperBound : groups.last?.maximumScore
        case .custom(let grading):
            grading.rules.range.upperBound.isFinite
                ? grading.rules.range.upperBound : groups.last?.maximumScore
        case .scored(let grading):
            name.isEmpty ? groups.last { $0.name == "secret" }?.maximumScore : grading.maximum
        }
    }
}
#endif
