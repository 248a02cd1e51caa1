/// Descriptions from YAML: the built-in ones, what is read, and the complaint about each mistake.

#if Languages
import Foundation
import Sandbox
import Testing

@testable import Runners

@Suite struct DescriptionTests {
    private static let minimal = "name: x\nsource: main.x\nsuffixes: [x]\nrun: [x, \"{source}\"]\n"

    private func parse(_ text: String) throws(SandboxError) -> LanguageDescription {
        try LanguageDescription(yaml: Array(text.utf8), file: "x.yaml")
    }

    @Test func everyFileOfTheDirectoryIsBuiltIn() throws {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../../Sources/Runners/Languages")
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.standardized.path).sorted()
        #expect(BuiltInLanguages.files.map(\.name).sorted() == files)
        for (name, bytes) in BuiltInLanguages.files {
            #expect(try bytes == Array(Data(contentsOf: directory.appending(path: name))))
            #expect(try LanguageDescription(yaml: bytes, file: name).name.rawValue + ".yaml" == name)
        }
        #expect(try LanguageCatalog().languages.count == files.count)
    }

    @Test func allKeys() throws {
        let language = try parse(
            """
            name: x
            title: "X: the language"
            aliases: [ex, x1]
            suffixes: [x, X]
            source: main.x
            entry: source
            compile:
              command: [xc, "{flags}", -o, main, "{sources}"]
              artifacts: [main, lib/, "*.so"]
              limits: {cpuTime: 1.5, wallTime: 3, memory: 2G, processes: 7, disk: 64M, output: 1000}
            run: [./main, "--heap={memory-mib-64}"]
            environment:
              A: b=c
            limits: {timeFactor: 2, timeExtra: 0.5, memoryFactor: 1.5, memoryExtra: 16M, leastProcesses: 8}
            diagnostics:
              - gnu
              - "{file}({line}): {message}"
            version:
              command: [xc, --version]
              after: "X "
            tools: [xl]
            packages: [x-lang]
            """)
        #expect(language.title == "X: the language" && language.aliases == ["ex", "x1"])
        let compilation = try #require(language.compilation)
        #expect(compilation.command.map(\.text) == ["xc", "{flags}", "-o", "main", "{sources}"])
        #expect(compilation.artifacts == ["main", "lib/", "*.so"])
        #expect(compilation.limits.cpuTime == .milliseconds(1500) && compilation.limits.memory == 2 << 30)
        #expect(compilation.limits.processes == 7 && compilation.limits.output == 1000)
        #expect(compilation.limits.openFiles == Limits.compile.openFiles)
        #expect(language.environment == ["A": "b=c"] && language.neededTools == ["xc", "xl"])
        #expect(language.version == .init(command: ["xc", "--version"], after: "X "))
        #expect(language.diagnostics.map(\.text) == ["gnu", "{file}({line}): {message}"])
        var limits = Limits.standard
        limits.memory = 100 << 20
        let own = language.limits.applied(to: limits)
        #expect(own.cpuTime == .milliseconds(20500) && own.wallTime == .milliseconds(40500))
        #expect(own.memory == 166 << 20 && own.processes == 64)
        #expect(language.origin == "x.yaml")
    }

    /// Each with the place and the rule that the complaint names.
    @Test(arguments: [
        ("", ":1:", "empty"), ("- a\n", ":1:", "mapping"), ("name: [\n", ":2:", "not YAML"),
        ("name: x\nsource: main.x\n", ":1:", "run is missing"),
        (minimal + "color: red\n", ":5: color:", "unknown key"),
        (minimal + "compile:\n  comand: [x]\n", ":6: compile.comand:", "unknown key"),
        (minimal + "compile: {artifacts: [main]}\n", ":5: compile:", "command is missing"),
        (minimal + "name: y\n", ":", "twice"), (minimal + "title:\n", ":5: title:", "no text"),
        (minimal + "aliases: [A]\n", ":5: aliases:", "\"A\" is no name"),
        (minimal + "aliases: [a, a]\n", ":5: aliases:", "twice"),
        (minimal + "aliases:\n  a: b\n", ":5: aliases:", "no list"),
        (minimal + "tools: [[a]]\n", ":5: tools:", "no text"),
        (minimal + "entry: somewhere\n", ":5: entry:", "no rule"),
        (minimal + "limits: {timeFactor: fast}\n", ":5: limits.timeFactor:", "no number"),
        (minimal + "limits: {timeFactor: 0}\n", ":5: limits.timeFactor:", "0.1 to 100"),
        (
            minimal + "limits:\n  timeFactor: 1\n  leastProcesses: 0\n", ":7: limits.leastProcesses:",
            "1 to 4096"
        ),
        (minimal + "limits: {memoryExtra: 64X}\n", ":5: limits.memoryExtra:", "no size"),
        (minimal + "compile:\n  command: [c]\n  limits:\n    memory: 1\n", ":7: compile.limits:", "memory"),
        (
            minimal + "compile:\n  command: [c]\n  artifacts: [../x]\n", ":7: compile.artifacts:",
            "no artifact"
        ),
        (
            minimal + "compile:\n  command: [c]\n  artifacts: [/etc/x]\n", ":7: compile.artifacts:",
            "no artifact"
        ),
        (
            minimal + "compile:\n  command: [c]\n  artifacts: [\"*\"]\n", ":7: compile.artifacts:",
            "no artifact"
        ),
        (
            minimal + "compile:\n  command: [\"{source}\"]\n", ":6: compile.command:",
            "begins with a placeholder"
        ),
        (minimal + "compile:\n  command: [c, \"{sauce}\"]\n", ":6: compile.command:", "unknown placeholder"),
        (minimal + "compile:\n  command: [c, \"a{sources}\"]\n", ":6: compile.command:", "several words"),
        (
            minimal + "compile:\n  command:\n    - c\n    - \"{source\"\n", ":8: compile.command:",
            "without its }"
        ),
        (minimal + "diagnostics: \"{file}\"\n", ":5: diagnostics:", "lacks {file} or {line}"),
        (minimal + "diagnostics: \"{file}{line}\"\n", ":5: diagnostics:", "side by side"),
        (minimal + "runner: java\n", ":5: runner:", "names no runner"),
        (minimal + "environment: {\"A=B\": c}\n", ":5: environment:", "cannot be set"),
        (minimal + "packages: [\"a; rm\"]\n", ":5: packages:", "no package"),
        (minimal + "variantOf: x\n", ":5: variantOf:", "itself"),
        ("name: X\nsource: main.x\nrun: [x]\n", ":1: name:", "no name"),
        ("name: x\nsource: ../x\nrun: [x]\n", ":2: source:", "no name"),
        ("name: x\nsource: main.y\nsuffixes: [x]\nrun: [x]\n", ":2: source:", "none of the suffixes"),
        ("name: x\nsource: main.x\nrun: [\"{flags}\"]\n", ":3: run:", "placeholder"),
        ("name: x\nsource: main.x\nrun: [x, \"{flags}\"]\n", ":3: run:", "for a compiler"),
        ("a: &b [x]\nc: *b\n", ":1:", "anchor"),
        ("a: [\(String(repeating: "[", count: 40))\n", ":1:", "nested"),
        (String(repeating: "- ", count: 40) + "x\n", ":1:", "nested"),
        (String(repeating: "x", count: 70000), ":1:", "more than"), ("name: \u{0}\n", ":1:", "YAML"),
    ]) func mistakes(_ text: String, _ place: String, _ rule: String) {
        do throws(SandboxError) {
            _ = try parse(text)
            Issue.record("nothing is wrong with \(text)")
        } catch {
            #expect(error.code == .invalidArgument && error.hint?.isEmpty == false)
            #expect(error.message.hasPrefix("x.yaml" + place), "\(error.message)")
            #expect(error.message.contains(rule), "\(error.message)")
        }
    }

    /// Bytes of all kinds never do more than throw.
    @Test func disturbedFiles() throws {
        var random = SystemRandomNumberGenerator()
        for (name, bytes) in BuiltInLanguages.files {
            for _ in 0..<40 {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<changed.count, using: &random)
                    changed[place] = Bool.random(using: &random) ? .random(in: 0...255) : UInt8(ascii: "{")
                }
                do throws(SandboxError) {
                    _ = try LanguageDescription(yaml: changed, file: name)
                } catch {
                    #expect(error.code == .invalidArgument && error.message.hasPrefix(name), "\(error)")
                }
            }
        }
    }
}
#endif
