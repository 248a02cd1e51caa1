/// Placeholders, Java's classes, forms of diagnostics, versions: the pure parts of descriptions.

import Sandbox
import Testing

@testable import Runners

@Suite struct DescribedPartsTests {
    @Test(arguments: [
        "", "{", "}", "a{", "{}", "{sauce}", "{memory-mib-}", "{memory-mib-0}", "{memory-mib--5}",
        "{memory-mib-99999}", "x{sources}", "{sources}{others}", "a\u{0}",
    ])
    func wrongTemplates(_ text: String) {
        #expect(throws: SandboxError.self) { try ArgumentTemplate(text) }
    }

    @Test func templates() throws {
        let names = TemplateNames(source: "a{b}.x", others: ["c.x"], entry: "a", flags: [])
        let words = try ["{sources}", "-I{{{entry}}}", "{stack-kib}", "{processes}"].map {
            try ArgumentTemplate($0)
        }
        var limits = Limits.standard
        limits.stack = 8 << 30
        #expect(words.filled(names, limits) == ["a{b}.x", "c.x", "-I{a}", "1048576", "64"])
        let unsized = words.unsized(names)
        #expect(unsized == ["a{{b}}.x", "c.x", "-I{{a}}", "{stack-kib}", "{processes}"])
        #expect(try unsized.map { try $0.sized(for: limits) } == words.filled(names, limits))
    }

    @Test func limits() {
        var limits = Limits.standard
        limits.cpuTime = .seconds(86400)
        let own = LanguageLimits(timeFactor: 100, memoryFactor: 100, leastProcesses: 100).applied(to: limits)
        #expect(own.cpuTime == .seconds(86400) && own.processes == 100 && own.memory == 25600 << 20)
        limits.memory = .max
        #expect(LanguageLimits(memoryFactor: 100).applied(to: limits).memory > 0)
    }

    @Test(
        arguments: [
            ("public class A { public static void main(String[] a) {} }", "A", "A"),
            (
                "package x.y;\nclass A {}\npublic final class B { static public void main(String[] a) {} }",
                "B", "x.y.B"
            ),
            ("class A {}\nclass B { void main() {} }", nil, "B"),
            (
                "/* public class C */ // public class D\nclass A { String s = \"class E { void main(\"; }",
                nil, "A"
            ),
            ("class A { class public { void main() {} } }\nenum B { X { }; }\n@interface C {}", nil, "A"),
            (
                "public @interface P {}\nclass M { static void main(String[] a) { Object o = M.class; } }",
                "P", "M"
            ),
            ("String t = \"\"\" class X { \"\"\"; class Y {}", nil, "Y"), ("", nil, nil),
            ("}}}} class", nil, nil),
            ("class \u{c4}rger { char c = '\"'; }", nil, "\u{c4}rger"),
        ] as [(String, String?, String?)]) func javaClasses(
            _ source: String, _ named: String?, _ entry: String?
        )
    {
        let classes = JavaClasses(Array(source.utf8))
        #expect(classes.publicClass == named && classes.entry == entry)
    }

    private func parse(_ syntax: String, _ text: String) throws -> [String] {
        DiagnosticSyntax.parse([try DiagnosticSyntax(syntax)], Array(text.utf8)).map {
            "\($0.file):\($0.line ?? 0):\($0.column ?? 0) \($0.severity) \($0.message)"
                + ($0.option.map { " [\($0)]" } ?? "")
        }
    }

    @Test func diagnostics() throws {
        #expect(
            try parse(
                "{file}({line},{column}): {severity} {code}: {message}",
                "main.cs(2,28): error CS0103: The name `x' does not exist\nCompilation failed: 1 error(s)\na(1).cs(3,4): warning CS1: w\n"
            )
                == [
                    "main.cs:2:28 error The name `x' does not exist [CS0103]", "a(1).cs:3:4 warning w [CS1]",
                ])
        #expect(
            try parse(
                "File \"{file}\", line {line}, characters {rest}:",
                "File \"main.ml\", line 2, characters 12-19:\n2 |   print_int missing\n                ^^^^^^^\nError: Unbound value missing\n"
            )
                == ["main.ml:2:0 error Unbound value missing"])
        #expect(
            try parse(
                "{file}:{line}:{column}: {message}",
                "# command-line-arguments\n./main.go:2:15: undefined: missing\n")
                == ["main.go:2:15 error undefined: missing"])
        #expect(
            try parse(
                "rust",
                "error[E0425]: cannot find value\n --> main.rs:2:20\n  |\nwarning: unused\n  --> a.rs:1:1\n  ::: b.rs:1:1\nerror: aborting\n"
            )
                == ["main.rs:2:20 error cannot find value [E0425]", "a.rs:1:1 warning unused"])
        #expect(
            try parse(
                "node",
                "/work/main.js:2\n  let x = ;\n          ^\n\nSyntaxError: Unexpected token ';'\n    at wrapSafe (node:internal/modules/cjs/loader:1464:18)\n\nNode.js v20.20.2\n"
            ) == ["main.js:2:11 error Unexpected token ';'"])
        #expect(
            try parse("node", "/tmp/a b/x.mjs:3\n\n\n\nSyntaxError: Unexpected end of input\n")
                == ["x.mjs:3:0 error Unexpected end of input"])
        #expect(try parse("node", "x.js:1\nx.js:2\nx.js:3\nx.js:4\nx.js:5\n") == [])
        #expect(
            try parse("gnu", "main.c:2:12: error: 'x' undeclared\n") == ["main.c:2:12 error 'x' undeclared"])
        #expect(try parse("{file}:{line}: {message}", "main.x:99999999999: no\n:1: no\nmain.x:1:\n") == [])
    }

    /// However hostile the text: bounded, and in time that grows with its length.
    @Test func hostileDiagnostics() throws {
        let syntax = try DiagnosticSyntax("{message} at {file} at {rest} line {line}.")
        let text = String(repeating: String(repeating: " at", count: 340) + "\n", count: 500)
        #expect(DiagnosticSyntax.parse([syntax], Array(text.utf8)) == [])
        let many = String(repeating: "m at f at r line 1.\n", count: 3000)
        #expect(
            DiagnosticSyntax.parse([syntax, .gnu, .rust], Array(many.utf8)).count == Diagnostic.maximumCount)
    }

    @Test(
        arguments: [
            ("gcc (Debian 12.2.0-14) 12.2.0", "", "12.2.0-14"),
            ("go version go1.19.8 linux/amd64", "", "1.19.8"),
            ("This is perl 5, version 36, (v5.36.0)", "", "5.36.0"), ("no version", "", nil),
            ("swift-driver version: 1.1 Swift version 6.2 (x)", "Swift version ", "6.2"),
            ("X 17", "X ", "17"),
            ("X 17", "Y ", nil), ("X beta", "X ", nil), ("v20.20.2\n", "", "20.20.2"), ("1.", "", nil),
        ] as [(String, String, String?)]) func versions(_ text: String, _ after: String, _ version: String?)
    {
        #expect(Toolchain.version(in: Array(text.utf8), after: after) == version)
    }
}
