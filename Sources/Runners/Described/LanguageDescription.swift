/// A language, described: what its files are called, how they are compiled and run, what the image must have. Pure.

public import SandboxAPI
import SandboxRuntime

/// All that a ``DescribedRunner`` needs to know of a language.
///
/// The built-in ones are YAML files of this package; `docs/languages.md` has the format. A caller can also make one in
/// Swift:
///
/// ```swift
/// let awk = LanguageDescription(
///     name: "awk", title: "AWK", suffixes: ["awk"], sourceName: "main.awk",
///     run: [try ArgumentTemplate("awk"), try ArgumentTemplate("-f"), try ArgumentTemplate("{source}")])
/// let report = try await DescribedRunner(awk).run("BEGIN { print 42 }", on: backend)
/// ```
public struct LanguageDescription: Sendable, Hashable {
    /// How sources become a program.
    public struct Compilation: Sendable, Hashable {
        /// The compiler and its arguments; the first word has no placeholder.
        public var command: [ArgumentTemplate]
        /// What the program consists of afterwards: paths (`main`), directories with all in them (`classes/`), and
        /// suffixes (`*.class`, at any depth). Empty: its sources, which the command only checks.
        public var artifacts: [String]
        /// The bounds of the compiler's run.
        public var limits: Limits

        public init(command: [ArgumentTemplate], artifacts: [String], limits: Limits = .compile) {
            self.command = command
            self.artifacts = artifacts
            self.limits = limits
        }
    }

    /// How to ask for a toolchain's version.
    public struct VersionQuestion: Sendable, Hashable {
        /// The command, whose output (stdout, then stderr) has the version.
        public var command: [String]
        /// The text before the version; empty: the first version number of the output.
        public var after: String

        public init(command: [String], after: String = "") {
            self.command = command
            self.after = after
        }
    }

    /// The name: lower case letters, digits, `+`, `#`, `.`, `_` and `-`, at most 40 bytes.
    public var name: Language
    /// The name for people.
    public var title: String
    /// Further names, in the form of `name`.
    public var aliases: [String]
    /// What sources are called, without the dot; upper and lower case differ.
    public var suffixes: [String]
    /// The language of which this is another implementation: it is chosen by name, never by a suffix.
    public var variantOf: Language?
    /// The first source's name, when the caller gives none that a tool takes.
    public var sourceName: String
    public var entry: EntryRule
    /// `nil` when sources are run as they are.
    public var compilation: Compilation?
    /// The command of the program; its own arguments come after it. A first word that begins with `./` is an artifact.
    public var run: [ArgumentTemplate]
    /// Variables of the compiler and of the program.
    public var environment: [String: String]
    public var limits: LanguageLimits
    /// The forms of the compiler's messages.
    public var diagnostics: [DiagnosticSyntax]
    /// `nil`: it has none to ask for.
    public var version: VersionQuestion?
    /// Programs that the image must have besides the first words of the commands: names in `PATH`, or absolute paths.
    public var tools: [String]
    /// Debian's packages that have all of this.
    public var packages: [String]
    /// Whose code builds programs: `nil` is ``DescribedRunner``; `cpp` and `python` have runners of their own, with more options.
    public var runner: Language?
    /// Where the description stands: a file, or `built in`.
    public var origin: String

    public init(
        name: Language, title: String, aliases: [String] = [], suffixes: [String], variantOf: Language? = nil,
        sourceName: String, entry: EntryRule = .source, compilation: Compilation? = nil,
        run: [ArgumentTemplate], environment: [String: String] = [:],
        limits: LanguageLimits = LanguageLimits(), diagnostics: [DiagnosticSyntax] = [],
        version: VersionQuestion? = nil, tools: [String] = [], packages: [String] = [],
        runner: Language? = nil, origin: String = "made in code"
    ) {
        self.name = name
        self.title = title
        self.aliases = aliases
        self.suffixes = suffixes
        self.variantOf = variantOf
        self.sourceName = sourceName
        self.entry = entry
        self.compilation = compilation
        self.run = run
        self.environment = environment
        self.limits = limits
        self.diagnostics = diagnostics
        self.version = version
        self.tools = tools
        self.packages = packages
        self.runner = runner
        self.origin = origin
    }

    /// Whether a file of this name is a source of this language, by its suffix.
    public func isSource(_ path: ByteString) -> Bool { suffixes.contains(SourceName.suffix(of: path)) }

    /// The programs that the image must have: the commands' own and ``tools``, each once.
    public var neededTools: [String] {
        var needed: [String] = []
        let commands = [compilation?.command.first, run.first].compactMap { $0?.literal?.exactText }
        for tool in commands + tools where !tool.hasPrefix("./") && !needed.contains(tool) {
            needed.append(tool)
        }
        return needed
    }

    /// What to do when the image lacks the toolchain.
    var installHint: String {
        packages.isEmpty
            ? "install it in the image, or use an image that has it"
            : "install it in the image (Debian, Ubuntu: apt-get install \(packages.joined(separator: " ")))"
    }
}
