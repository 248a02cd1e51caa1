/// The options of `run` for its language and its compiler.

#if CLI
public import ArgumentParser
import Runners
public import Sandbox
import SandboxRuntime

extension CppStandard: ExpressibleByArgument {}

extension Language: ExpressibleByArgument {
    #if Languages
    /// Whether there is such a language is known only with the descriptions of `--languages`: see ``KnownLanguages``.
    public init?(argument: String) { self.init(rawValue: argument) }

    /// The parser asks for them on each call of the command, `exec` too, so no description is parsed for it.
    public static var allValueStrings: [String] { LanguageCatalog.builtInNames }
    #else
    /// A language that another package defines has no runner in this command.
    public init?(argument: String) {
        self.init(rawValue: argument)
        guard Self.allCases.contains(self) else { return nil }
    }
    #endif
}

/// The language, and the bounds of its compiler.
struct LanguageOptions: ParsableArguments {
    @Option(help: "The sources' language. (default: told by the suffix)")
    var language: Language?

    #if Languages
    @Option(
        parsing: .unconditional,
        help: .init(
            "A directory with further descriptions of languages (.yaml), or one such file; see `sandbox languages`.",
            valueName: "dir"),
        completion: .directory)
    var languages: ByteString?

    /// A language that is not there is a mistake on the command line.
    mutating func validate() throws {
        guard languages == nil, let language else { return }
        do throws(SandboxError) {
            _ = try known.language(named: language)
        } catch {
            throw ValidationError(error.message + (error.hint.map { "; \($0)" } ?? ""))
        }
    }

    var known: KnownLanguages { get throws(SandboxError) { try KnownLanguages(languages) } }
    #else
    var known: KnownLanguages { get throws(SandboxError) { try KnownLanguages(nil) } }
    #endif

    @Option(
        parsing: .unconditional,
        help: .init(
            "The compiler's wall time; its CPU time is raised to it where it is less. (\(LimitDescription.of(.wallTime).rangeText); default: \(Seconds.describe(Limits.compile.wallTime)), CPU time \(Seconds.describe(Limits.compile.cpuTime)))",
            valueName: "s"),
        transform: Seconds.parse)
    var compileWallTime: Duration?

    @Option(
        parsing: .unconditional,
        help: .init(
            "The compiler's memory. (\(LimitDescription.of(.memory).rangeText); default: \(ByteSize.describe(Limits.compile.memory)))",
            valueName: "size"),
        transform: ByteSize.parse)
    var compileMemory: Int?

    /// The compiler's limits. There is no option for its CPU time; that must not undo a longer wall time.
    ///
    /// - Parameter standard: where no option says otherwise.
    func limits(over standard: Limits) -> Limits {
        var limits = standard
        if let compileWallTime {
            limits.wallTime = compileWallTime
            limits.cpuTime = max(limits.cpuTime, compileWallTime)
        }
        if let compileMemory { limits.memory = compileMemory }
        return limits
    }
}

struct CompileOptions: ParsableArguments {
    @OptionGroup var tools: LanguageOptions

    @Option(
        parsing: .unconditional,
        help: .init(
            "The C++ standard. (default: \(CppRunner().standard.rawValue))", valueName: "std"))
    var std: CppStandard?

    @Option(
        name: .customLong("compile-flag"), parsing: .unconditionalSingleValue,
        help: .init(
            "A flag for the compiler, behind its -O2; -l, -Wl, and -Xlinker with its value stand behind the sources; repeatable.",
            valueName: "flag"))
    var flags: [ByteString] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "A header or module put beside the sources, under NAME if given, and not compiled by itself; repeatable.",
            valueName: "file[:name]"),
        completion: .file(), transform: InputFileOption.parse)
    var include: [InputFileOption] = []

    /// Flags for the linker go behind the sources, in their order among themselves: it takes from a library only
    /// the symbols that something before it uses, and `-Wl,--start-group` and its like are for what follows.
    static func split(_ flags: [ByteString]) -> (compiler: [ByteString], linker: [ByteString]) {
        var (compiler, linker): ([ByteString], [ByteString]) = ([], [])
        var isValue = false
        for flag in flags {
            let isLinkers =
                isValue || flag.bytes.starts(with: "-l".utf8) || flag.bytes.starts(with: "-Wl,".utf8)
                || flag == "-Xlinker"
            isValue = !isValue && flag == "-Xlinker"
            if isLinkers { linker.append(flag) } else { compiler.append(flag) }
        }
        return (compiler, linker)
    }

    /// Throws for options that have no effect in a language other than C++.
    ///
    /// - Parameter takesFlags: whether it has a compiler that takes flags.
    func refuseCompiler(takesFlags: Bool = false) throws(SandboxError) {
        if std != nil, takesFlags {
            throw SandboxError(
                .invalidArgument, message: "`--std` is for C++",
                hint: "use `--compile-flag` for this compiler")
        }
        guard std != nil || (!flags.isEmpty && !takesFlags) else { return }
        throw SandboxError(
            .invalidArgument,
            message:
                "`\(std != nil ? "--std" : "--compile-flag")` is for a compiler, and this language has none",
            hint: "leave it out")
    }
}
#endif
