/// Builds a package's validators, each once.

#if Judge
import Runners
import SandboxAPI

struct PackageTools: Sendable {
    private let judge: PackageJudge
    let languages: LanguageCatalog
    private(set) var inputValidators: [ValidatorProgram] = []
    private(set) var staticValidator: ValidatorProgram?
    private(set) var grader: ValidatorProgram?
    /// `nil` when it does not build.
    private(set) var output: OutputJudge?
    private(set) var issues: [PackageIssue] = []

    init(_ judge: PackageJudge, _ languages: LanguageCatalog) {
        self.judge = judge
        self.languages = languages
    }

    mutating func build() async throws {
        let package = judge.package
        for program in package.inputValidators {
            if let built = try await build(program) { inputValidators.append(built) }
        }
        if let program = package.staticValidator { staticValidator = try await build(program) }
        if let program = package.grader, package.tests.allGroups.contains(where: \.hasCustomGrading) {
            grader = try await build(program)
        }
        switch package.output {
        case .builtIn: output = .builtIn
        case .validators(let programs):
            var built: [ValidatorProgram] = []
            for program in programs {
                if let validator = try await build(program) { built.append(validator) }
            }
            guard built.count == programs.count else { break }
            if package.isInteractive, let validator = built.first {
                output = .interactor(Interactor(program: validator, isTestlib: false))
            } else {
                output = .validators(built)
            }
        case .checker(let program):
            if let checker = try await checker(program) { output = .checker(checker) }
        case .interactor(let program, let checkerProgram):
            guard let built = try await build(program) else { break }
            var interactor = Interactor(program: built, isTestlib: true)
            if let checkerProgram {
                interactor.checker = try await checker(checkerProgram)
                if interactor.checker == nil { break }
            }
            output = .interactor(interactor)
        }
    }

    private mutating func checker(_ program: PackageProgram) async throws -> TestlibChecker? {
        try await build(program).map {
            TestlibChecker($0.program, limits: $0.limits, options: $0.options)
        }
    }

    private mutating func build(_ program: PackageProgram) async throws -> ValidatorProgram? {
        do {
            let source = try ProgramSource.read(
                program, of: judge.package, isSubmission: false, in: languages)
            var request = source.request
            request.options = judge.options
            let result = try await source.runner.build(source.source, request, on: judge.backend)
            if let built = result.program {
                var limits = judge.validatorLimits
                limits.processes = max(limits.processes, source.leastProcesses)
                return ValidatorProgram(
                    name: program.name, program: built, backend: judge.backend, options: judge.options,
                    limits: limits)
            }
            let words = CheckerWords.text(result.compile?.stderr ?? [])
            let isBuilt = result.compile?.outcome.isSuccess ?? true
            fault(
                program,
                isBuilt
                    ? "it has no executable file `run`, or leaves too many files"
                    : "it does not compile: \(words)")
        } catch let problem as ProgramProblem {
            fault(program, problem.message)
        } catch let error as SandboxError where ProgramSource.isFault(error) {
            fault(program, error.message)
        }
        return nil
    }

    private mutating func fault(_ program: PackageProgram, _ message: String) {
        issues.append(PackageIssue(.error, program.path, .doesNotBuild, message))
    }
}
#endif
