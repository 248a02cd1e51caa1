/// The built-in languages with their real toolchains: each program in `Tests/LanguagePrograms` is built once and run in
/// each of its modes.

#if Languages
import Foundation
import Sandbox
import Testing

@testable import Runners

/// A language with a program of several sources.
struct SampleLanguage: CustomTestStringConvertible, Sendable {
    var name: String
    /// The directory in `Tests/LanguagePrograms`.
    var folder: String
    var others: [String]
    var hasThreads = true
    /// Whether the broken source, whose second line is wrong, gives a diagnostic of that line.
    var hasDiagnostics = true
    /// For the run; a virtual machine has less left for the program.
    var memory = 128 << 20

    var testDescription: String { name }

    static let all = [
        SampleLanguage(name: "bash", folder: "bash", others: ["twice.sh"]),
        SampleLanguage(name: "c", folder: "c", others: ["twice.c"]),
        SampleLanguage(name: "c-clang", folder: "c", others: ["twice.c"]),
        SampleLanguage(name: "cpp", folder: "cpp", others: ["twice.cpp", "twice.h"]),
        SampleLanguage(name: "cpp-clang", folder: "cpp", others: ["twice.cpp", "twice.h"]),
        SampleLanguage(name: "csharp", folder: "csharp", others: ["twice.cs"]),
        SampleLanguage(name: "go", folder: "go", others: ["twice.go"]),
        SampleLanguage(name: "haskell", folder: "haskell", others: ["Twice.hs"]),
        SampleLanguage(name: "java", folder: "java", others: ["Twice.java"], memory: 192 << 20),
        SampleLanguage(
            name: "javascript", folder: "javascript", others: ["twice.js"], memory: 192 << 20),
        SampleLanguage(name: "kotlin", folder: "kotlin", others: ["twice.kt"], memory: 192 << 20),
        SampleLanguage(name: "lua", folder: "lua", others: ["twice.lua"], hasThreads: false),
        SampleLanguage(name: "ocaml", folder: "ocaml", others: ["twice.ml"]),
        SampleLanguage(name: "pascal", folder: "pascal", others: ["doubling.pas"]),
        SampleLanguage(name: "perl", folder: "perl", others: ["Twice.pm"]),
        SampleLanguage(name: "php", folder: "php", others: ["twice.php"], hasThreads: false),
        SampleLanguage(name: "pypy", folder: "python", others: ["twice.py"]),
        SampleLanguage(name: "python", folder: "python", others: ["twice.py"], hasDiagnostics: false),
        SampleLanguage(name: "ruby", folder: "ruby", others: ["twice.rb"]),
        SampleLanguage(name: "rust", folder: "rust", others: ["twice.rs"]),
        SampleLanguage(name: "swift", folder: "swift", others: ["twice.swift"]),
        SampleLanguage(
            name: "typescript", folder: "typescript", others: ["twice.ts"], memory: 192 << 20),
    ]

    static func file(_ path: String) throws -> [UInt8] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../LanguagePrograms/" + path)
        return try Array(Data(contentsOf: root.standardized))
    }

    func file(_ name: String) throws -> [UInt8] { try Self.file(folder + "/" + name) }
}

@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["LANGUAGES"] == "1",
        "needs compilers: `make test` runs it alone with LANGUAGES=1"))
struct LanguageTests {
    /// Where Swift's toolchain is not below /usr, it is bound to where the description looks for it.
    private static let options: SandboxOptions = {
        var options = SandboxOptions()
        for directory in (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") {
            let compiler = URL(filePath: directory + "/swiftc").resolvingSymlinksInPath()
            guard FileManager.default.isExecutableFile(atPath: compiler.path) else { continue }
            let root = compiler.deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().path
            if root != "/" { options.bindMounts = [BindMount(ByteString(root), at: "/opt/swift")] }
            break
        }
        return options
    }()

    /// One for all tests: two runs at a time, however many tests are under way.
    private static let backend = LocalBackend(LocalBackend.Configuration(minimum: 0, maximum: 2))

    private static var mustWork: Bool { ProcessInfo.processInfo.environment["MUST_WORK"] == "1" }

    /// A language of the catalog whose toolchain is here.
    ///
    /// - Returns: `nil` where it is not, which is a failure where all must work.
    private func language(_ name: String) async throws -> LanguageDescription? {
        let language = try LanguageCatalog().language(named: name)
        let toolchain = try await language.toolchain(in: Self.options, on: Self.backend)
        guard toolchain.isComplete else {
            let reason = "\(name) is skipped: \(toolchain.missing.joined(separator: ", ")) is missing"
            if Self.mustWork { Issue.record("\(reason)") } else { print("➜ \(reason)") }
            return nil
        }
        #expect(toolchain.version != nil, "\(name) tells no version")
        return language
    }

    private func request(_ input: String, _ limits: Limits, sources: [InputFile] = []) -> RunRequest {
        RunRequest(
            arguments: [ByteString](), stdin: .string(input), limits: limits, options: Self.options,
            sources: sources)
    }

    @Test(arguments: SampleLanguage.all) func language(_ sample: SampleLanguage) async throws {
        guard let language = try await language(sample.name) else { return }
        let runner = try LanguageCatalog().runner(for: language)
        let others = try sample.others.map { InputFile($0, try sample.file($0)) }
        let main = try sample.file(language.sourceName)
        let built = try await runner.build(
            main, request("", .standard, sources: others), on: Self.backend)
        let report = built.compile
        let program = try #require(
            built.program,
            "\(String(describing: report?.outcome)) \(report?.stderrText ?? "") \(report?.diagnostics ?? [])")
        var limits = language.limits.applied(to: .standard)
        limits.memory = sample.memory
        // The start of a virtual machine on a busy host.
        limits.wallTime = .seconds(60)

        func run(_ input: String, _ limits: Limits) async throws -> RunResult {
            let result = try await program.run(request(input, limits), on: Self.backend).result
            return try #require(result, "\(sample.name) \(input)")
        }
        let hello = try await run("hello\n", limits)
        #expect(
            hello.outcome == .exited(code: 0) && hello.stdoutText == "hello\n",
            "\(hello.outcome) \(hello.stderrText)")
        let sum = try await run("sum\n3 4\n", limits)
        #expect(
            sum.outcome == .exited(code: 0) && sum.stdoutText == "14\n",
            "\(sum.outcome) \(sum.stdoutText) \(sum.stderrText)")
        let exit = try await run("exit\n", limits)
        #expect(exit.outcome == .exited(code: 7), "\(exit.outcome) \(exit.stderrText)")
        var small = limits
        (small.cpuTime, small.wallTime) = (.seconds(4), .seconds(60))
        let memory = try await run("memory\n", small)
        #expect(Self.metMemory(memory), "\(memory.outcome) \(memory.usage) \(memory.stderrText)")
        var short = limits
        // More than the slowest virtual machine takes to start.
        short.cpuTime = .seconds(1)
        let spin = try await run("spin\n", short)
        #expect(spin.outcome == .limitExceeded(.cpuTime), "\(spin.outcome) \(spin.stderrText)")
        if sample.hasThreads {
            let threads = try await run("threads\n", limits)
            #expect(
                threads.outcome == .exited(code: 0) && threads.stdoutText == "19800\n",
                "\(threads.outcome) \(threads.stdoutText) \(threads.stderrText)")
        }
    }

    /// Whether the kernel told the memory limit, or the run had all of it when its time was over: where the interpreter's own
    /// file is charged to the run (cgroup v1, a cold page cache), the kernel can go on dropping and reading that file.
    private static func metMemory(_ result: RunResult) -> Bool {
        switch result.outcome {
        case .limitExceeded(.memory): true
        case .limitExceeded(.cpuTime), .limitExceeded(.wallTime):
            result.usage.residentPeak > result.limits.memory / 16 * 15
        default: false
        }
    }

    @Test(arguments: SampleLanguage.all) func brokenSource(_ sample: SampleLanguage) async throws {
        guard let language = try await language(sample.name) else { return }
        let runner = try LanguageCatalog().runner(for: language)
        let built = try await runner.build(
            try sample.file("broken.txt"), request("", .standard), on: Self.backend)
        let report = try #require(built.compile)
        #expect(built.program == nil && !report.outcome.isSuccess, "\(report.outcome)")
        guard sample.hasDiagnostics else { return }
        let text = report.stderrText + report.result.stdoutText
        let found = report.diagnostics.first {
            $0.line == 2 && $0.severity != .note && $0.severity != .warning
        }
        #expect(
            found?.file == language.sourceName && found?.message.isEmpty == false,
            "\(report.diagnostics) in \(text)")
    }

    @Test func sql() async throws {
        guard let language = try await language("sql") else { return }
        let runner = DescribedRunner(language)
        func run(_ name: String, _ input: String = "", _ limits: Limits = .standard) async throws -> RunResult
        {
            let report = try await runner.run(
                try SampleLanguage.file("sql/" + name), request(input, limits), on: Self.backend)
            return try #require(report.result)
        }
        #expect(try await run("hello.sql").stdoutText == "hello\n")
        #expect(try await run("sum.sql", "3 4\n").stdoutText == "14\n")
        let broken = try await run("broken.txt")
        #expect(broken.outcome == .exited(code: 1) && broken.stdoutText == "1\n", "\(broken.outcome)")
        var limits = Limits.standard
        limits.memory = 64 << 20
        #expect(try await run("memory.sql", "", limits).outcome == .limitExceeded(.memory))
        limits.cpuTime = .seconds(1)
        #expect(try await run("spin.sql", "", limits).outcome == .limitExceeded(.cpuTime))
    }

    /// What the compiler accepts, and what is no program all the same.
    @Test(arguments: [
        ("go", "package other\n\nfunc F() {}\n"), ("rust", "#![crate_type = \"lib\"]\n"),
    ]) func noProgram(_ name: String, _ source: String) async throws {
        guard let language = try await language(name) else { return }
        let report = try await DescribedRunner(language).run(
            Array(source.utf8), request("", .standard), on: Self.backend)
        #expect(
            report.result == nil && report.compile?.diagnostics.last?.severity == .fatalError, "\(report)")
    }

    /// The public class names the file; without one the class with `main` is started.
    @Test(arguments: [
        "public class Primes { public static void main(String[] a) { System.out.println(\"42\"); } }",
        "class A { }\nclass B { public static void main(String... a) { System.out.println(\"42\"); } }",
        "// class X\ninterface I { }\n"
            + "record R(int x) { public static void main(String[] a) { System.out.println(new R(42).x()); } }",
    ]) func javaEntry(_ source: String) async throws {
        guard let language = try await language("java") else { return }
        let report = try await DescribedRunner(language).run(
            Array(source.utf8), request("", language.limits.applied(to: .standard)), on: Self.backend)
        #expect(
            report.result?.stdoutText == "42\n",
            "\(report.compile?.stderrText ?? "") \(report.result?.stderrText ?? "")")
    }
}
#endif
