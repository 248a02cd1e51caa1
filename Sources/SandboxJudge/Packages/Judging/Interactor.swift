/// What makes a package's problem interactive: its output validator or interactor converses with each submission.

#if Judge
import Runners
import SandboxAPI

/// An interactor that was built.
struct Interactor: Sendable {
    var program: ValidatorProgram
    /// By testlib's convention, with the checker of what the interactor writes; else by the problem package format's.
    var checker: TestlibChecker?
    var isTestlib: Bool

    func judge(_ submission: Program, _ arguments: [String], _ limits: Limits) -> InteractiveJudge {
        InteractiveJudge(
            submission: submission, interactor: program.program,
            convention: isTestlib
                ? .testlib(checker: checker) : .outputValidator(arguments: arguments.map { ByteString($0) }),
            on: program.backend, limits: limits, interactorLimits: program.limits, options: program.options,
            interactorOptions: program.options)
    }
}
#endif
