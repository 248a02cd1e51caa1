/// Lays out what a package's submissions got, for a person. Pure.

#if CLI && Judge
import Runners
import Sandbox
import SandboxJudge

enum JudgeTable {
    /// So much of a message is shown in a line.
    private static let mostMessage = 100

    /// - Parameter allTests: whether the tests of submissions with the expected result are shown, too.
    static func render(_ report: PackageReport, allTests: Bool) -> String {
        var text = "\(TerminalText.visible(report.problem))"
        if let limit = report.timeLimit {
            text +=
                ": time limit \(RunSummary.seconds(limit))\(report.isTimeLimitInferred ? " (inferred)" : "")"
        }
        text += "\n\n"
        let hasScores = report.submissions.contains { $0.score != nil }
        var titles = ["submission", "verdict", "expected"]
        if hasScores { titles.append("score") }
        var rows = [titles + ["slowest", "time", "memory", ""]]
        rows += report.submissions.map { row($0, hasScores: hasScores) }
        text += PoolTable.table(rows)
        for submission in report.submissions where allTests || !submission.asExpected {
            text += details(submission)
        }
        return text + "\n" + summary(report) + "\n"
    }

    private static func summary(_ report: PackageReport) -> String {
        let wrong = report.submissions.count { !$0.asExpected }
        if wrong > 0 { return "\(wrong) of \(report.submissions.count) not as expected" }
        let faults = report.issues.count { $0.severity == .error }
        return faults == 0
            ? "all as expected" : "the package has \(faults) \(faults == 1 ? "fault" : "faults")"
    }

    private static func row(_ report: SubmissionReport, hasScores: Bool) -> [String] {
        let slowest = report.slowest
        let memory = report.tests.compactMap { $0.run?.usage.peakMemory }.max()
        var cells = [TerminalText.visible("\(report.path)"), report.verdict.rawValue]
        cells.append(report.expected.map(\.rawValue).joined(separator: "/"))
        if hasScores { cells.append(report.score.map(number) ?? "-") }
        cells.append(slowest.map { TerminalText.visible($0.name) } ?? "-")
        cells.append(slowest.map { RunSummary.seconds($0.run!.usage.cpuTime) } ?? "-")
        cells.append(memory.map(RunSummary.size) ?? "-")
        cells.append(report.asExpected ? "ok" : "UNEXPECTED")
        return cells
    }

    /// With at most two decimals.
    private static func number(_ value: Double) -> String {
        let hundredths = (value * 100).rounded()
        guard abs(hundredths) < 1e15 else { return "\(value)" }
        if hundredths.truncatingRemainder(dividingBy: 100) == 0 { return "\(Int(hundredths / 100))" }
        return "\(hundredths / 100)"
    }

    private static func details(_ report: SubmissionReport) -> String {
        var text = "\n\(TerminalText.visible("\(report.path)")): \(report.verdict)\n"
        for failure in report.failures.prefix(20) { text += "  not as expected: \(line(failure))\n" }
        if let message = report.message { text += "  \(line(message))\n" }
        if let compile = report.compile, !compile.outcome.isSuccess {
            for diagnostic in compile.diagnostics.prefix(5) {
                text += "  \(line("\(diagnostic.file):\(diagnostic.line ?? 0): \(diagnostic.message)"))\n"
            }
        }
        let rows = report.tests.map { test -> [String] in
            let usage = test.run?.usage
            return [
                "  " + TerminalText.visible(test.name), test.verdict.rawValue,
                usage.map { RunSummary.seconds($0.cpuTime) } ?? "-",
                usage.map { RunSummary.seconds($0.wallTime) } ?? "-",
                usage.map { RunSummary.size($0.peakMemory) } ?? "-", line(reason(test)),
            ]
        }
        return text + PoolTable.table([["  test", "verdict", "CPU time", "wall time", "memory", ""]] + rows)
    }

    private static func reason(_ test: TestResult) -> String {
        if test.verdict == .accepted { return "" }
        if !test.message.isEmpty { return test.message }
        guard let run = test.run else { return "" }
        if case .exited(let code) = run.outcome, code != 0 { return "exited with status \(code)" }
        return ExitStatus.explanation(of: run.outcome, limits: run.limits) ?? ""
    }

    private static func line(_ text: String) -> String {
        let first = TerminalText.visible(String(text.split(separator: "\n").first ?? ""))
        return first.count > mostMessage ? first.prefix(mostMessage) + "…" : first
    }
}
#endif
