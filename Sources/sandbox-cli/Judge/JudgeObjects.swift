/// The object that `sandbox judge --json` prints.

#if CLI && Judge
import Runners
import Sandbox
import SandboxJudge

struct PackageObject: Encodable {
    let schemaVersion = 1
    var problem: String
    /// CPU time on one test; null where nothing was judged by one.
    @Nullable var timeLimitSeconds: Double?
    var issues: [IssueObject]
    var submissions: [SubmissionObject]
    var allAsExpected: Bool

    init(_ report: PackageReport) {
        problem = report.problem
        _timeLimitSeconds = Nullable(wrappedValue: report.timeLimit.map(Seconds.value))
        issues = report.issues.map(IssueObject.init)
        submissions = report.submissions.map(SubmissionObject.init)
        allAsExpected = report.allAsExpected
    }
}

struct IssueObject: Encodable {
    var severity: String
    var file: String
    var fileBase64: String?
    @Nullable var line: Int?
    var rule: String
    var message: String

    init(_ issue: PackageIssue) {
        severity = issue.severity.rawValue
        (file, fileBase64) = JSONText.text(issue.file.bytes)
        _line = Nullable(wrappedValue: issue.line)
        rule = issue.rule.rawValue
        message = issue.message
    }
}

struct SubmissionObject: Encodable {
    var path: String
    var pathBase64: String?
    @Nullable var language: String?
    var verdict: String
    var expected: [String]
    var asExpected: Bool
    /// Why it did not get what was expected.
    var failures: [String]
    @Nullable var score: Double?
    @Nullable var compile: CompileObject?
    @Nullable var message: String?
    var tests: [TestObject]

    init(_ report: SubmissionReport) {
        (path, pathBase64) = JSONText.text(report.path.bytes)
        _language = Nullable(wrappedValue: report.language?.rawValue)
        verdict = report.verdict.rawValue
        expected = report.expected.map(\.rawValue)
        asExpected = report.asExpected
        failures = report.failures
        _score = Nullable(wrappedValue: report.score)
        _compile = Nullable(wrappedValue: report.compile.map(CompileObject.init))
        _message = Nullable(wrappedValue: report.message)
        tests = report.tests.map(TestObject.init)
    }
}

struct TestObject: Encodable {
    var name: String
    var verdict: String
    var wallSeconds: Double
    var cpuSeconds: Double
    var peakMemoryBytes: Int
    @Nullable var outcome: OutcomeObject?
    @Nullable var score: Double?
    var message: String

    init(_ result: TestResult) {
        name = result.name
        verdict = result.verdict.rawValue
        wallSeconds = Seconds.value(result.run?.usage.wallTime ?? .zero)
        cpuSeconds = Seconds.value(result.run?.usage.cpuTime ?? .zero)
        peakMemoryBytes = result.run?.usage.peakMemory ?? 0
        _outcome = Nullable(wrappedValue: result.run.map { OutcomeObject($0.outcome) })
        _score = Nullable(wrappedValue: result.check?.score)
        message = result.message
    }
}
#endif
