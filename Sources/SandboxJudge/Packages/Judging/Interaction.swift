/// What makes a package's problem interactive: its output validator or interactor converses with each submission.

#if Judge
import Runners
import SandboxAPI

enum Interaction {
    private static let message =
        "a problem that is both interactive and multi-pass is not supported: a validator that converses gives no next input"

    /// Notes where a package says that it is more than the judge can do.
    static func check(_ package: ProblemPackage, _ value: YamlValue, _ issues: inout IssueList) {
        if package.isInteractive, package.isMultiPass {
            issues.error(value.file, line: value.line, .unsupported, message)
        }
    }

    /// Why a package cannot be judged; `nil` where it can. For packages made in code.
    static func refusal(of package: ProblemPackage) -> PackageIssue? {
        package.isInteractive && package.isMultiPass ? PackageIssue(.error, "", .unsupported, message) : nil
    }
}

/// An interactor that was built.
struct Interactor: Sendable {
    var program: ValidatorProgram
    /// By testlib's convention, with the checker of what the interactor writes; else by the problem package format's.
    var checker: TestlibChecker?
    var isTestlib: Bool

    func judge(_ submission: Program, _ test: TestCase, _ arguments: [String], _ limits: Limits)
        -> InteractiveJudge
    {
        InteractiveJudge(
            submission: submission, interactor: program.program,
            convention: isTestlib
                ? .testlib(checker: checker) : .outputValidator(arguments: arguments.map { ByteString($0) }),
            on: program.backend, limits: limits, interactorLimits: program.limits, options: program.options,
            interactorOptions: program.options)
    }
}
#endif
