/// A program of a package as its runner gets it.

#if Judge
import Runners
import SandboxAPI
import SandboxRuntime

/// Why a program of a package cannot be built here.
struct ProgramProblem: Error {
    var rule: PackageIssue.Rule
    var message: String
}

/// A program of a package, read and ready to be built.
struct ProgramSource: Sendable {
    var runner: any LanguageRunner
    var source: [UInt8]
    var request: RunRequest
    /// All source files, as the runner gets them.
    var files: [InputFile]
    /// The language's code in the package format.
    var code: String
    var entryPoint: String
    /// The fewest processes and threads with which the language's programs start.
    var leastProcesses: Int
}

extension ProgramSource {
    /// Whether an error of a build is the program's own: names that a compiler could misread, a source that is too long. So is
    /// that the image lacks its toolchain, which the package's author has to know.
    static func isFault(_ error: SandboxError) -> Bool {
        [.invalidArgument, .invalidPath, .fileTooLarge, .toolchainNotFound].contains(error.code)
    }

    /// Reads a program's files, and chooses its runner.
    ///
    /// - Parameters:
    ///   - submission: whether the package's included files go with it, and its limits bound it.
    ///   - languages: that it may be in.
    static func read(
        _ program: PackageProgram, of package: ProblemPackage, isSubmission: Bool,
        in languages: LanguageCatalog
    ) throws -> ProgramSource {
        let bounds = CompileBounds(
            time: package.limits.compilationTime, memory: package.limits.compilationMemory)
        // Submissions bring no scripts of their own.
        let isScript =
            !isSubmission
            && program.files.contains { $0.path == ScriptRunner.build || $0.path == ScriptRunner.run }
        var files: [InputFile] = []
        var total = 0
        let most = PackageBounds.standard.source
        for file in program.files {
            let bytes = try file.read(limit: most)
            total += bytes.count
            if total > 16 * most {
                throw ProgramProblem(
                    rule: .unreadable, message: "its files hold more than \(16 * most) bytes")
            }
            files.append(
                InputFile(
                    file.path, package.replacingConstants(in: bytes),
                    executable: isScript && file.isExecutable))
        }
        if isScript { return try script(program, files, bounds) }
        if isSubmission, let limit = package.limits.code, total > limit {
            throw ProgramProblem(
                rule: .invalidValue, message: "its files hold \(total) bytes, more than the \(limit) allowed")
        }
        let language = try PackageLanguage.of(program, in: languages)
        if isSubmission, let allowed = package.languages, !allowed.contains(where: language.isCalled) {
            throw ProgramProblem(
                rule: .invalidValue,
                message: "the problem is for \(allowed.joined(separator: ", ")), not \(language.code)")
        }
        if isSubmission {
            for file in package.included[language.code] ?? package.included["default"] ?? [] {
                let bytes = package.replacingConstants(in: try file.read(limit: most))
                files.removeAll { $0.path == file.path }
                files.append(InputFile(file.path, bytes))
            }
        }
        let main = try language.main(of: files, program)
        let others = files.filter { $0.path != main.path }
        return ProgramSource(
            runner: language.runner(bounds), source: main.bytes,
            request: RunRequest(sourceName: main.path, sources: others), files: files, code: language.code,
            entryPoint: program.entryPoint ?? main.path.text,
            leastProcesses: language.description.limits.leastProcesses)
    }
}

extension ProgramSource {
    /// A program that is built by its `build` script and started by `run`.
    private static func script(
        _ program: PackageProgram, _ files: [InputFile], _ bounds: CompileBounds
    ) throws(ProgramProblem) -> ProgramSource {
        for name in [ScriptRunner.build, ScriptRunner.run] {
            if let file = files.first(where: { $0.path == name }), !file.executable {
                throw ProgramProblem(
                    rule: .doesNotBuild, message: "its \(name) is not executable (chmod +x \(name))")
            }
        }
        return ProgramSource(
            runner: ScriptRunner(compileLimits: bounds.applied(to: .compile)), source: [],
            request: RunRequest(sources: files), files: files, code: "", entryPoint: "run", leastProcesses: 1)
    }
}

extension ProblemPackage {
    /// The most bytes that a file may have with its constants replaced.
    private static let mostReplaced = 4 << 20

    /// Replaces `{{name}}` by the constant of that name.
    func replacingConstants(in bytes: [UInt8]) -> [UInt8] {
        guard !constants.isEmpty, bytes.contains(UInt8(ascii: "{")) else { return bytes }
        var result: [UInt8] = []
        var rest = bytes[...]
        while let open = rest.firstRange(of: Array("{{".utf8)) {
            result += rest[..<open.lowerBound]
            rest = rest[open.lowerBound...]
            let name = rest.dropFirst(2).prefix(256).prefix { $0 != UInt8(ascii: "}") }
            let after = rest.dropFirst(2 + name.count)
            if after.starts(with: "}}".utf8), let value = constants[String(decoding: name, as: UTF8.self)],
                result.count + value.utf8.count <= Self.mostReplaced
            {
                result += Array(value.utf8)
                rest = after.dropFirst(2)
            } else {
                result += rest.prefix(2)
                rest = rest.dropFirst(2)
            }
        }
        return result + rest
    }
}
#endif
