/// The languages that a caller offers, found by name, alias and suffix. Pure.

public import SandboxAPI
import SandboxRuntime

/// Languages by their names, aliases and suffixes.
///
/// ```swift
/// let catalog = try LanguageCatalog()                       // the built-in ones; needs the trait Languages
/// let rust = try catalog.language(named: "rs")
/// let report = try await catalog.runner(for: rust).run(source, on: backend)
/// ```
public struct LanguageCatalog: Sendable {
    /// All of them, sorted by name.
    public let languages: [LanguageDescription]
    private let byName: [String: Int]
    private let bySuffix: [String: Int]

    /// The most languages of one catalog.
    public static let mostLanguages = 512

    /// A catalog of these languages alone.
    ///
    /// - Throws: `SandboxError` `.invalidArgument` for a description that breaks a rule (see
    ///   ``LanguageDescription/check()``), for two that have a name, an alias or (not being variants) a suffix in common, and for
    ///   a variant of a language that is not there.
    public init(_ languages: [LanguageDescription]) throws(SandboxError) {
        try self.init(languages, over: [])
    }

    /// The same catalog with more languages. One of the name of another replaces it; aliases and suffixes go from those
    /// before to the new ones.
    ///
    /// - Throws: as `init(_:)`, for conflicts among the new ones.
    public func adding(_ more: [LanguageDescription]) throws(SandboxError) -> LanguageCatalog {
        try LanguageCatalog(more, over: languages)
    }

    private init(
        _ new: [LanguageDescription], over old: [LanguageDescription]
    ) throws(SandboxError) {
        let names = Set(new.map(\.name))
        let kept = old.filter { !names.contains($0.name) }
        guard kept.count + new.count <= Self.mostLanguages else {
            throw SandboxError(
                .invalidArgument, message: "there are more than \(Self.mostLanguages) languages",
                hint: "leave some out")
        }
        let all = (kept + new).sorted { $0.name.rawValue < $1.name.rawValue }
        let places = [Language: Int](
            uniqueKeysWithValues: try Self.unique(all).enumerated().map { ($1.name, $0) })
        var byName: [String: Int] = [:]
        var bySuffix: [String: Int] = [:]
        for group in [kept, new] {
            var (ownNames, ownSuffixes): ([String: Int], [String: Int]) = ([:], [:])
            for language in group {
                try language.check()
                if let variantOf = language.variantOf, places[variantOf] == nil {
                    throw Self.conflict(
                        language, "variantOf",
                        "is \(Validation.quoted(variantOf.rawValue)), which is not there",
                        "name a language of the catalog, or leave it out")
                }
                let place = places[language.name]!
                for name in [language.name.rawValue] + language.aliases {
                    guard ownNames.updateValue(place, forKey: name) == nil else {
                        throw Self.conflict(
                            language, "aliases", "another language is called \(Validation.quoted(name)), too",
                            "rename one of them")
                    }
                }
                for suffix in language.suffixes where language.variantOf == nil {
                    guard ownSuffixes.updateValue(place, forKey: suffix) == nil else {
                        throw Self.conflict(
                            language, "suffixes",
                            "another language has the suffix \(Validation.quoted(suffix)), too",
                            "leave it out in one of them, or make one a variant of the other (variantOf)")
                    }
                }
            }
            byName.merge(ownNames) { $1 }
            bySuffix.merge(ownSuffixes) { $1 }
        }
        // A name is stronger than an alias of another language.
        for (name, place) in places { byName[name.rawValue] = place }
        (languages, self.byName, self.bySuffix) = (all, byName, bySuffix)
    }

    /// Throws for two languages of one name.
    private static func unique(
        _ all: [LanguageDescription]
    ) throws(SandboxError) -> [LanguageDescription] {
        for (one, next) in zip(all, all.dropFirst()) where one.name == next.name {
            throw conflict(next, "name", "\(one.origin) describes the same language", "rename one of them")
        }
        return all
    }

    private static func conflict(
        _ language: LanguageDescription, _ key: String, _ rule: String, _ hint: String
    ) -> SandboxError {
        SandboxError(
            .invalidArgument,
            message:
                "the description of \(Validation.quoted(language.name.rawValue)) (\(language.origin)): \(key): \(rule)",
            hint: hint)
    }

    // MARK: - Finding

    /// The language of a name or an alias; `nil` when there is none.
    public subscript(name: String) -> LanguageDescription? { byName[name].map { languages[$0] } }

    /// The language of a name or an alias.
    ///
    /// - Throws: `.invalidArgument`, with the names that there are.
    public func language(named name: String) throws(SandboxError) -> LanguageDescription {
        if let found = self[name] { return found }
        throw SandboxError(
            .invalidArgument, message: "no language is called \(Validation.quoted(name))",
            hint: "there are " + languages.map(\.name.rawValue).joined(separator: ", "))
    }

    /// The language whose sources have this suffix, with or without the dot; `nil` when there is none. It is never a
    /// variant.
    public func language(ofSuffix suffix: String) -> LanguageDescription? {
        bySuffix[suffix.hasPrefix(".") ? String(suffix.dropFirst()) : suffix].map { languages[$0] }
    }

    /// The language of a source file, by the suffix of its name.
    public func language(of path: ByteString) -> LanguageDescription? {
        language(ofSuffix: SourceName.suffix(of: path))
    }

    /// The runner of a language: ``CppRunner`` and ``PythonRunner`` for those that name them, else a ``DescribedRunner``.
    public func runner(for language: LanguageDescription) -> any LanguageRunner { language.makeRunner() }
}

extension LanguageDescription {
    /// The runner that the description asks for: ``CppRunner`` with its compiler, ``PythonRunner`` with its interpreter, or a
    /// ``DescribedRunner``.
    public func makeRunner() -> any LanguageRunner {
        switch runner {
        case Language.cpp: cppRunner()
        case Language.python: PythonRunner(interpreter: run.first?.literal?.text ?? "python3")
        default: DescribedRunner(self)
        }
    }

    /// ``CppRunner`` with the compiler, the `-std=` and the limits of the description.
    public func cppRunner() -> CppRunner {
        var runner = CppRunner()
        guard let compilation else { return runner }
        runner.compileLimits = compilation.limits
        if let compiler = compilation.command.first?.literal?.exactText { runner.compiler = compiler }
        for word in compilation.command {
            if let text = word.literal?.exactText, text.hasPrefix("-std="),
                let standard = CppStandard(rawValue: String(text.dropFirst(5)))
            {
                runner.standard = standard
            }
        }
        return runner
    }
}
