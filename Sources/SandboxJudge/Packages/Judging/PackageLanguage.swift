/// The languages of packages' programs: by the format's code, or by the suffixes of files. Pure.

#if Judge
import Runners
import SandboxAPI
import SandboxRuntime

/// A language that a package's program is in.
struct PackageLanguage: Sendable {
    let description: LanguageDescription

    /// The package format's code: `cpp`, `java`, `python3`. All but that of Python are the names of the catalog.
    var code: String {
        let name = description.variantOf ?? description.name
        return name == .python ? "python3" : name.rawValue
    }

    /// Whether a package names this language by a code: the format's, or a name or alias of the catalog.
    func isCalled(_ code: String) -> Bool {
        code == self.code || code == description.name.rawValue || description.aliases.contains(code)
    }

    /// The language of a program: as the package says, or as the suffixes of its files do.
    static func of(
        _ program: PackageProgram, in catalog: LanguageCatalog
    ) throws(ProgramProblem) -> PackageLanguage {
        if let code = program.language {
            if let language = catalog[code] { return PackageLanguage(description: language) }
            throw ProgramProblem(
                rule: .unknownLanguage,
                message: "there is no runner for the language \(ByteString(code).quoted)")
        }
        var found: [LanguageDescription] = []
        for file in program.files {
            if let language = catalog.language(of: file.path), !found.contains(language) {
                found.append(language)
            }
        }
        if found.count == 1 { return PackageLanguage(description: found[0]) }
        let names = found.map(\.name.rawValue).sorted().joined(separator: ", ")
        throw ProgramProblem(
            rule: .unknownLanguage,
            message: found.isEmpty
                ? "no language of this judge has files of its suffixes"
                : "its files are of several languages: \(names)")
    }

    /// The language's runner.
    ///
    /// - Parameter limits: the compiler's. A compiler that needs more processes, time or memory than a package gives by default
    ///   has what its description says, unless the package itself bounds it.
    func runner(_ limits: CompileBounds) -> any LanguageRunner {
        let runner = description.makeRunner()
        let bounded = limits.applied(to: description.compilation?.limits ?? .compile)
        if var cpp = runner as? CppRunner {
            cpp.compileLimits = bounded
            return cpp
        }
        if var python = runner as? PythonRunner {
            python.compileLimits = bounded
            return python
        }
        if var described = runner as? DescribedRunner {
            described.compileLimits = bounded
            return described
        }
        return runner
    }

    /// The source that is started: the package's entry point, the language's standard name, `main.*`, or the first.
    func main(of files: [InputFile], _ program: PackageProgram) throws(ProgramProblem) -> InputFile {
        let sources = files.filter { description.isSource($0.path) }.sorted { $0.path < $1.path }
        if let entry = program.entryPoint,
            let file = sources.first(where: { $0.path == ByteString(entry) || isNamed($0.path, entry) })
        {
            return file
        }
        let standard =
            (description.name == .python ? ["__main__.py"] : [])
            + [ByteString(description.sourceName)] + description.suffixes.map { ByteString("main." + $0) }
        guard
            let main = standard.compactMap({ name in sources.first { $0.path == name } }).first
                ?? sources.first
        else {
            throw ProgramProblem(rule: .unknownLanguage, message: "it has no source of \(code)")
        }
        return main
    }

    /// Whether a file is what a package calls by its name without a suffix: a class, a module.
    private func isNamed(_ path: ByteString, _ entry: String) -> Bool {
        description.suffixes.contains { path == ByteString("\(entry).\($0)") }
    }
}

/// What a package says of the limits of compilers; `nil` for nothing.
struct CompileBounds: Sendable {
    var time: Duration?
    var memory: Int?

    /// The limits of a language's compiler, as the package changes them.
    func applied(to standard: Limits) -> Limits {
        var limits = standard
        if let time {
            limits.cpuTime = max(time, .seconds(1))
            limits.wallTime = limits.cpuTime * 2
        }
        if let memory { limits.memory = memory }
        return limits
    }
}
#endif
