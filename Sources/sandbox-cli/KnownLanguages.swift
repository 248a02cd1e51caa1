/// The languages that `run` takes sources in, and how each is built.

#if CLI
import Runners
import Sandbox

/// The languages by suffix and by name: those of a catalog, or C++ and Python where the command is built without them.
struct KnownLanguages {
    #if Languages
    let catalog: LanguageCatalog

    /// - Parameter directory: the value of `--languages`.
    init(_ directory: ByteString?) throws(SandboxError) {
        guard let directory else {
            catalog = try LanguageCatalog()
            return
        }
        guard let path = directory.exactText else {
            throw SandboxError(
                .invalidArgument, message: "the name of the directory '\(directory)' is not UTF-8",
                hint: "rename it, or name it by a link")
        }
        catalog = try LanguageCatalog(directory: path)
    }

    var descriptions: [LanguageDescription] { catalog.languages }

    var names: [String] { catalog.languages.map(\.name.rawValue) }

    /// The language of a name or an alias.
    ///
    /// - Throws: `.invalidArgument`, with the name that was probably meant.
    func language(named name: Language) throws(SandboxError) -> Language {
        if let found = catalog[name.rawValue] { return found.name }
        let all = catalog.languages.flatMap { [$0.name.rawValue] + $0.aliases }
        let hint =
            CommandSuggestion.nearest(to: name.rawValue, of: all).map { "did you mean '\($0)'?" }
            ?? "there are \(names.joined(separator: ", ")); see `sandbox languages`"
        throw SandboxError(
            .invalidArgument,
            message: "`--language` names no language: '\(TerminalText.visible(name.rawValue))'",
            hint: hint)
    }

    func language(ofSuffix suffix: String) -> Language? { catalog.language(ofSuffix: suffix)?.name }

    /// Whether a file of this suffix is a source of the language, variants included.
    func isSource(_ suffix: String, of language: Language) -> Bool {
        catalog[language.rawValue]?.suffixes.contains(suffix) ?? false
    }

    /// What becomes of sources in a language.
    func choice(_ language: Language) throws(SandboxError) -> LanguageChoice {
        LanguageChoice(try catalog.language(named: language.rawValue))
    }
    #else
    init(_ directory: ByteString?) throws(SandboxError) {}

    var names: [String] { Language.allCases.map(\.rawValue) }

    func language(named name: Language) throws(SandboxError) -> Language { name }

    func language(ofSuffix suffix: String) -> Language? { Language(fileSuffix: suffix) }

    func isSource(_ suffix: String, of language: Language) -> Bool {
        Language(fileSuffix: suffix) == language
    }

    func choice(_ language: Language) throws(SandboxError) -> LanguageChoice { LanguageChoice(language) }
    #endif
}

/// The runner of a language, before the command line's options are applied, and its own limits.
struct LanguageChoice {
    private enum Kind {
        case cpp(CppRunner)
        case python(PythonRunner)
        case described(DescribedRunner)
    }

    private let kind: Kind
    /// The compiler's limits, where the options say nothing.
    let compileLimits: Limits
    /// The run's limits, where the options say nothing.
    let limits: Limits

    init(_ language: Language) {
        kind = language == .cpp ? .cpp(CppRunner()) : .python(PythonRunner())
        (compileLimits, limits) = (.compile, .standard)
    }

    init(_ described: LanguageDescription) {
        let runner = described.makeRunner()
        kind =
            (runner as? CppRunner).map { .cpp($0) } ?? (runner as? PythonRunner).map { .python($0) }
            ?? .described(DescribedRunner(described))
        compileLimits = described.compilation?.limits ?? .compile
        limits = described.limits.applied(to: .standard)
    }

    /// The runner, as the options want it.
    ///
    /// - Parameters:
    ///   - options: for the compiler.
    ///   - included: the files of `--include`.
    ///   - request: of a language whose runner puts no files beside the sources, these files become its own.
    /// - Throws: `.invalidArgument` for options that have no effect in this language.
    func runner(
        _ options: CompileOptions, _ included: [InputFile], _ request: inout RunRequest
    ) throws(SandboxError) -> any LanguageRunner {
        let limits = options.tools.limits(over: compileLimits)
        switch kind {
        case .cpp(var runner):
            runner.compileLimits = limits
            runner.headers = included
            if let std = options.std { runner.standard = std }
            let split = CompileOptions.split(options.flags)
            (runner.flags, runner.linkFlags) = (runner.flags + split.compiler, split.linker)
            return runner
        case .python(let runner):
            try options.refuseCompiler()
            // The program imports these files: they go beside the source, too.
            request.inputFiles += included
            return runner
        case .described(var runner):
            try options.refuseCompiler(takesFlags: runner.takesFlags)
            runner.compileLimits = limits
            runner.headers = included
            runner.flags = options.flags
            return runner
        }
    }
}
#endif
