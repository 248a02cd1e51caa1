/// Runs the built command with `--json` and checks every field of its output; and checks its errors.

#if CLI
import Foundation
import Sandbox
import Testing

@testable import SandboxCLI

/// Runs the command where no engine answers.
let withoutEngine = "export DOCKER_HOST=unix:///no/such/engine.sock; exec \"$@\""

extension EndToEnd {
    private static let usageKeys: Set<String> = [
        "wallSeconds", "cpuSeconds", "userSeconds", "systemSeconds", "cpuSource", "peakMemoryBytes",
        "residentPeakBytes", "memorySource", "memoryResolutionBytes", "peakProcesses",
    ]

    /// Expects every key of the contract, no others, and each with its type.
    static func checkShape(of json: JSONValue, sourceLocation: SourceLocation = #_sourceLocation) {
        func check(_ condition: Bool, _ what: Comment) {
            #expect(condition, what, sourceLocation: sourceLocation)
        }

        let required: Set<String> = [
            "schemaVersion", "outcome", "limitsHit", "deniedSyscalls", "stdout", "stderr",
            "stdoutTruncated",
            "stderrTruncated", "usage", "limits", "backend", "isolation", "files", "compile",
        ]
        check(json.keys.isSuperset(of: required), "missing: \(required.subtracting(json.keys))")
        let extra = json.keys.subtracting(required)
        check(extra.isSubset(of: ["stdoutBase64", "stderrBase64"]), "extra: \(extra)")
        check(json["schemaVersion"] == 1, "schemaVersion")
        for key in ["stdout", "stderr"] { check(json[key]?.text != nil, "\(key)") }
        for key in ["stdoutTruncated", "stderrTruncated"] {
            check(json[key] == true || json[key] == false, "\(key)")
        }
        for key in ["limitsHit", "deniedSyscalls"] {
            check(json[key]?.elements?.allSatisfy { $0.text != nil } == true, "\(key)")
        }
        if let outcome = json["outcome"], outcome != .null { checkOutcome(outcome, check) }
        if let usage = json["usage"], usage != .null { checkUsage(usage, check) }

        let limits = json["limits"] ?? .null
        check(
            limits.keys == [
                "wallSeconds", "cpuSeconds", "memoryBytes", "processes", "outputBytes", "fileSizeBytes",
                "diskBytes",
                "openFiles", "stackBytes",
            ], "limits")
        check(limits.keys.allSatisfy { (limits[$0]?.number ?? 0) > 0 }, "limits are numbers")
        checkBackend(json["backend"] ?? .null, check)

        let isolation = json["isolation"] ?? .null
        check(
            isolation.keys == ["level", "layers", "missing", "cgroup", "reasons", "holes"], "isolation")
        check(isolation["level"]?.text.flatMap(IsolationLevel.init(rawValue:)) != nil, "level")
        check(["v1", "v2", "none"].contains(isolation["cgroup"]), "cgroup")
        let layers = (isolation["layers"]?.elements ?? []) + (isolation["missing"]?.elements ?? [])
        check(layers.allSatisfy { $0.text.flatMap(IsolationLayer.init(rawValue:)) != nil }, "layers")

        let files = json["files"] ?? .null
        for name in files.keys {
            let keys = files[name]?.keys.subtracting(["nameBase64", "pathBase64"])
            check(keys == ["bytes", "mediaType", "path"], "files")
        }
        if let compile = json["compile"], compile != .null {
            let keys: Set<String> = ["outcome", "stdout", "stderr", "usage", "diagnostics"]
            check(
                compile.keys.subtracting(["stdoutBase64", "stderrBase64"]) == keys,
                "compile: \(compile.keys)")
            checkOutcome(compile["outcome"] ?? .null, check)
            checkUsage(compile["usage"] ?? .null, check)
        }
    }

    private static func checkOutcome(_ outcome: JSONValue, _ check: (Bool, Comment) -> Void) {
        let keys: [String: Set<String>] = [
            "exited": ["kind", "code"], "signaled": ["kind", "signal", "name"],
            "limitExceeded": ["kind", "limit"],
            "blockedSyscall": ["kind", "syscall"],
        ]
        check(outcome["kind"]?.text.flatMap { keys[$0] } == outcome.keys, "outcome: \(outcome)")
    }

    private static func checkUsage(_ usage: JSONValue, _ check: (Bool, Comment) -> Void) {
        check(usage.keys == usageKeys, "usage: \(usage.keys)")
        for key in usageKeys where key.hasSuffix("Source") {
            check(["cgroup", "sampled", "rusage", "clock"].contains(usage[key]), "\(key)")
        }
        for key in usageKeys where !key.hasSuffix("Source") {
            check((usage[key]?.number ?? -1) >= 0, "\(key)")
        }
    }

    private static func checkBackend(_ backend: JSONValue, _ check: (Bool, Comment) -> Void) {
        check(
            backend.keys == [
                "kind", "requested", "fallbackReason", "instance", "sandbox", "image", "imageDigest",
                "engine",
                "attempt",
                "library", "hostPid",
            ], "backend: \(backend.keys)")
        check(["local", "docker"].contains(backend["kind"]), "kind")
        check(["local", "docker", "auto"].contains(backend["requested"]), "requested")
        check(backend["library"] == .string(libraryVersion), "library")
        check((backend["hostPid"]?.number ?? 0) > 0, "hostPid")
        check((backend["attempt"]?.number ?? 0) >= 1, "attempt")
    }

    @Suite(.enabled(if: SandboxProcess.hostWorks, SandboxProcess.reason)) struct JSONResults {
        private func outcome(_ run: Invocation) throws -> JSONValue? {
            #expect(run.status == 0)
            let json = try run.json
            checkShape(of: json)
            return json["outcome"]
        }

        @Test func outcomes() throws {
            #expect(
                try outcome(SandboxProcess.shell("exit 3", "--json")) == ["kind": "exited", "code": 3])
            #expect(
                try outcome(SandboxProcess.shell("kill -SEGV $$", "--json"))
                    == ["kind": "signaled", "signal": 11, "name": "SIGSEGV"])
            #expect(
                try outcome(SandboxProcess.shell("sleep 9", "--json", "--wall-time", "0.2"))
                    == ["kind": "limitExceeded", "limit": "wallTime"])
            #expect(
                try outcome(
                    SandboxProcess.python("import socket; socket.socket()", "--json", "--blocked", "end"))
                    == ["kind": "blockedSyscall", "syscall": "socket"])
        }

        @Test func streamsAndLimits() throws {
            let run = try SandboxProcess.shell(
                "printf 'ä\\n'; printf no >&2", "--json", "--memory", "100M", "--wall-time", "2.5",
                "--processes",
                "9", "--stack", "8M")
            let json = try run.json
            checkShape(of: json)
            #expect(run.err == "")
            #expect(json["stdout"] == "ä\n" && json["stderr"] == "no")
            #expect(json["stdoutBase64"] == nil && json["stderrBase64"] == nil)
            #expect(json["stdoutTruncated"] == false && json["compile"] == .null && json["files"] == [:])
            let limits = try #require(json["limits"])
            #expect(limits["memoryBytes"] == .number(Double(100 << 20)) && limits["wallSeconds"] == 2.5)
            #expect(limits["processes"] == 9 && limits["stackBytes"] == .number(Double(8 << 20)))
            let backend = try #require(json["backend"])
            #expect(backend["kind"] == "local" && backend["requested"] == "local")
            #expect(backend["fallbackReason"] == .null && backend["imageDigest"] == .null)
            #expect(backend["image"] == "host" && backend["attempt"] == 1)
            #expect(
                backend["instance"]?.text?.isEmpty == false && backend["sandbox"]?.text?.isEmpty == false)
        }

        @Test func bytesThatAreNotUTF8() throws {
            let run = try SandboxProcess.python(
                "import os; os.write(1, (bytes(range(256)) * 4)[:1000])", "--json")
            let json = try run.json
            checkShape(of: json)
            let exact = Array(repeating: Array(UInt8.min...UInt8.max), count: 4).flatMap { $0 }[..<1000]
            let base64 = try #require(json["stdoutBase64"]?.text)
            #expect(Data(base64Encoded: base64).map(Array.init) == Array(exact))
            #expect(json["stdout"] == .string(String(decoding: exact, as: UTF8.self)))
            #expect(json["stderrBase64"] == nil)
        }

        @Test func truncatedOutput() throws {
            let json = try SandboxProcess.run(["exec", "--json", "--output-limit", "1K", "--", "yes"])
                .json
            checkShape(of: json)
            #expect(json["outcome"] == ["kind": "limitExceeded", "limit": "output"])
            #expect(json["stdoutTruncated"] == true && json["stderrTruncated"] == false)
            #expect(json["stdout"]?.text?.utf8.count == 1024)
        }

        @Test func fallback() throws {
            let run = try SandboxProcess.run(
                ["exec", "--backend", "auto", "--json", "--", "true"], through: withoutEngine)
            #expect(run.status == 0)
            let backend = try run.json["backend"]
            #expect(backend?["kind"] == "local" && backend?["requested"] == "auto")
            let reason = try #require(backend?["fallbackReason"]?.text)
            #expect(run.err == "sandbox: docker is not used: \(reason); running locally\n")
            #expect(backend?["attempt"] == 1)
        }

        @Test func programThatCannotBeStarted() throws {
            let missing = try SandboxProcess.exec(["--json"], "no-such-program")
            #expect(missing.status == 125)
            #expect(try missing.json["error"]?["code"] == "executableNotFound")
            #expect(try missing.json["error"]?["exitStatus"] == 127)
            let refused = try SandboxProcess.exec(["--json"], "/etc/hosts")
            #expect(refused.status == 125)
            #expect(try refused.json["error"]?["code"] == "executableNotRunnable")
            #expect(try refused.json["error"]?["exitStatus"] == 126)
            // When the runner's own tool cannot be started, that is a failure of the sandbox.
            let folder = try ScratchFolder()
            let source = try folder.put("a.py", "")
            let image = try SandboxProcess.run(["run", "--json", "--image", folder.path, source])
            #expect(try image.json["error"]?["exitStatus"] == 125)
        }
    }

    /// Errors that are found without running a program, and so need no isolation.
    @Suite struct Complaints {
        /// Both forms of one error: text and JSON.
        private func complaint(_ arguments: String...) throws -> (
            code: String?, text: String, hint: String?
        ) {
            let plain = try SandboxProcess.run(arguments)
            #expect(plain.status == 125, "\(arguments)")
            #expect(plain.out == "" && plain.err.hasPrefix("sandbox: "), "\(arguments)")

            let run = try SandboxProcess.run([arguments[0], "--json"] + arguments.dropFirst())
            #expect(run.status == 125, "\(arguments)")
            let json = try run.json
            #expect(json.keys == ["schemaVersion", "error", "backend"])
            #expect(json["error"]?.keys == ["code", "stage", "errno", "message", "hint", "exitStatus"])
            #expect(json["error"]?["exitStatus"] == 125)
            checkBackend(json["backend"] ?? .null) { #expect($0, $1) }
            let message = json["error"]?["message"]?.text ?? ""
            #expect(plain.err.contains(message), "\(arguments)")
            return (json["error"]?["code"]?.text, message, json["error"]?["hint"]?.text)
        }

        @Test func options() throws {
            let memory = try complaint("exec", "--memory", "-5", "--", "true")
            #expect(memory.code == "invalidArgument")
            #expect(memory.text.contains("'-5'") && memory.text.contains("--memory"))
            #expect(try complaint("exec", "--wall-time", "inf", "--", "true").text.contains("'inf'"))
            #expect(try complaint("exec", "--nonsense", "--", "true").text.contains("--nonsense"))
            #expect(try complaint("exec", "--env", "FOO", "--", "true").text.contains("'FOO'"))
            #expect(try complaint("exec", "-x", "ls").hint?.contains("after `--`") == true)
            #expect(try complaint("exec", "--stdin", "/no/file", "--", "cat").code == "fileNotFound")
            #expect(try complaint("exec", "--stdin", "/", "--", "cat").code == "notRegularFile")
            #expect(try complaint("exec", "--in", "/no/file:x", "--", "cat").code == "fileNotFound")
            #expect(
                try complaint("exec", "--out", "x", "--out-dir", "/dev/null", "--", "ls").code
                    == "fileAccess")
        }

        @Test func backends() throws {
            let docker = try SandboxProcess.run(
                ["exec", "--backend", "docker", "--json", "--", "true"], through: withoutEngine)
            let error = try docker.json["error"]
            #expect(docker.status == 125 && error?["code"] == "backendUnavailable")
            #expect(error?["hint"]?.text != nil)
            #expect(try docker.json["backend"]?["kind"] == "docker")
            let image = try complaint("exec", "--image", "python:3.12", "--", "true")
            #expect(image.code == "imageUnavailable" && image.hint != nil)
            let folder = try ScratchFolder()
            let empty = try complaint("exec", "--image", folder.path, "--", "true")
            #expect(empty.code == "imageUnavailable" && empty.text.contains(folder.path))
        }

        @Test func sources() throws {
            let folder = try ScratchFolder()
            #expect(try complaint("run", folder.path + "/none.py").code == "fileNotFound")
            #expect(try complaint("run", folder.path + "/none").code == "fileNotFound")
            #expect(try complaint("run", folder.path).code == "notRegularFile")
            #expect(mkfifo(folder.path + "/fifo.py", 0o600) == 0)
            #expect(try complaint("run", folder.path + "/fifo.py").code == "notRegularFile")
            let unknown = try complaint("run", folder.put("a.zig", "x"))
            #expect(unknown.code == "invalidArgument" && unknown.hint?.contains("--language") == true)
            let large = try folder.put("large.py", "")
            #expect(truncate(large, 1 << 40) == 0)
            #expect(try complaint("run", large).code == "fileTooLarge")
        }

        @Test func help() throws {
            for arguments in [["--help"], ["run", "--help"], ["exec", "-h"], ["help", "run"], []] {
                let run = try SandboxProcess.run(arguments)
                #expect(run.status == 0 && run.err == "" && run.out.contains("USAGE: sandbox"))
            }
            #expect(try SandboxProcess.run(["--version"]).out == libraryVersion + "\n")
        }

        @Test func doctor() throws {
            let table = try SandboxProcess.run(["doctor"])
            #expect(table.status == 0 || table.status == 125)
            #expect(table.out.contains("strongest isolation level"))
            let json = try SandboxProcess.run(["doctor", "--json"]).json
            #expect(
                json.keys == [
                    "schemaVersion", "kernel", "machine", "level", "cgroup", "layers", "disturbances",
                ])
            for layer in json["layers"]?.elements ?? [] {
                #expect(layer.keys == ["name", "available", "detail", "mend"])
            }
            #expect(table.out.contains("disturbs figures"))
            #expect(json["disturbances"]?.elements?.isEmpty == false)
            for disturbance in json["disturbances"]?.elements ?? [] {
                #expect(disturbance.keys == ["name", "present", "detail", "mend"])
            }
            #if Docker
            let without = try SandboxProcess.run(["doctor", "--json"], through: withoutEngine).json
            let docker = without["layers"]?.elements?.first { $0["name"] == "docker" }
            #expect(docker?["available"] == false && docker?["mend"]?.text != nil)
            #endif
        }

        /// The error for a user 0 without a capability, as in some containers, names that capability.
        @Test(.enabled(if: geteuid() == 0, "only user 0 has capabilities to lose"))
        func doctorNamesALackingCapability() throws {
            let without = "exec setpriv --bounding-set=-setgid \"$@\""
            let json = try SandboxProcess.run(["doctor", "--json"], through: without).json
            let entry = json["layers"]?.elements?.first { $0["name"] == "privileges" }
            #expect(entry?["available"] == false)
            for text in [entry?["detail"]?.text, entry?["mend"]?.text] {
                #expect(text?.contains("cap_setgid") == true, "\(text ?? "nothing")")
                #expect(text?.contains("cap_setuid") == false, "\(text ?? "nothing")")
            }
        }

        @Test func cleanup() throws {
            // A host without Docker has nothing to clean up there.
            let run = try SandboxProcess.run(["cleanup"], through: withoutEngine)
            #expect(run.status == 0)
            #expect(run.out == "nothing to remove\n" || run.out.hasPrefix("removed "))
        }
    }
}
#endif
