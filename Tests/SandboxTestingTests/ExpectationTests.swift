/// Tests that a failed expectation shows the whole result, at the test's line.
import Sandbox
import SandboxTesting
import Synchronization
import Testing

/// Runs `body`, in which exactly one issue has to be recorded, and returns it.
func issue(
    sourceLocation: SourceLocation = #_sourceLocation, in body: () async throws -> Void
) async throws -> Issue {
    let found = Mutex<[Issue]>([])
    try await withKnownIssue {
        try await body()
    } matching: { issue in
        found.withLock { $0.append(issue) }
        return true
    }
    let issues = found.withLock { $0 }
    try #require(issues.count == 1, sourceLocation: sourceLocation)
    return issues[0]
}

/// The issue's text.
func text(_ issue: Issue) -> String { issue.comments.map(\.rawValue).joined(separator: "\n") }

@Suite struct ExpectationTests {
    static func result(_ answer: FakeBackend.Answer, limits: Limits = .standard) async throws -> RunResult {
        try await FakeBackend { _ in answer }.run(Command("program"), limits: limits)
    }

    @Test func whatHoldsRecordsNothing() async throws {
        let fine = try await Self.result(.init(stdout: "out", stderr: "err"))
        #expect(expect(fine, exited: 0))
        #expect(expect(fine, exited: 0, stdout: "out", stderr: "err"))
        #expect(expect(fine, .exited(code: 0), stdout: "out"))
        let signaled = try await Self.result(.init(.signaled(signal: 11)))
        #expect(expect(signaled, signaled: 11))
        let limited = try await Self.result(.init(.limitExceeded(.memory)))
        #expect(expect(limited, limitExceeded: .memory))
        let blocked = try await Self.result(.init(.blockedSyscall(name: "bpf")))
        #expect(expect(blocked, blockedSyscall: "bpf"))
        let error = await expectError(.cancelled, .shutDown) { throw SandboxError(.shutDown, message: "m") }
        #expect(error?.message == "m")
    }

    @Test func aFailureShowsStreamsUsageLimitsIsolationAndProvenance() async throws {
        var answer = FakeBackend.Answer(.exited(code: 3), stdout: "what it said\n", stderr: "and why \"not\"")
        answer.usage.peakMemory = 123_456
        answer.limitsHit = [.processes]
        answer.deniedSyscalls = ["socket"]
        let result = try await Self.result(answer, limits: Limits(memory: 77 << 20))
        let issue = try await issue {
            expect(result, exited: 0, "of the third case")
        }
        #expect(issue.sourceLocation?.line == #line - 2)
        #expect(issue.sourceLocation?.fileID == #fileID)
        let text = text(issue)
        for part in [
            "of the third case", "expected exited(code: 0)", "ended with exited(code: 3)", "what it said\\n",
            "and why \\\"not\\\"", "peak memory 123456 (scripted)", "memory \(77 << 20)",
            "limits hit: processes",
            "denied system calls: socket", "strong", "seccomp", "fake (requested: fake)", "sandbox 1",
        ] {
            #expect(text.contains(part), "\(part) is not in:\n\(text)")
        }
    }

    @Test func eachFormCanFail() async throws {
        let result = try await Self.result(.init(.exited(code: 1), stdout: "a"))
        for check: @Sendable () -> Bool in [
            { expect(result, exited: 0) }, { expect(result, signaled: 9) },
            { expect(result, limitExceeded: .wallTime) }, { expect(result, blockedSyscall: "mount") },
            { expect(result, exited: 1, stdout: "b") }, { expect(result, exited: 1, stderr: "a") },
            { expect(result, .limitExceeded(.memory)) },
        ] {
            let issue = try await issue {
                let isSo = check()
                #expect(!isSo, "an expectation that cannot fail")
            }
            #expect(text(issue).contains("stdout: 1 bytes \"a\""))
        }
    }

    @Test func errorsThatWereNotExpected() async throws {
        var found = text(
            try await issue { await expectError(.cancelled) { try await Self.result(.init(stdout: "fine")) } }
        )
        #expect(
            found.contains("expected the error cancelled, but there was none") && found.contains("\"fine\""))
        found = text(
            try await issue {
                await expectError(.cancelled, .shutDown, comment: "after the end") {
                    throw SandboxError(.internalError, message: "a bug")
                }
            })
        #expect(
            found.contains("after the end") && found.contains("cancelled or shutDown")
                && found.contains("a bug"))
    }

    @Test func everyLimitIsShown() {
        var limits = Limits(
            wallTime: .seconds(2), cpuTime: .seconds(3), processes: 5, cpus: 1.5, cpuSet: [2, 0])
        limits.disk = 7
        #expect(
            limits.testDescription == """
                wallTime 2.0 seconds, cpuTime 3.0 seconds, memory \(limits.memory), processes 5, \
                output \(limits.output), fileSize \(limits.fileSize), disk 7, openFiles \(limits.openFiles), \
                stack \(limits.stack), cpus 1.5, cpuSet 0,2
                """)
        #expect(Limits.standard.testDescription.hasSuffix(", cpus all, cpuSet any"))
    }

    @Test func longStreamsAreShownByTheirEnds() async throws {
        let long = "begin" + String(repeating: "x", count: 100_000) + "end"
        var answer = FakeBackend.Answer(stdout: long)
        answer.steps.append(.output(.init(stream: .stderr, bytes: [0x61, 0xff, 0x62])))
        let text = try await Self.result(answer).testDescription
        #expect(text.contains("100008 bytes \"begin") && text.contains("xend\"") && text.utf8.count < 10_000)
        #expect(text.contains("a\\\\xffb"), "\(text)")
        let cut = try await Self.result(answer, limits: Limits(output: 10)).testDescription
        #expect(cut.contains("10 bytes, truncated \"beginxxxxx\""), "\(cut)")
    }
}
