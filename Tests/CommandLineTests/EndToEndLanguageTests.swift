/// Runs the built command on sources of described languages, and lists the languages.

#if CLI && Languages
import Foundation
import Sandbox
import Testing

extension EndToEnd {
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Languages {
        private static let awk = """
            name: awk-here
            title: AWK
            aliases: [oawk]
            suffixes: [awk]
            source: main.awk
            run: [awk, -f, "{source}"]
            version:
              command: [sh, -c, "echo AWK 1.2.3"]
            """

        private func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
            let folder = try ScratchFolder()
            for (name, text) in files {
                try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
            }
            try body(folder.path)
        }

        private func run(_ arguments: String..., input: String = "") throws -> Invocation {
            try SandboxProcess.run(arguments, stdin: Array(input.utf8))
        }

        @Test func aSuffixChoosesTheLanguage() throws {
            let files = ["x.sh": "read -r a; . ./y.sh; exit $((a + b))", "y.sh": "b=4"]
            try withFolder(files) { folder in
                let ran = try SandboxProcess.run(
                    ["run", "--stdin", "-", folder + "/x.sh", folder + "/y.sh"], stdin: Array("3\n".utf8))
                #expect(ran.status == 7, "\(ran.err)")
                let object = try run("run", "--json", "--language", "shell", folder + "/x.sh").json
                #expect(object["compile"] == .null && object["limits"]?["cpuSeconds"] == 10, "\(object)")
            }
        }

        @Test func aLanguageOfAUser() throws {
            // The example of docs/languages.md.
            let page = URL(filePath: #filePath).deletingLastPathComponent().appending(
                path: "../../docs/languages"
            )
            .standardized.path
            try withFolder(["x.awk": "BEGIN { print 42 }"]) { folder in
                let ran = try run("run", "--languages", page, folder + "/x.awk")
                #expect(ran.out == "42\n" && ran.status == 0, "\(ran.err)")
                let byAlias = try run(
                    "run", "--languages", page + "/awk.yaml", "--language", "mawk", folder + "/x.awk")
                #expect(byAlias.out == "42\n", "\(byAlias.err)")
                let unknown = try run("run", folder + "/x.awk")
                #expect(unknown.status == 125 && unknown.err.contains("names no language"), "\(unknown.err)")
            }
        }

        @Test func mistakes() throws {
            try withFolder(["bad.yaml": "name: x\nsauce: y\n", "x.sh": "exit"]) { folder in
                let bad = try run("run", "--languages", folder, folder + "/x.sh")
                #expect(
                    bad.status == 125 && bad.err.contains("bad.yaml:2: sauce: is an unknown key"),
                    "\(bad.err)")
                let misspelt = try run("run", "--language", "bahs", folder + "/x.sh")
                #expect(
                    misspelt.status == 125 && misspelt.err.contains("did you mean 'bash'?"), "\(misspelt.err)"
                )
                let std = try run("run", "--std", "c++17", folder + "/x.sh")
                #expect(std.status == 125 && std.err.contains("--std"), "\(std.err)")
                let flag = try run("run", "--compile-flag=-x", folder + "/x.sh")
                #expect(flag.status == 125 && flag.err.contains("--compile-flag"), "\(flag.err)")
            }
        }

        /// All built-in languages and one more, whatever this host has of them.
        @Test func theList() throws {
            try withFolder(["awk.yaml": Self.awk]) { folder in
                let listed = try run("languages", "--json", "--languages", folder)
                #expect(listed.status == 0, "\(listed.err)")
                if SchemaCheck.isThere {
                    #expect(try SchemaCheck.violations(of: [listed.stdout], .languages) == [])
                }
                guard case .array(let entries)? = try listed.json["languages"] else {
                    Issue.record("no list")
                    return
                }
                #expect(entries.count > 20)
                func entry(_ name: JSONValue) -> JSONValue? { entries.first { $0["name"] == name } }
                #expect(entry("awk-here")?["version"] == "1.2.3", "\(String(describing: entry("awk-here")))")
                #expect(entry("awk-here")?["isAvailable"] == true && entry("bash")?["isAvailable"] == true)
                #expect(entry("bash")?["version"] != .null && entry("cpp-clang")?["variantOf"] == "cpp")
                for entry in entries where entry["isAvailable"] == false {
                    #expect(entry["missing"] != .array([]) && entry["version"] == .null, "\(entry)")
                }
            }
        }
    }
}
#endif
