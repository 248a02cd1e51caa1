/// Languages by name, alias and suffix; languages that a user adds.

#if Languages
import Foundation
import Sandbox
import Testing

@testable import Runners

@Suite struct CatalogTests {
    private func language(
        _ name: String, aliases: [String] = [], suffixes: [String] = [], variantOf: Language? = nil
    ) throws -> LanguageDescription {
        LanguageDescription(
            name: Language(rawValue: name), title: name, aliases: aliases, suffixes: suffixes,
            variantOf: variantOf, sourceName: "main." + (suffixes.first ?? "x"),
            run: [try ArgumentTemplate("x")])
    }

    private func complaint(_ body: () throws -> LanguageCatalog) -> String? {
        do {
            _ = try body()
            return nil
        } catch {
            #expect((error as? SandboxError)?.hint != nil)
            return (error as? SandboxError)?.message
        }
    }

    @Test func finding() throws {
        let catalog = try LanguageCatalog()
        #expect(catalog["rs"]?.name == "rust" && catalog["c++"]?.name == .cpp && catalog["cobol"] == nil)
        #expect(
            catalog.language(ofSuffix: ".py")?.name == .python
                && catalog.language(ofSuffix: "C")?.name == .cpp)
        #expect(catalog.language(ofSuffix: "c")?.name == "c" && catalog.language(ofSuffix: "") == nil)
        #expect(catalog.language(of: "a/b.c/x.kt")?.name == "kotlin")
        #expect(throws: SandboxError.self) { try catalog.language(named: "cobol") }
        for name in [
            "c", "cpp", "python", "pypy", "java", "kotlin", "javascript", "typescript", "go", "rust",
            "haskell",
            "ocaml", "csharp", "pascal", "perl", "php", "ruby", "lua", "bash", "swift", "sql",
        ] { #expect(catalog[name] != nil, "\(name)") }
    }

    @Test func namesWithoutParsing() throws {
        #expect(LanguageCatalog.builtInNames == (try LanguageCatalog().languages.map(\.name.rawValue)))
    }

    @Test func conflicts() throws {
        let a = try language("a", aliases: ["one"], suffixes: ["x"])
        #expect(complaint { try LanguageCatalog([a, a]) }?.contains("same language") == true)
        #expect(
            complaint { try LanguageCatalog([a, try language("b", aliases: ["one"])]) }?.contains("\"one\"")
                == true)
        #expect(
            complaint { try LanguageCatalog([a, try language("b", suffixes: ["x"])]) }?.contains(
                "suffix \"x\"")
                == true)
        #expect(
            complaint { try LanguageCatalog([try language("b", suffixes: ["x"], variantOf: "z")]) }?
                .contains("not there") == true)
        let variant = try language("b", suffixes: ["x"], variantOf: "a")
        #expect(try LanguageCatalog([a, variant]).language(ofSuffix: "x")?.name == "a")
    }

    @Test func added() throws {
        let mine = try language("mine", aliases: ["rs"], suffixes: ["py"])
        let catalog = try LanguageCatalog().adding([mine, try language("lua", suffixes: ["lua"])])
        #expect(catalog["rs"]?.name == "mine" && catalog["rust"]?.name == "rust")
        #expect(catalog.language(ofSuffix: "py")?.name == "mine" && catalog["python"]?.name == .python)
        #expect(catalog["lua"]?.origin == "made in code" && catalog["perl"]?.origin == "built in")
        // An alias does not hide a language's own name.
        #expect(try LanguageCatalog().adding([try language("b", aliases: ["go"])])["go"]?.name == "go")
    }

    @Test func directories() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "languages-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(complaint { try LanguageCatalog(directory: folder.path) }?.contains("no description") == true)
        #expect(
            complaint { try LanguageCatalog(directory: folder.path + "/none") }?.contains("cannot read")
                == true)
        let file = folder.appending(path: "awk.yaml")
        let text = "name: awk\nsuffixes: [awk]\nsource: main.awk\nrun: [awk, -f, \"{source}\"]\n"
        try text.write(to: file, atomically: true, encoding: .utf8)
        try "x".write(to: folder.appending(path: "README"), atomically: true, encoding: .utf8)
        let catalog = try LanguageCatalog(directory: folder.path)
        #expect(catalog["awk"]?.origin == file.path && catalog["c"] != nil)
        #expect(try LanguageCatalog(directory: file.path)["awk"]?.name == "awk")
        try "name: bad\n".write(to: folder.appending(path: "b.yml"), atomically: true, encoding: .utf8)
        #expect(
            complaint { try LanguageCatalog(directory: folder.path) }?.hasPrefix(folder.path + "/b.yml:1:")
                == true)
        try FileManager.default.createDirectory(
            at: folder.appending(path: "a.yaml"), withIntermediateDirectories: true)
        #expect(
            complaint { try LanguageCatalog(directory: folder.path) }?.contains("no regular file") == true)
    }

    /// What the descriptions of C++ and Python say is what their runners do.
    @Test func ownRunners() async throws {
        let catalog = try LanguageCatalog()
        let cpp = try #require(catalog["cpp"])
        let runner = try #require(catalog.runner(for: cpp) as? CppRunner)
        let words =
            [ByteString(runner.compiler), ByteString("-std=" + runner.standard.rawValue)] + runner.flags
            + ["main.cpp", "-o", "main"]
        #expect(
            cpp.compilation?.command.filled(TemplateNames(source: "main.cpp", entry: ""), .compile) == words)
        let python = try #require(catalog["python"])
        #expect(
            (catalog.runner(for: python) as? PythonRunner)?.interpreter == PythonRunner().interpreter
                && python.run.map(\.text) == ["/usr/bin/python3", "-B", "-X", "utf8", "-u", "{source}"])
        #expect(catalog.runner(for: try #require(catalog["c"])) is DescribedRunner)
    }
}
#endif
