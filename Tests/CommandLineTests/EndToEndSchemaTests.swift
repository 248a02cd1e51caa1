/// Holds what the built command really prints with `--json` against docs/schema.

#if CLI
import Foundation
import Sandbox
import Testing

extension EndToEnd {
    @Suite(.enabled(if: SchemaCheck.isThere, SchemaCheck.reason)) struct Schemas {
        private func expectValid(
            _ runs: [Invocation], _ name: SchemaCheck.Name, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            #expect(
                runs.allSatisfy { !$0.stdout.isEmpty }, "nothing was printed", sourceLocation: sourceLocation)
            #expect(
                try SchemaCheck.violations(of: runs.map(\.stdout), name) == [], sourceLocation: sourceLocation
            )
        }

        // MARK: The schemas themselves

        /// Every object of a schema lists its keys, and allows no others.
        @Test(arguments: SchemaCheck.Name.allCases) func everyObjectIsClosed(name: SchemaCheck.Name) throws {
            let bytes = try Data(contentsOf: URL(filePath: SchemaCheck.path(name)))
            var open: [String] = []
            func visit(_ value: JSONValue, _ path: String) {
                if case .object(let values) = value {
                    let isObject = [.string("object"), ["object", "null"]].contains(values["type"])
                    let isOpen = values["additionalProperties"] != false || values["required"] == nil
                    // `then` and `else` add to what their parent says; the keys of `files` are names.
                    let isPart = path.hasPrefix("/then/") || path.hasPrefix("/else/")
                    if isObject, isOpen, !isPart, path != "/properties/files" { open.append(path) }
                    for (key, value) in values { visit(value, "\(path)/\(key)") }
                }
                if case .array(let values) = value {
                    for (number, value) in values.enumerated() { visit(value, "\(path)/\(number)") }
                }
            }
            visit(try JSONValue.parse(Array(bytes)), "")
            #expect(open == [])
        }

        /// What several schemas describe, they describe alike.
        @Test func sharedParts() throws {
            let parts = try SchemaCheck.Name.allCases.map { name in
                try JSONValue.parse(Array(Data(contentsOf: URL(filePath: SchemaCheck.path(name)))))["$defs"]
            }
            var known: [String: JSONValue] = [:]
            for defs in parts.compactMap({ $0 }) {
                for key in defs.keys {
                    #expect(known[key] == nil || known[key] == defs[key], "\(key)")
                    known[key] = defs[key]
                }
            }
            #expect(known["backend"] != nil)
        }

        /// A schema that let everything through would make all other tests here worthless.
        @Test func theCheckFindsWhatIsWrong() throws {
            let good = """
                {"schemaVersion":1,"images":[{"digest":"sha256:\(String(repeating: "0", count: 64))","source":null,\
                "bytes":1,"names":1,"lastUsedSeconds":1.5,"inUse":false,"complete":true}],"totalBytes":1}
                """
            let spoiled = [
                ("\"totalBytes\":1", "\"totalBytes\":1,\"more\":1"), (",\"totalBytes\":1", ""),
                ("\"bytes\":1", "\"bytes\":\"1\""), ("\"bytes\":1", "\"bytes\":-1"),
                ("\"inUse\":false", "\"inUse\":null"), ("\"names\":1,", ""),
                ("\"names\":1,", "\"names\":1,\"other\":2,"), ("sha256:0", "sha256:g"),
                ("\"schemaVersion\":1", "\"schemaVersion\":2"), ("\"names\":1,", "\"names\":1,\"names\":1,"),
            ]
            #expect(try SchemaCheck.violations(of: [Array(good.utf8)], .images) == [])
            for (from, to) in spoiled {
                let text = good.replacingOccurrences(of: from, with: to)
                #expect(text != good)
                #expect(try SchemaCheck.violations(of: [Array(text.utf8)], .images).count == 1, "\(to)")
            }
        }

        // MARK: What is printed

        @Test(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) func outcomes() throws {
            let folder = try ScratchFolder()
            let recursion = try folder.put(
                "deep.cpp",
                """
                int deep(int n) { volatile char a[4096]; a[0] = (char)n; return deep(n + 1) + a[0]; }
                int main() { return deep(0); }
                """)
            let forks = """
                import os, time
                for _ in range(50):
                  if os.fork() == 0: time.sleep(20); os._exit(0)
                """
            let runs = try [
                SandboxProcess.shell("exit 3", "--json"),
                SandboxProcess.shell("kill -SEGV $$", "--json", "--cpus", "0.5"),
                SandboxProcess.shell("kill -35 $$", "--json"),
                SandboxProcess.python("import socket; socket.socket()", "--json", "--blocked", "end"),
                SandboxProcess.shell("sleep 30", "--json", "--wall-time", "0.2"),
                SandboxProcess.shell(
                    "while :; do :; done", "--json", "--cpu-time", "0.2", "--wall-time", "30"),
                SandboxProcess.python("x = bytearray(1 << 30)", "--json", "--memory", "64M"),
                SandboxProcess.run(["exec", "--json", "--output-limit", "1K", "--", "yes"]),
                SandboxProcess.python(forks, "--json", "--processes", "8", "--wall-time", "20"),
                SandboxProcess.shell("exec head -c 8M /dev/zero >f", "--json", "--disk", "4M"),
                SandboxProcess.shell("exec head -c 2M /dev/zero >f", "--json", "--file-size", "1M"),
                SandboxProcess.python(
                    "import os\nwhile True: os.open('/dev/null', 0)", "--json", "--open-files", "32"),
                SandboxProcess.run(["run", "--json", "--stack", "1M", recursion]),
            ]
            try expectValid(runs, .result)
            let outcomes = try runs.map { try $0.json["outcome"] }
            let kinds = outcomes[..<4].map { $0?["kind"]?.text }
            #expect(kinds == ["exited", "signaled", "signaled", "blockedSyscall"])
            #expect(
                Set(outcomes.compactMap { $0?["limit"]?.text }) == Set(LimitKind.allCases.map(\.rawValue)))
        }

        @Test(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) func compilations() throws {
            let folder = try ScratchFolder()
            let bad = folder.path + "/bad.cpp"
            try Data(Array("#error a".utf8) + [0xFF, 0x0A]).write(to: URL(filePath: bad))
            let warned = try folder.put("warned.cpp", "int main() { int unused; char *s = \"x\"; return 0; }")
            let runs = try [
                SandboxProcess.run(["run", "--json", bad]),
                SandboxProcess.run(["run", "--json", "--compile-flag", "-Wall", warned]),
                SandboxProcess.run(["run", "--json", folder.put("a.py", "print(1)")]),
            ]
            try expectValid(runs, .result)
            let objects = try runs.map { try $0.json }
            #expect(objects[0]["outcome"] == .null && objects[0]["compile"]?["diagnostics"] != [])
            #expect(objects[0]["compile"]?["stderrBase64"]?.text != nil)
            #expect(objects[1]["outcome"]?["code"] == 0 && objects[1]["compile"]?["diagnostics"] != [])
            #expect(objects[2]["compile"] == .null)
        }

        @Test(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) func bytesAndFiles() throws {
            let folder = try ScratchFolder()
            // A name that is not UTF-8, by way of a shell: `Process` takes text.
            let through = """
                exec "$@" --json --out "$(printf 'n\\377')" --out plot.png --out-dir '\(folder.path)' -- sh -c '
                    printf "a\\377" && printf "b\\376" >&2
                    printf x >"$(printf "n\\377")" && printf y >plot.png'
                """
            let bytes = try SandboxProcess.run(["exec"], through: through)
            let fallback = try SandboxProcess.run(
                ["exec", "--backend", "auto", "--json", "--", "true"], through: withoutEngine)
            try expectValid([bytes, fallback], .result)
            let json = try bytes.json
            #expect(json["stdoutBase64"] == "Yf8=" && json["stderrBase64"] == "Yv4=", "\(bytes.err)")
            let names = try #require(json["files"]).keys
            #expect(names == ["n\u{FFFD}", "plot.png"])
            #expect(json["files"]?["n\u{FFFD}"]?["nameBase64"] == "bv8=")
            #expect(json["files"]?["n\u{FFFD}"]?["pathBase64"]?.text != nil)
            #expect(try fallback.json["backend"]?["fallbackReason"]?.text != nil)
        }

        @Test func errors() throws {
            let folder = try ScratchFolder()
            let runs = try [
                SandboxProcess.run(["exec", "--json", "--memory", "-5", "--", "true"]),
                SandboxProcess.run(["run", "--json", folder.path + "/none.py"]),
                SandboxProcess.run(["rnu", "--json"]),
                SandboxProcess.exec(["--json", "--image", "python:3.12"], "true"),
                SandboxProcess.run(
                    ["exec", "--backend", "docker", "--json", "--", "true"], through: withoutEngine),
                SandboxProcess.run(["pool", "--json"], through: withoutEngine),
                SandboxProcess.run(
                    ["image", "list", "--json"], through: "export SANDBOX_CACHE=x; exec \"$@\""),
            ]
            try expectValid(runs, .error)
            #expect(runs.allSatisfy { $0.status == 125 })
        }

        @Test(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) func errorsOfRuns() throws {
            let missing = try SandboxProcess.exec(["--json"], "no-such-program")
            // Without output there is nothing to wait for: the signal comes from the shell.
            let interrupted = try SandboxProcess.run(
                ["exec", "--json", "--wall-time", "50", "--", "sleep", "40"],
                through: "\"$@\" & sleep 1; kill -TERM $!; wait $!")
            try expectValid([missing, interrupted], .error)
            #expect(try missing.json["error"]?["exitStatus"] == 127)
            #expect(interrupted.status == 143)
            #expect(try interrupted.json["error"]?["exitStatus"] == 143)
        }

        @Test func hosts() throws {
            try expectValid(
                [
                    SandboxProcess.run(["doctor", "--json"]),
                    SandboxProcess.run(["doctor", "--json"], through: withoutEngine),
                ], .doctor)
        }

        #if Docker
        @Test(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) func pools() throws {
            let small = "export POOL_MIN_SIZE=2 POOL_MAX_SIZE=3; exec \"$@\""
            try expectValid(
                [SandboxProcess.run(["pool", "--backend", "local", "--json"], through: small)], .pool)
        }
        #endif

        @Test func images() throws {
            let folder = try ScratchFolder()
            let cache = folder.path + "/cache"
            let through = "export SANDBOX_CACHE='\(cache)'; exec \"$@\""
            let empty = try SandboxProcess.run(["image", "list", "--json"], through: through)
            // An entry that no version of the command can use.
            let entry = "\(cache)/images/sha256-\(String(repeating: "a", count: 64))"
            for path in [cache, cache + "/images", entry] { #expect(mkdir(path, 0o700) == 0) }
            let damaged = try SandboxProcess.run(["image", "list", "--json"], through: through)
            #expect(try damaged.json["images"]?.elements?.first?["complete"] == false)
            try expectValid([empty, damaged], .images)
        }
    }
}
#endif
