/// `sandbox languages`: the languages that there are, with the versions that the image's toolchains tell.

#if CLI && Languages
import ArgumentParser
import Runners
import Sandbox

struct LanguagesCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "languages",
        abstract: "List the languages of `run`, with the versions that the image has.",
        discussion: """
            The toolchains themselves are asked, each in a sandbox. A language that lacks something is listed with what \
            is missing and what to install; that is no failure.
            """)

    @Option(help: "Whose image is asked: local, docker, or auto (Docker, falling back to local).")
    var backend: BackendChoice = .local

    @Option(
        parsing: .unconditional,
        help: .init("The image to ask; 'host' is the host's own /usr.", valueName: "ref"))
    var image: ByteString = "host"

    @Option(
        name: .customLong("bind"), parsing: .unconditionalSingleValue,
        help: .init(
            "A directory of the host that has a toolchain, at DEST, as for `run`; repeatable.",
            valueName: "src:dest"),
        completion: .directory, transform: BindOption.parse)
    var binds: [BindOption] = []

    @Option(
        parsing: .unconditional,
        help: .init(
            "A directory with further descriptions (.yaml), or one such file.", valueName: "dir"),
        completion: .directory)
    var languages: ByteString?

    @Flag(help: "Print one JSON object.")
    var json = false

    /// How many toolchains are asked at one time.
    private static let concurrency = 2

    func perform() async -> Int32 {
        var session = Session(backend, json: json)
        session.image = image.text
        return await session.perform { [session] in
            let known = try KnownLanguages(languages)
            var options = SandboxOptions(image: Image(rawValue: image))
            options.bindMounts = binds.map(\.mount)
            let (found, _) = try await session.withBackend { [options] backend in
                try await Self.ask(known.descriptions, options, backend)
            }
            let text =
                json
                ? try JSONText.encode(LanguagesObject(image: image.text, found))
                : Array(LanguagesTable.render(found).utf8)
            try await StandardStreams.writeOut(text)
            return ExitStatus.success
        }
    }

    /// Asks for all toolchains, some at a time.
    ///
    /// - Returns: the answers in the order of the languages.
    private static func ask(
        _ languages: [LanguageDescription], _ options: SandboxOptions, _ backend: any SandboxBackend
    ) async throws -> [KnownToolchain] {
        try await withThrowingTaskGroup(of: (Int, Toolchain).self) { group in
            var answers: [Int: Toolchain] = [:]
            for (place, language) in languages.enumerated() {
                if place >= concurrency, let (done, answer) = try await group.next() {
                    answers[done] = answer
                }
                group.addTask { (place, try await language.toolchain(in: options, on: backend)) }
            }
            for try await (done, answer) in group { answers[done] = answer }
            return languages.enumerated().compactMap { place, language in
                answers[place].map { KnownToolchain(language: language, toolchain: $0) }
            }
        }
    }
}

/// A language, and what the image has of it.
struct KnownToolchain: Sendable {
    var language: LanguageDescription
    var toolchain: Toolchain

    /// What to do when something is missing; `nil` when nothing is.
    var hint: String? {
        if toolchain.isComplete { return nil }
        return language.packages.isEmpty
            ? "an image that has it, or `--bind`"
            : "apt-get install \(language.packages.joined(separator: " "))"
    }
}

/// Lays out the languages as a table for a person.
enum LanguagesTable {
    static func render(_ found: [KnownToolchain]) -> String {
        let heading = ["language", "version", "suffixes", "for people", "missing"]
        let rows = found.map { entry in
            let language = entry.language
            let suffixes = language.variantOf.map { "as \($0)" } ?? language.suffixes.joined(separator: " ")
            let missing = entry.hint.map { "\(entry.toolchain.missing.joined(separator: ", ")): \($0)" } ?? ""
            let version = entry.toolchain.version ?? (entry.toolchain.isComplete ? "not told" : "-")
            return [language.name.rawValue, version, suffixes, language.title, missing].map(
                TerminalText.visible)
        }
        return PoolTable.table([heading] + rows)
    }
}

/// The object of `sandbox languages --json`.
struct LanguagesObject: Encodable {
    struct Entry: Encodable {
        var name: String
        var title: String
        var aliases: [String]
        var suffixes: [String]
        @Nullable var variantOf: String?
        var isCompiled: Bool
        var isAvailable: Bool
        @Nullable var version: String?
        var missing: [String]
        var packages: [String]
        var origin: String
    }

    let schemaVersion = 1
    var image: String
    var languages: [Entry]

    init(image: String, _ found: [KnownToolchain]) {
        self.image = image
        languages = found.map { entry in
            let language = entry.language
            return Entry(
                name: language.name.rawValue, title: language.title, aliases: language.aliases,
                suffixes: language.suffixes, variantOf: language.variantOf?.rawValue,
                isCompiled: !(language.compilation?.artifacts.isEmpty ?? true),
                isAvailable: entry.toolchain.isComplete, version: entry.toolchain.version,
                missing: entry.toolchain.missing, packages: language.packages, origin: language.origin)
        }
    }
}
#endif
