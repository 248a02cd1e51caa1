/// Infers a package's time limit from the submissions that must be fast enough.

#if Judge
import Runners
import SandboxAPI

struct TimeLimitInference: Sendable {
    var judge: PackageJudge
    var tools: PackageTools
    var output: OutputJudge

    /// - Returns: the limit, and the submissions that ran for it: their tests need not run again, since the limit is above
    ///   all of their times.
    func infer(
        _ issues: inout [PackageIssue]
    ) async throws -> (limit: Duration, timed: [ByteString: TimedSubmission]) {
        var judge = judge
        judge.stopsAtFirstFailure = false
        let judging = SubmissionJudging(
            judge: judge, tools: tools, output: output, limits: judge.runLimits(time: judge.mostInferredTime))
        var timed: [ByteString: TimedSubmission] = [:]
        var slowest = Duration.zero
        let bounding = judge.package.submissions.filter { $0.bounds(.lower) }
        if bounding.isEmpty {
            issues.append(
                PackageIssue(
                    .error, "submissions/accepted", .timeLimit,
                    "there is no time_limit, and no accepted submission to infer it from"))
        }
        for submission in bounding {
            let path = submission.program.path
            let built = try await judging.build(submission.program)
            guard built.contestant != nil else { continue }
            let tests = try await judging.run(built, step: .timing(path))
            timed[path] = TimedSubmission(built: built, tests: tests)
            for test in tests {
                guard submission.bounds(.lower, on: test.name), let run = test.run else { continue }
                if test.verdict.inPackage == .timeLimitExceeded {
                    issues.append(
                        PackageIssue(
                            .error, path, .timeLimit,
                            "it is still running on \(test.name) after \(judge.mostInferredTime)"))
                }
                slowest = max(slowest, run.usage.cpuTime)
            }
        }
        let limit = judge.package.limits.timing.limit(slowestAccepted: slowest)
        // A submission that runs into the new limit is judged by it.
        timed = timed.filter { entry in
            entry.value.tests.allSatisfy { ($0.run?.usage.cpuTime ?? .zero) < limit }
        }
        return (limit, timed)
    }
}
#endif
