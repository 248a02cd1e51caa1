/// Which files of `run`'s command line are sources, in which language, and which of them is the program. Pure.

#if CLI
import Runners
import Sandbox

struct SourceList: Equatable {
    var language: Language
    /// The source that is run, or compiled first: the first file that is no header.
    var first: ByteString
    /// The other files, in the order of the command line: compiled too, or headers, or modules to import.
    var others: [ByteString]

    /// The value that names the command's own stdin.
    static let ownStandardInput: ByteString = "-"

    /// Suffixes of files that C++ includes and that are not compiled by themselves.
    private static let headerSuffixes: Set<String> = [
        "h", "H", "hh", "hp", "hpp", "HPP", "hxx", "h++", "tcc", "tpp", "txx", "ipp", "inl", "inc",
    ]

    /// - Parameters:
    ///   - paths: as on the command line, at least one.
    ///   - named: the value of `--language`.
    ///   - known: the languages that there are.
    init(
        _ paths: [ByteString], language named: Language?, _ known: KnownLanguages
    ) throws(SandboxError) {
        if paths.count > 1, paths.contains(Self.ownStandardInput) {
            throw SandboxError(
                .invalidArgument, message: "a source on our own stdin cannot have others beside it",
                hint: "give all of them as files, or put headers and modules beside it with `--include`")
        }
        let source = paths.first { !Self.headerSuffixes.contains(SourceName.suffix(of: $0)) } ?? paths[0]
        first = source
        language =
            if let named { try known.language(named: named) } else { try Self.language(of: source, known) }
        others = []
        // The first file among `paths` that is the source: a second one of the same path is a duplicate.
        var isFirst = true
        var names: Set<ByteString> = []
        for path in paths {
            let name = path.parts.last ?? path
            guard names.insert(name).inserted else {
                throw SandboxError(
                    .invalidArgument, message: "two sources have the name '\(name)'",
                    hint: "rename one of them; directories are not kept")
            }
            if isFirst, path == source {
                isFirst = false
                continue
            }
            try Self.check(path, in: language, beside: source, known)
            others.append(path)
        }
    }

    /// The first source's own name, for the tools; `nil` for our own stdin.
    var name: ByteString? { first == Self.ownStandardInput ? nil : first.parts.last }

    private static func check(
        _ path: ByteString, in language: Language, beside source: ByteString, _ known: KnownLanguages
    ) throws(SandboxError) {
        let suffix = SourceName.suffix(of: path)
        if known.isSource(suffix, of: language) { return }
        // The languages that include files.
        let includes = known.isSource("cpp", of: language) || known.isSource("c", of: language)
        if includes, headerSuffixes.contains(suffix) { return }
        let own = known.language(ofSuffix: suffix)
        if let own {
            throw SandboxError(
                .invalidArgument,
                message: "'\(path)' is \(own), and '\(source)' is \(language): a program has one language",
                hint: "run one of them, or put a file into /work with `--in`")
        }
        throw SandboxError(
            .invalidArgument, message: "the suffix of '\(path)' names no source or header of \(language)",
            hint: "rename it, put a header or module beside the source with `--include`, or data into "
                + "/work with `--in`; the program's own arguments stand after `--`")
    }

    private static func language(
        of source: ByteString, _ known: KnownLanguages
    ) throws(SandboxError) -> Language {
        if let language = known.language(ofSuffix: SourceName.suffix(of: source)) { return language }
        let names = "`--language` with one of " + known.names.joined(separator: ", ")
        throw SandboxError(
            .invalidArgument,
            message: source == ownStandardInput
                ? "a source on our own stdin has no suffix that names its language"
                : "the suffix of '\(source)' names no language that has a runner",
            hint: "name it: \(names)")
    }
}
#endif
