/// Broken and hostile packages: the file, the line and the rule are named, and nothing outside is read.

#if Judge
import Foundation
import SandboxJudge
import Testing

@Suite("Broken packages")
struct BrokenPackageTests {
    @Test("The smallest packages are valid", arguments: [false, true])
    func valid(legacy: Bool) throws {
        let package = try PackageFixture(legacy: legacy).read()
        #expect(package.allTests.map(\.name) == ["secret/1"])
        #expect(package.submissions.count == 1)
        #expect(package.warnings == [])
    }

    @Test(
        "A fault is told by file, line and rule",
        arguments: [
            (
                "problem.yaml", "problem_format_version: 2025-09\nname: p\nuuid: u\nlimit: 3\n",
                "problem.yaml:4: unknown-key"
            ),
            ("problem.yaml", "problem_format_version: 2030-01\n", "problem.yaml:1: invalid-value"),
            (
                "problem.yaml",
                "problem_format_version: 2025-09\nuuid: u\nname: p\nlimits:\n  memory: much\n",
                "problem.yaml:5: invalid-value"
            ),
            (
                "problem.yaml", "problem_format_version: 2025-09\nuuid: u\nname: p\nlimits:\n  memory: 0\n",
                "problem.yaml:5: invalid-value"
            ),
            (
                "problem.yaml",
                "problem_format_version: 2025-09\nuuid: u\nname: p\ntype: [scoring, pass-fail]\n",
                "problem.yaml:4: contradiction"
            ),
            ("problem.yaml", "problem_format_version: 2025-09\nname: [\n", "problem.yaml:3: invalid-text"),
            ("problem.yaml", "a: 1\na: 2\n", "problem.yaml:1: invalid-text"),
            ("problem.yaml", "a: &x [1]\nb: [*x, *x]\n", "problem.yaml:2: invalid-text"),
            ("problem.yaml", "", "problem.yaml:1: missing-key"),
            ("data/secret/2.in", "2\n", "data/secret/2.in:0: incomplete-test"),
            ("data/secret/3.ans", "3\n", "data/secret/3.ans:0: incomplete-test"),
            (
                "data/secret/test_group.yaml", "args: [a]\nmax_score: 3\n",
                "data/secret/test_group.yaml:2: contradiction"
            ),
            ("data/secret/1.yaml", "argument: 1\n", "data/secret/1.yaml:1: unknown-key"),
            (
                "submissions/submissions.yaml", "accepted:\n  permitted: [OK]\n",
                "submissions/submissions.yaml:2: invalid-value"
            ),
            (
                "submissions/submissions.yaml", "'[a]*':\n  permitted: [AC]\n",
                "submissions/submissions.yaml:2: invalid-value"
            ),
        ])
    func fault(file: String, text: String, expected: String) throws {
        #expect(try PackageFixture([file: text]).errors() == [expected])
    }

    @Test("An interactive problem is read as one, also where it is multi-pass")
    func interactive() throws {
        let output = ["output_validator/v.py": "exit(42)\n"]
        for type in ["interactive", "[interactive, multi-pass]"] {
            let settings = "problem_format_version: 2025-09\nname: p\nuuid: u\ntype: \(type)\n"
            let now = try PackageFixture(output.merging(["problem.yaml": settings]) { $1 })
            let package = try now.read()
            #expect(package.isInteractive && package.isMultiPass == type.hasPrefix("["), "\(type)")
        }
        for (line, errors) in [
            ("validation: custom interactive", []),
            ("validation: custom interactive multi-pass", []),
            ("type: interactive", ["output_validators:0: missing-file"]),
        ] {
            let legacy = try PackageFixture(
                ["problem.yaml": "name: p\n\(line)\n", "output_validators/v.py": "exit(42)\n"], legacy: true)
            #expect(legacy.errors() == errors, "\(line)")
            if errors.isEmpty { #expect(try legacy.read().isInteractive) }
        }
        // A draft's name for the directory, a statement's conversation, and a test that needs no answer.
        let draft = try PackageFixture([
            "problem.yaml": "problem_format_version: 2023-07-draft\nname: p\nuuid: u\ntype: interactive\n",
            "output_validators/v/v.py": "exit(42)\n", "data/sample/2.interaction": "<1\n>2\n",
            "data/secret/2.in": "2\n",
        ])
        #expect(draft.errors() == [])
        let package = try draft.read()
        #expect(package.allTests.contains { $0.name == "secret/2" && $0.answer == nil })
        if case .validators(let all) = package.output {
            #expect(all.count == 1)
        } else {
            Issue.record("no validator: \(package.output)")
        }
    }

    @Test("All faults are told, not only the first")
    func all() throws {
        let fixture = try PackageFixture([
            "problem.yaml": "problem_format_version: 2025-09\nuuid: u\nname: p\nx: 1\ny: 2\n",
            "data/secret/2.in": "",
        ])
        #expect(
            fixture.errors() == [
                "problem.yaml:4: unknown-key", "problem.yaml:5: unknown-key",
                "data/secret/2.in:0: incomplete-test",
            ])
    }

    @Test("Aliases, depth and size cannot exhaust the reader")
    func bombs() throws {
        var bomb = "a0: &a0 [x, x]\n"
        for level in 1...40 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(try PackageFixture(["problem.yaml": bomb]).errors() == ["problem.yaml:2: invalid-text"])
        let deep = String(repeating: "[", count: 100_000)
        #expect(try PackageFixture(["problem.yaml": deep]).errors() == ["problem.yaml:1: invalid-text"])
        let keys = String(repeating: "? ", count: 60_000) + "a"
        #expect(try PackageFixture(["problem.yaml": keys]).errors() == ["problem.yaml:1: invalid-text"])
        let anchors = String(repeating: "- &a *a\n", count: 10_000)
        #expect(
            try PackageFixture(["data/secret/1.yaml": anchors]).errors() == [
                "data/secret/1.yaml:1: invalid-text"
            ])
        let many = (0..<2001).map { "k\($0): 1\n" }.joined()
        #expect(try PackageFixture(["problem.yaml": many]).errors() == ["problem.yaml:1: invalid-text"])
        let braces = "? '" + String(repeating: "{a}", count: 60_000) + "'\n: {permitted: [AC]}\n"
        #expect(
            try PackageFixture(["submissions/submissions.yaml": braces]).errors()
                == ["submissions/submissions.yaml:2: invalid-value"])
        let constant =
            "problem_format_version: 2025-09\nname: p\nuuid: u\nlimits: {time_limit: 1}\nconstants: {c: "
            + String(repeating: "x", count: 100_000) + "}\n"
        let uses = String(repeating: "# {{c}}\n", count: 20_000)
        #expect(
            try PackageFixture(["problem.yaml": constant, "data/secret/test_group.yaml": uses]).errors()
                == ["data/secret/test_group.yaml:0: invalid-text"])
        let long = String(repeating: "#", count: 300_000)
        #expect(try PackageFixture(["problem.yaml": long]).errors() == ["problem.yaml:0: unreadable"])
    }

    @Test("A link out of the package is refused, one within it is followed")
    func links() throws {
        let fixture = try PackageFixture()
        let files = FileManager.default
        try files.createSymbolicLink(atPath: fixture.path + "/data/secret/2.in", withDestinationPath: "1.in")
        try files.createSymbolicLink(
            atPath: fixture.path + "/data/secret/2.ans", withDestinationPath: "/etc/passwd")
        #expect(
            fixture.errors().sorted() == [
                "data/secret/2.ans:0: link-outside", "data/secret/2.in:0: incomplete-test",
            ])
        try files.removeItem(atPath: fixture.path + "/data/secret/2.ans")
        try files.createSymbolicLink(
            atPath: fixture.path + "/data/secret/2.ans", withDestinationPath: "1.ans")
        #expect(try fixture.read().allTests.map(\.name) == ["secret/1", "secret/2"])
        try files.createSymbolicLink(
            atPath: fixture.path + "/data/secret/again", withDestinationPath: "../../data")
        #expect(fixture.errors().contains { $0.hasSuffix("unreadable") })
    }

    @Test("Text that is not UTF-8, and control characters in messages")
    func bytes() throws {
        let fixture = try PackageFixture()
        let file = URL(filePath: fixture.path + "/problem.yaml")
        try (Data("name: p\nlicense: ".utf8) + Data([0xFF])).write(to: file)
        #expect(fixture.errors() == ["problem.yaml:2: invalid-text"])
        try Data("name: p\n\"\\e[31m\": 1\n".utf8).write(to: file)
        let issues = (try? fixture.read()) == nil ? fixture.errors() : []
        #expect(issues == ["problem.yaml:2: unknown-key"])
        do { _ = try fixture.read() } catch { #expect(!"\(error)".contains("\u{1B}")) }
    }

    @Test(
        "A Polygon package's faults",
        arguments: [
            ("<problem>", "problem.xml:1: invalid-text"), ("<a/>", "problem.xml:1: invalid-value"),
            ("<!DOCTYPE p [<!ENTITY a \"b\">]>\n<problem/>", "problem.xml:1: invalid-text"),
            ("<problem>\n<judging><x></judging></problem>", "problem.xml:2: invalid-text"),
            (String(repeating: "<a>", count: 1000), "problem.xml:1: invalid-text"),
            ("<problem>" + String(repeating: "<a/>", count: 60_000), "problem.xml:1: invalid-text"),
            (String(repeating: " ", count: 300_000) + "<problem/>", "problem.xml:0: unreadable"),
            ("<problem a=\"&lol;\"/>", "problem.xml:1: invalid-text"),
        ])
    func polygon(xml: String, expected: String) throws {
        #expect(try PackageFixture(xml: xml).errors().first == expected)
    }

    @Test("Settings in a file or a place that the format does not have are a fault, and not ignored")
    func settingsNobodyReads() throws {
        for (file, legacy, expected) in [
            ("data/secret/testdata.yaml", false, "invalid-name"),
            ("data/sample/testdata.yaml", false, "invalid-name"),
            ("data/test_group.yaml", false, "contradiction"), ("data/testdata.yaml", false, "contradiction"),
            ("data/secret/test_group.yaml", true, "invalid-name"),
            ("data/test_group.yaml", true, "invalid-name"),
        ] {
            #expect(try PackageFixture([file: "x"], legacy: legacy).errors() == ["\(file):0: \(expected)"])
        }
        let grading = try PackageFixture(
            ["problem.yaml": "name: p\ntype: scoring\ngrading:\n  accept_score: 3\n"], legacy: true)
        #expect(grading.errors() == ["problem.yaml:4: contradiction"])
    }

    @Test("In the legacy format tests and groups count in the order of their names")
    func namesOrder() throws {
        let package = try PackageFixture(
            [
                "data/secret/b/1.in": "1\n", "data/secret/b/1.ans": "1\n", "data/secret/c.in": "1\n",
                "data/secret/c.ans": "1\n", "data/secret/d/1.in": "1\n", "data/secret/d/1.ans": "1\n",
            ], legacy: true
        ).read()
        #expect(package.allTests.map(\.name) == ["secret/1", "secret/b/1", "secret/c", "secret/d/1"])
        // on_reject: break by default, so nothing counts behind the first that fails.
        let failing: [String: TestScore] = [
            "secret/1": .init(.accepted), "secret/b/1": .init(.wrongAnswer), "secret/c": .init(.runtimeError),
            "secret/d/1": .init(.timeLimitExceeded),
        ]
        #expect(package.tests.result(of: failing, isScoring: false).verdict == .wrongAnswer)
    }
}
#endif
