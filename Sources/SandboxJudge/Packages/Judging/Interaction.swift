/// Interactive problems, which are refused. Pure.
///
/// All that stands between an interactive package and its verdicts is here: the readers ask ``refuse(_:line:_:)`` where a
/// package says that it is interactive, and ``PackageTools`` asks again, for packages made in code. A judge of interactive
/// problems takes the place of both, and of the case `.interactor` there: it gets the program and a test in ``TestJudging``.

#if Judge
import SandboxAPI

enum Interaction {
    private static let message =
        "interactive problems are not supported: the judge does not connect a submission with a validator or an interactor"

    /// Notes where a package says that it is interactive.
    static func refuse(_ file: ByteString, line: Int?, _ issues: inout IssueList) {
        issues.error(file, line: line, .unsupported, message)
    }

    /// Why a package cannot be judged; `nil` for one that is not interactive.
    static func refusal(of package: ProblemPackage) -> PackageIssue? {
        if case .interactor(let program, _) = package.output {
            return PackageIssue(.error, program.path, .unsupported, message)
        }
        return package.isInteractive ? PackageIssue(.error, "", .unsupported, message) : nil
    }
}
#endif
