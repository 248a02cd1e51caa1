import Grader
import SandboxAPI
import SandboxTesting
import Testing

/// Tests with real programs, on this host alone: no Docker, no root, no image.
@Suite(.sandboxed, .requires(.standard)) struct GraderTests {
    let grader = Grader()

    @Test(arguments: [
        ("read n; echo $((n * 2))", Verdict.accepted), ("echo 41", .wrongAnswer), ("exit 1", .failed),
        ("kill -SEGV $$", .failed),
    ])
    func verdicts(submission: String, verdict: Verdict) async throws {
        let found = try await grader.grade(submission, input: "21\n", answer: "42\n", on: TestBackend.current)
        #expect(found == verdict)
    }

    @Test func whatASubmissionDoes() async throws {
        let limits = Limits(wallTime: .seconds(20), cpuTime: .milliseconds(200))
        let loop = try await TestBackend.current.run(
            Command("/bin/sh", ["-c", "echo begun; while :; do :; done"]), limits: limits)
        expect(loop, limitExceeded: .cpuTime, stdout: "begun\n")
        await expectError(.executableNotFound) { try await TestBackend.current.run(Command("./missing")) }
    }

    /// Skipped with the reason where the host cannot do it; with `MUST_WORK=1` it fails instead.
    @Test(.requires(.strong)) func memoryIsAccountedFor() async throws {
        let grow = Command("/bin/sh", ["-c", "x=xxxxxxxx; while :; do x=$x$x; done"])
        let result = try await TestBackend.current.run(grow, limits: Limits(memory: 32 << 20))
        expect(result, limitExceeded: .memory)
        #expect(result.usage.memorySource == .cgroup)
    }
}

/// For tests that need an engine: skipped where none answers.
@Suite struct EngineTests {
    @Test(.requires(.engine)) func onlyWithAnEngine() {}
}

/// Tests without any program: a script says what a submission does, and delays take no time.
@Suite struct GraderScriptTests {
    @Test func aSlowSubmissionIsTooSlow() async throws {
        let backend = FakeBackend(clock: ImmediateClock())
        backend.enqueue(.init(delay: .seconds(60)), .init(stdout: "42\n", delay: .seconds(4)))
        let grader = Grader()
        #expect(try await grader.grade("slow", input: "", answer: "42\n", on: backend) == .tooSlow)
        #expect(try await grader.grade("quick", input: "", answer: "42\n", on: backend) == .accepted)
        #expect(backend.runs.map(\.command.arguments.last) == ["slow", "quick"])
        #expect(backend.runs.allSatisfy { $0.limits == grader.limits })
    }

    @Test func theSandboxsFailureIsNoVerdict() async throws {
        let backend = FakeBackend()
        backend.enqueue(failure: SandboxError(.hostOutOfMemory, message: "the host has none left"))
        await expectError(.hostOutOfMemory) {
            try await Grader().grade("any", input: "", answer: "", on: backend)
        }
    }

    /// A clock on which every sleep ends at once.
    struct ImmediateClock: Clock {
        var now: ContinuousClock.Instant { ContinuousClock.now }
        var minimumResolution: Duration { .zero }
        func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
            try Task.checkCancellation()
        }
    }
}
