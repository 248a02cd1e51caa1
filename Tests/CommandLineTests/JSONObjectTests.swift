/// Tests the JSON objects key by key, without running anything.

#if CLI
import Foundation
import Runners
import Sandbox
import SandboxRuntime
import Testing

@testable import SandboxCLI
import ArgumentParser

@Suite struct JSONObjectTests {
    private static let usage = Usage(
        wallTime: .milliseconds(10), cpuTime: .milliseconds(8), userTime: .milliseconds(6),
        systemTime: .milliseconds(2), cpuSource: .cgroup, peakMemory: 1234, memorySource: .cgroup,
        residentPeak: 1000, residentSource: .sampled, peakProcesses: 1, processesSource: .cgroup)

    private static func result(
        _ outcome: Outcome = .exited(code: 0), stdout: [UInt8] = [], stderr: [UInt8] = []
    ) -> RunResult {
        RunResult(
            outcome: outcome, limitsHit: [.fileSize], deniedSyscalls: ["bpf"], stdout: stdout,
            stderr: stderr,
            stdoutTruncated: false, stderrTruncated: true, usage: usage, limits: .standard,
            isolation: IsolationReport(
                level: .strong, layers: [.seccomp, .landlock], missing: [.cgroupCPU], cgroup: .v1,
                reasons: ["why"], holes: ["what"]),
            provenance: Provenance(
                kind: .local, requested: "local", instance: "host:1:1", sandbox: "slot-0", image: "host",
                hostPID: 7))
    }

    private func json(
        _ result: RunResult?, compile: CompileReport? = nil, files: [ByteString: FileObject] = [:],
        choice: BackendChoice = .local, fallbackReason: String? = nil
    ) throws -> JSONValue {
        let command = try SandboxTool.parse(subcommand: ["exec", "true"])
        let shared = try #require(command as? ExecCommand).shared
        let report = ResultReport(
            plan: try RunPlan(shared), compile: compile, compileLimits: .compile,
            run: FinishedRun(result: result), choice: choice, fallbackReason: fallbackReason)
        return try JSONValue.parse(try JSONText.encode(try report.object(), files: files))
    }

    @Test func theWholeObject() throws {
        let file = FileObject(
            name: "plot.png", bytes: 3, mediaType: "image/png", path: "/x/plot.png")
        let value = try json(Self.result(stdout: Array("ä/\n".utf8)), files: ["plot.png": file])
        #expect(
            value
                == .object([
                    "schemaVersion": 1, "outcome": ["kind": "exited", "code": 0],
                    "limitsHit": ["fileSize"],
                    "deniedSyscalls": ["bpf"], "stdout": "ä/\n", "stderr": "", "stdoutTruncated": false,
                    "stderrTruncated": true,
                    "usage": [
                        "wallSeconds": 0.01, "cpuSeconds": 0.008, "userSeconds": 0.006,
                        "systemSeconds": 0.002,
                        "cpuSource": "cgroup", "peakMemoryBytes": 1234, "residentPeakBytes": 1000,
                        "memorySource": "cgroup", "memoryResolutionBytes": 0, "peakProcesses": 1,
                    ],
                    "limits": [
                        "wallSeconds": 20, "cpuSeconds": 10, "memoryBytes": 268_435_456, "processes": 64,
                        "outputBytes": 1_048_576, "fileSizeBytes": 67_108_864, "diskBytes": 134_217_728,
                        "openFiles": 256, "stackBytes": 67_108_864,
                    ],
                    "backend": [
                        "kind": "local", "requested": "local", "fallbackReason": .null,
                        "instance": "host:1:1",
                        "sandbox": "slot-0", "image": "host", "imageDigest": .null, "engine": .null,
                        "attempt": 1,
                        "library": .string(libraryVersion), "hostPid": 7,
                    ],
                    "isolation": [
                        "level": "strong", "layers": ["seccomp", "landlock"], "missing": ["cgroupCPU"],
                        "reasons": ["why"],
                        "holes": ["what"],
                        "cgroup": "v1",
                    ],
                    "files": ["plot.png": ["bytes": 3, "mediaType": "image/png", "path": "/x/plot.png"]],
                    "compile": .null,
                ]))
    }

    @Test func everyLimitIsAKey() throws {
        var limits = Limits.standard
        let without = try JSONValue.parse(try JSONText.encode(LimitsObject(limits)))
        limits.cpus = 1.5
        limits.cpuSet = [3, 0]
        let object = try JSONValue.parse(try JSONText.encode(LimitsObject(limits)))
        #expect(object.keys == Set(LimitDescription.all.map(\.key)))
        #expect(object["cpus"] == .number(1.5) && object["cpuSet"] == .array([.number(0), .number(3)]))
        #expect(without.keys == object.keys.subtracting(["cpus", "cpuSet"]))
    }

    @Test func outcomes() throws {
        #expect(
            try json(Self.result(.signaled(signal: 11)))["outcome"]
                == ["kind": "signaled", "signal": 11, "name": "SIGSEGV"])
        #expect(
            try json(Self.result(.blockedSyscall(name: "socket")))["outcome"]
                == ["kind": "blockedSyscall", "syscall": "socket"])
        for kind in LimitKind.allCases {
            #expect(
                try json(Self.result(.limitExceeded(kind)))["outcome"]
                    == ["kind": "limitExceeded", "limit": .string(kind.rawValue)])
        }
    }

    @Test func bytesThatAreNotUTF8() throws {
        let bytes: [UInt8] = [0x61, 0xFF, 0x62]
        let value = try json(Self.result(stdout: bytes, stderr: [0xC3, 0xA4, 0]))
        #expect(value["stdout"] == "a\u{FFFD}b")
        #expect(value["stdoutBase64"] == .string(Data(bytes).base64EncodedString()))
        #expect(value["stderr"] == "ä\0")
        #expect(value["stderrBase64"] == nil)
    }

    @Test func failedCompilation() throws {
        let diagnostic = Diagnostic(file: "main.cpp", line: 1, severity: .error, message: "no")
        let report = CompileReport(
            result: Self.result(.exited(code: 1), stderr: Array("no\n".utf8)), diagnostics: [diagnostic])
        let value = try json(nil, compile: report)
        #expect(value["outcome"] == .null)
        #expect(value["usage"] == .null)
        #expect(value["stdout"] == "" && value["stderr"] == "")
        #expect(value["limitsHit"] == [] && value["deniedSyscalls"] == [])
        #expect(value["backend"]?["sandbox"] == "slot-0")
        #expect(value["compile"]?["outcome"] == ["kind": "exited", "code": 1])
        #expect(value["compile"]?["stderr"] == "no\n")
        #expect(value["compile"]?["usage"]?["cpuSource"] == "cgroup")
        #expect(
            value["compile"]?["diagnostics"] == [
                [
                    "file": "main.cpp", "line": 1, "column": .null, "severity": "error", "message": "no",
                    "option": .null,
                ]
            ])
    }

    @Test func fallback() throws {
        let value = try json(Self.result(), choice: .auto, fallbackReason: "no engine")
        #expect(value["backend"]?["kind"] == "local")
        #expect(value["backend"]?["requested"] == "auto")
        #expect(value["backend"]?["fallbackReason"] == "no engine")
    }

    @Test func nothingAtAllIsAnError() throws {
        #expect(throws: SandboxError.self) { try self.json(nil) }
    }

    @Test func errors() throws {
        let error = SandboxError(.fileNotFound, message: "no 'a/b'")
        let object = ErrorReportObject(
            error: ErrorObject(error, status: 125),
            backend: BackendObject(BackendChoice.docker.unanswered(image: "python:3")))
        #expect(
            try JSONValue.parse(try JSONText.encode(object))
                == [
                    "schemaVersion": 1,
                    "error": [
                        "code": "fileNotFound", "stage": .null, "errno": 0, "message": "no 'a/b'",
                        "hint": .null, "exitStatus": 125,
                    ],
                    "backend": [
                        "kind": "docker", "requested": "docker", "fallbackReason": .null, "instance": "",
                        "sandbox": "", "image": "python:3", "imageDigest": .null, "engine": .null,
                        "attempt": 1,
                        "library": .string(libraryVersion), "hostPid": .number(Double(getpid())),
                    ],
                ])
    }

    @Test func oneLine() throws {
        let text = try JSONText.encode(["b": "x\n/", "a": "y"])
        #expect(String(decoding: text, as: UTF8.self) == "{\"a\":\"y\",\"b\":\"x\\n/\"}\n")
    }

    @Test func host() throws {
        let report = HostReport(
            kernel: "6.1", machine: "x86_64",
            entries: [HostReport.Entry(name: "seccomp", isAvailable: true, detail: "works")], level: nil,
            cgroup: .none,
            disturbances: [HostReport.Disturbance(name: "load", isPresent: false, detail: "0.1")])
        #expect(
            try JSONValue.parse(try JSONText.encode(HostObject(report)))
                == [
                    "schemaVersion": 1, "kernel": "6.1", "machine": "x86_64", "level": .null,
                    "cgroup": "none",
                    "layers": [["name": "seccomp", "available": true, "detail": "works", "mend": .null]],
                    "disturbances": [["name": "load", "present": false, "detail": "0.1", "mend": .null]],
                ])
    }
}
#endif
