/// What a package's submissions got, in the XML that continuous integration reads. Pure.

#if CLI && Judge
import Sandbox
import SandboxJudge

struct JUnitReport {
    private let report: PackageReport

    init(_ report: PackageReport) { self.report = report }

    /// One suite for the problem; one case for each submission, which fails when it did not get what was expected, and one
    /// for each error of the package.
    var bytes: [UInt8] {
        let errors = report.issues.filter { $0.severity == .error }
        let failures = report.submissions.count { !$0.asExpected && $0.verdict != .judgeError } + errors.count
        let judgeErrors = report.submissions.count { $0.verdict == .judgeError }
        let count = report.submissions.count + errors.count
        let numbers = "tests=\"\(count)\" failures=\"\(failures)\" errors=\"\(judgeErrors)\""
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites \(numbers)>\n"
        text += "<testsuite name=\"\(escape(report.problem))\" \(numbers) time=\"\(total)\">\n"
        for issue in errors {
            text +=
                "<testcase classname=\"\(escape(report.problem))\" name=\"\(escape("\(issue.file)"))\" time=\"0\">"
            text +=
                "<failure message=\"\(escape(issue.rule.rawValue))\">\(escape(issue.description))</failure></testcase>\n"
        }
        for submission in report.submissions { text += testCase(submission) }
        return Array((text + "</testsuite>\n</testsuites>\n").utf8)
    }

    private var total: Double { report.submissions.map(time).reduce(0, +) }

    private func time(_ submission: SubmissionReport) -> Double {
        submission.tests.map { Seconds.value($0.run?.usage.wallTime ?? .zero) }.reduce(0, +)
    }

    private func testCase(_ submission: SubmissionReport) -> String {
        var text =
            "<testcase classname=\"\(escape(report.problem))\" name=\"\(escape("\(submission.path)"))\" time=\"\(time(submission))\">"
        if !submission.asExpected {
            let kind = submission.verdict == .judgeError ? "error" : "failure"
            let message =
                "\(submission.verdict), expected \(submission.expected.map(\.rawValue).joined(separator: "/"))"
            text +=
                "<\(kind) message=\"\(escape(message))\">\(escape(submission.failures.joined(separator: "\n")))</\(kind)>"
        }
        let lines = submission.tests.map { test in
            "\(test.name) \(test.verdict)\(test.message.isEmpty ? "" : " \(test.message)")"
        }
        return text + "<system-out>\(escape(lines.joined(separator: "\n")))</system-out></testcase>\n"
    }

    /// XML has no control characters, not even escaped.
    private func escape(_ text: String) -> String {
        TerminalText.visibleLines(text).replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;").replacing("\n", with: "&#10;")
    }
}
#endif
