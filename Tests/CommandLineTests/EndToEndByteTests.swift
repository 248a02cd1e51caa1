/// Runs the built command with names, arguments and variables that are bytes but not text.

#if CLI
import Foundation
import Sandbox
import Testing

@testable import SandboxCLI

extension EndToEnd {
    /// A shell makes the bytes (`printf '\377'`), since Foundation's arguments are text.
    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct Bytes {
        let folder: ScratchFolder

        init() throws { folder = try ScratchFolder() }

        /// Runs `script` with the command as `$1`; the script can use bash's `$'…'`.
        private func bash(_ script: String) throws -> Invocation {
            try SandboxProcess.run(
                [], in: folder.path, through: "exec bash -c '\(script)' bash \"$1\"")
        }

        @Test func argumentsAndVariables() throws {
            try folder.put(
                "a.py",
                "import os, sys\nfor a in sys.argv[1:] + [os.environ['X']]: print(os.fsencode(a))\n")
            let odd = ["\\xff\\xfe", "e\\u0301", "\\u00e9", "=\\u0301", "\\U10ffff", "\\xed\\xa0\\x80"]
            let words = odd.map { "$\"$(printf \"%b\" \"\($0)\")\"" }.map { String($0.dropFirst()) }
                .joined(separator: " ")
            let expected =
                """
                b'\\xff\\xfe'
                b'e\\xcc\\x81'
                b'\\xc3\\xa9'
                b'=\\xcc\\x81'
                b'\\xf4\\x8f\\xbf\\xbf'
                b'\\xed\\xa0\\x80'
                b'a\\xff=\\xcc\\x81'

                """
            let variable = "--env X=\"$(printf \"%b\" \"a\\xff=\\u0301\")\""
            for how in ["run \(variable) a.py --", "exec \(variable) --in a.py -- python3 a.py"] {
                let result = try bash("export LC_ALL=C.UTF-8; exec \"$1\" \(how) \(words)")
                #expect(result.out == expected, "\(how): \(result.err)")
            }
        }

        @Test func namesOfFiles() throws {
            let result = try bash(
                """
                export LC_ALL=C.UTF-8
                odd=$(printf "odd\\xff") other=$(printf "\\xfe\\xc3") mark=$(printf "\\u0301")
                printf content >"$odd"
                "$1" exec --in "$odd" --in "$odd:$other" --in "$odd:d/$mark" --out "$other" --out "./d//$mark" \
                    --out-dir "out$odd" -- cat "$odd" "$other" "d/$mark" || exit
                cd "out$odd" && cat "$other" "d/$mark" && test "$(ls | wc -l)" = 2
                """)
            #expect(result.status == 0, "\(result.err)")
            #expect(result.out == "contentcontentcontentcontentcontent")
            #expect(result.err == "")
        }

        @Test func namesThatDifferInCompositionOnly() throws {
            try folder.put(
                "a.py",
                "open('\\u00e9', 'w').write('composed')\nopen('e\\u0301', 'w').write('decomposed')\n")
            let result = try SandboxProcess.run(
                ["run", "--json", "--out", "\u{e9}", "--out", "e\u{301}", "--out-dir", "out", "a.py"],
                in: folder.path)
            #expect(result.status == 0, "\(result.err)")
            // Foundation's decoder would treat the two keys as one.
            let text = ByteString(result.stdout)
            for (name, bytes) in [("\u{e9}", 8), ("e\u{301}", 10)] as [(ByteString, Int)] {
                let entry = ByteString("\"\(name)\":{\"bytes\":\(bytes),")
                #expect(text.bytes.firstRange(of: entry.bytes) != nil, "\(name): \(text)")
            }
            let sizes = try bash("cd out && wc -c * | sort -n")
            #expect(sizes.out.contains(" 8 ") && sizes.out.contains("10 "), "\(sizes.out)")
            // The names work for input files, too.
            let back = try SandboxProcess.run(
                [
                    "exec", "--in", "out/\u{e9}", "--in", "out/e\u{301}", "--", "cat", "\u{e9}",
                    "e\u{301}",
                ], in: folder.path)
            #expect(back.out == "composeddecomposed", "\(back.err)")
        }

        @Test func namesThatAreNotUTF8InJSON() throws {
            let result = try bash(
                """
                a=$(printf "\\xff.png") b=$(printf "\\xfe.png")
                exec "$1" exec --json --out "$a" --out "$b" -- sh -c "echo a >$a; echo bb >$b"
                """)
            let json = try result.json
            EndToEnd.checkShape(of: json)
            let files = try #require(json["files"])
            #expect(files.keys == ["\u{fffd}.png", "\u{fffd}.png (2)"], "\(result.out)")
            let first = try #require(files["\u{fffd}.png"])
            #expect(first["nameBase64"]?.text == Data([0xfe] + Array(".png".utf8)).base64EncodedString())
            #expect(first["bytes"] == 3 && first["mediaType"] == "image/png")
            let path = try #require(first["pathBase64"]?.text.flatMap { Data(base64Encoded: $0) })
            #expect(path.suffix(5) == Data([0xfe] + Array(".png".utf8)))
        }

        @Test func namesOfSources() throws {
            try folder.put("a.py", "print(__file__)\n")
            let result = try bash(
                """
                name=$(printf "b\\xff.py")
                mv a.py "$name"
                "$1" run "$name" && "$1" exec --stdin "$name" -- cat && "$1" run "c$name"
                """)
            #expect(result.status == 125)
            #expect(result.out.hasSuffix("main.py\nprint(__file__)\n"), "\(result.out)")
            #expect(result.err.contains("'cb\\xff.py' does not exist"), "\(result.err)")
            let unknown = try bash("exec \"$1\" exec \"$(printf \"%b\" \"--\\xff\")\" -- true")
            #expect(unknown.status == 125 && unknown.err.contains("--\\xff"), "\(unknown.err)")
        }

        @Test func theExecuteBitComesBack() throws {
            try folder.put("a.cpp", "int main() { return 9; }\n")
            let built = try SandboxProcess.run(
                ["exec", "--in", "a.cpp", "--out", "a.out", "--out", "a.cpp", "--", "g++", "a.cpp"],
                in: folder.path)
            #expect(built.status == 0, "\(built.err)")
            #expect(access(folder.path + "/a.out", X_OK) == 0)
            var status = stat()
            #expect(stat(folder.path + "/a.cpp", &status) == 0 && status.st_mode & 0o111 == 0)
            let result = try SandboxProcess.run(
                ["exec", "--in", "a.out", "--", "./a.out"], in: folder.path)
            #expect(result.status == 9, "\(result.err)")
            try folder.put(
                "b.py",
                "import os\nopen('tool', 'w').write('#!/bin/sh\\nexit 8\\n')\nos.chmod('tool', 0o755)\n")
            let made = try SandboxProcess.run(["run", "--out", "tool", "b.py"], in: folder.path)
            #expect(made.status == 0 && access(folder.path + "/tool", X_OK) == 0, "\(made.err)")
        }
    }
}

@Suite struct ArgumentTextTests {
    @Test func holdsAllBytes() {
        let all = ByteString((0...255).map { UInt8($0) } + Array("\u{10ff80}\u{10ffff}é\u{301}".utf8))
        let text = ArgumentText.text(of: all)
        #expect(ArgumentText.bytes(of: text) == all)
        // Each byte is a Character of its own, so the parser finds the separators between them.
        #expect(text.count == all.bytes.count)
        #expect(ArgumentText.text(of: "--out=\u{301}x").split(separator: "=").count == 2)
        #expect(ArgumentText.text(of: "\u{e9}") != ArgumentText.text(of: "e\u{301}"))
        // Any other text becomes its UTF-8.
        #expect(ArgumentText.bytes(of: "é\u{301}") == "é\u{301}")
        #expect(ArgumentText.readable("the \(ArgumentText.text(of: "é"))") == "the é")
        #expect(ArgumentText.readable(ArgumentText.text(of: ByteString([0xff]))) == "\\xff")
    }
}
#endif
