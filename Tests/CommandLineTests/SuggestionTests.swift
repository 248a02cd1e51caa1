/// Tests the answers to misspelt subcommands.

#if CLI
import Testing

@testable import SandboxCLI

@Suite struct SuggestionTests {
    private func hint(_ arguments: String...) -> String? { CommandSuggestion(arguments)?.hint }

    @Test(arguments: [
        ("rnu", "run"), ("rum", "run"), ("runn", "run"), ("exce", "exec"), ("exe", "exec"),
        ("docter", "doctor"), ("doc", "doctor"), ("clean", "cleanup"), ("images", "image"), ("pol", "pool"),
    ])
    func misspelt(word: String, meant: String) {
        #expect(hint(word, "x.py") == "did you mean `sandbox \(meant)`?")
        #expect(hint("help", word) == "did you mean `sandbox \(meant)`?")
        #expect(CommandSuggestion([word])?.message == "`sandbox` has no subcommand '\(word)'")
    }

    @Test func nested() {
        #expect(hint("image", "lst") == "did you mean `sandbox image list`?")
        #expect(hint("image", "rmeove", "--all") == "did you mean `sandbox image remove`?")
        #expect(hint("image", "prune") == "it has list, remove; see `sandbox image --help`")
    }

    @Test func sources() {
        #expect(hint("hello.py", "--json") == "to run a source: sandbox run hello.py")
        #expect(hint("dir/hello.cpp") == "to run a source: sandbox run dir/hello.cpp")
    }

    @Test func nothingNear() {
        #expect(hint("zzzzzz")?.hasPrefix("it has run, exec, ") == true)
        #expect(hint("ls")?.hasPrefix("it has run, exec, ") == true)
        #expect(hint("")?.hasPrefix("it has run, exec, ") == true)
        #expect(CommandSuggestion(["\u{1B}c"])?.message.contains("\u{1B}") == false)
    }

    @Test func optionsBeforeTheSubcommand() {
        #expect(
            hint("--json", "run", "x.py") == "options come behind it: sandbox run [options]")
        #expect(CommandSuggestion(["--json", "run"])?.message == "`--json` stands before the subcommand")
        #expect(hint("--version") == nil && hint("--help", "run") == nil && hint("--nonsense") == nil)
    }

    @Test func rightOnes() {
        for right in ["", "run", "run rnu", "image list", "image ls x", "help run"] {
            let words = right.split(separator: " ").map(String.init)
            #expect(CommandSuggestion(words) == nil)
        }
    }

    @Test func errors() {
        let pairs = [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("run", "run", 0), ("rnu", "run", 1), ("abc", "ca", 3),
            ("kitten", "sitting", 3),
        ]
        for (a, b, count) in pairs {
            #expect(CommandSuggestion.typingErrors(between: a, and: b) == count, "\(a) \(b)")
        }
    }
}

extension EndToEnd {
    @Suite struct Suggestions {
        @Test func misspelt() throws {
            let run = try SandboxProcess.run(["rnu", "x.py"])
            #expect(run.status == 125 && run.out == "")
            #expect(
                run.err == """
                    sandbox: `sandbox` has no subcommand 'rnu' (invalidArgument)
                    sandbox: hint: did you mean `sandbox run`?

                    """)
            let json = try SandboxProcess.run(["rnu", "--json"]).json
            #expect(json["error"]?["hint"] == "did you mean `sandbox run`?")
        }
    }
}
#endif
