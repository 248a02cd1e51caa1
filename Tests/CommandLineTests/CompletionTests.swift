/// Completes command lines in a real bash, by the script that the command generates.

#if CLI
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/bin/bash"), "bash is not installed")
    ) struct Completions {
        private let folder: ScratchFolder

        init() throws {
            folder = try ScratchFolder()
            for name in ["hello.cpp", "hello world.py", "help.tar"] { try folder.put(name, "") }
            #expect(mkdir(folder.path + "/helpers", 0o700) == 0)
            let script = try SandboxProcess.run(["--generate-completion-script", "bash"])
            try #require(script.status == 0)
            try folder.put("complete.bash", script.out)
        }

        /// What bash calls when a person presses the tabulator behind the last word.
        private static let driver = """
            source ./complete.bash || exit 90
            set -- sandbox "$@"
            complete -p sandbox | grep -q -- '-F _sandbox sandbox' || exit 91
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
            COMP_POINT=${#COMP_LINE} COMPREPLY=()
            _sandbox sandbox "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """

        private func complete(_ words: String...) throws -> Set<String> {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/bash")
            process.arguments = ["--norc", "-c", Self.driver, "bash"] + words
            process.currentDirectoryURL = URL(filePath: folder.path)
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            return Set(text.split(separator: "\n").map(String.init))
        }

        @Test func subcommands() throws {
            #expect(try complete("r") == ["run"])
            #expect(try complete("").isSuperset(of: ["run", "exec", "image", "pool", "doctor", "cleanup"]))
            #expect(try complete("image", "re") == ["remove"])
            #if Judge
            #expect(try complete("ju") == ["judge"])
            #expect(try complete("judge", "--stop") == ["--stop-at-first-failure"])
            #expect(try complete("judge", "hel") == ["helpers"])
            #endif
        }

        @Test func options() throws {
            #expect(try complete("run", "--wall") == ["--wall-time"])
            #expect(try complete("image", "list", "--j") == ["--json"])
        }

        @Test func filesOfTheHost() throws {
            let all: Set<String> = ["hello.cpp", "hello world.py", "help.tar", "helpers"]
            #expect(try complete("run", "hel") == all)
            #expect(try complete("run", "--json", "hello") == ["hello.cpp", "hello world.py"])
            for option in ["--in", "--stdin", "--image", "--include"] {
                #expect(try complete("run", option, "hel") == all, "\(option)")
            }
            #expect(try complete("image", "remove", "help.") == ["help.tar"])
        }

        @Test func directoriesOfTheHost() throws {
            #expect(try complete("run", "--out-dir", "hel") == ["helpers"])
        }

        @Test func values() throws {
            #expect(try complete("run", "--backend", "") == ["local", "docker", "auto"])
            #expect(try complete("exec", "--isolation", "s") == ["standard", "strong"])
            #expect(try complete("run", "--rootfs", "w") == ["writable"])
            #expect(try complete("run", "--std", "c++2").contains("c++20"))
        }
    }
}
#endif
