// Interactive problems with real programs: right, wrong, crashing, hostile, and interactors that fail.
#if Judge
import Foundation
import Runners
import Sandbox
import SandboxJudge
import SandboxRuntime
import Testing

@Suite("Interactive problems", .timeLimit(.minutes(5)))
struct InteractiveJudgeTests {
    static let backend = LocalBackend()
    private static let validator = Task {
        try await GuessingGame.program(cpp: GuessingGame.validator, on: backend)
    }

    static let limits = Limits(wallTime: .seconds(60), cpuTime: .seconds(20))

    private func judge(
        _ submission: Program, input: String = "700\n", limits: Limits = limits,
        transcript: TranscriptPolicy = .none
    ) async throws -> InteractiveResult {
        var judge = InteractiveJudge(
            submission: submission, interactor: try await Self.validator.value,
            convention: .outputValidator(),
            on: Self.backend, limits: limits)
        judge.transcript = transcript
        judge.interactorLimits.wallTime = .seconds(2)
        return try await judge.run(TestCase("secret/1", input: .string(input), answer: .string("")))
    }

    private func judge(
        python source: String, input: String = "700\n", limits: Limits = limits,
        transcript: TranscriptPolicy = .none
    ) async throws -> InteractiveResult {
        try await judge(
            GuessingGame.program(python: "import os, sys, time, signal\n" + source), input: input,
            limits: limits,
            transcript: transcript)
    }

    private func expect(
        _ result: InteractiveResult, _ verdict: Verdict, first: String? = nil, _ what: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let submission = result.test.run.map { "\($0.outcome) \($0.stderrText)" } ?? "none"
        #expect(
            result.test.verdict == verdict,
            "\(what) submission \(submission), interactor \(String(describing: result.interactor?.outcome)), \(result.test.judgeError ?? "")",
            sourceLocation: sourceLocation)
        if let first {
            #expect(
                result.conversation?.firstToFail == Precedence(name: first, isCertain: true), "\(what)",
                sourceLocation: sourceLocation)
        }
        #expect((result.test.judgeError != nil) == (verdict == .judgeError), sourceLocation: sourceLocation)
    }

    @Test(
        "Right, in Python and C++, with and without a transcript",
        arguments: [TranscriptPolicy.none, .upTo(10_000)])
    func right(transcript: TranscriptPolicy) async throws {
        let cpp = try await GuessingGame.program(cpp: GuessingGame.fastSearch, on: Self.backend)
        for submission in [cpp, GuessingGame.program(python: GuessingGame.search)] {
            let result = try await judge(submission, transcript: transcript)
            expect(result, .accepted)
            #expect(result.test.check?.message == "found")
            #expect(result.test.check?.teamMessage == "well done")
            #expect(result.conversation?.firstToFail == nil)
            if transcript != .none {
                let entries = result.conversation?.transcript.entries ?? []
                let said = entries.map { String(decoding: $0.bytes, as: UTF8.self) }
                #expect(said.first == "500\n")
                #expect(said.last == "yes\n")
            }
        }
    }

    @Test("Wrong: too many guesses, garbage, silence")
    func wrong() async throws {
        expect(
            try await judge(python: "for i in range(1, 100): print(i, flush=True); input()"), .wrongAnswer,
            first: "interactor")
        for garbage in ["print('maybe', flush=True)", "os.write(1, bytes(range(256)) * 100)"] {
            let result = try await judge(python: garbage + "\nsys.stdin.read()")
            expect(result, .wrongAnswer, first: "interactor", garbage)
            #expect(result.test.check?.message == "not a number")
        }
        expect(try await judge(python: "pass"), .wrongAnswer, first: "interactor", "leaves at once")
    }

    @Test("A crash counts, unless the interactor had rejected before")
    func crash() async throws {
        expect(
            try await judge(python: "print(1, flush=True); os.abort()"), .runtimeError, first: "submission")
        expect(try await judge(python: "sys.exit(3)"), .runtimeError, first: "submission")
        // The rejection ends the submission, or breaks its pipe.
        let flood = "os.write(1, b'x\\n')\nwhile True: os.write(1, b'1' * 4096)"
        expect(try await judge(python: flood), .wrongAnswer, first: "interactor", "flood")
        expect(
            try await judge(python: "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n" + flood), .wrongAnswer,
            first: "interactor", "broken pipe")
        expect(
            try await judge(python: GuessingGame.search + "\nsys.exit(1)"), .runtimeError,
            first: "submission",
            "after its acceptance")
    }

    @Test("Limits and idleness")
    func limits() async throws {
        var short = Self.limits
        short.cpuTime = .milliseconds(300)
        expect(try await judge(python: "while True: pass", limits: short), .timeLimitExceeded)
        short = Self.limits
        short.memory = 32 << 20
        expect(
            try await judge(python: "x = bytearray(200 << 20); print(1)", limits: short), .memoryLimitExceeded
        )
        short = Self.limits
        short.wallTime = .seconds(3)
        expect(try await judge(python: "time.sleep(20)", limits: short), .idle)
        // Both wait for each other: found long before the limit.
        let result = try await judge(python: "input()")
        expect(result, .idle)
        #expect(result.conversation?.deadlock != nil)
        #expect(result.interactor?.outcome == .exited(code: 43), "the interactor says what it makes of it")
        #expect(result.test.check?.message == "no guess")
        // Slow, but alive.
        expect(try await judge(python: "time.sleep(1.5)\n" + GuessingGame.search), .accepted)
    }

    @Test("Hostile: children that keep the pipe, closed streams, a stopped process, refused calls")
    func hostile() async throws {
        let child = "if os.fork() == 0:\n time.sleep(60)\n os._exit(0)\n"
        expect(
            try await judge(python: child + "os._exit(0)"), .wrongAnswer, first: "interactor",
            "keeps the pipe")
        expect(
            try await judge(python: child + GuessingGame.search), .accepted, "keeps the pipe, and is right")
        var short = Self.limits
        short.wallTime = .seconds(3)
        // The interactor sees the end of its output when it has ended, so what it then does has its own verdict.
        let closing = "os.close(1)\nsys.stdout = None\n"
        expect(
            try await judge(python: closing + "time.sleep(30)", limits: short), .idle, "closes, and sleeps")
        for number in 1...10 {
            expect(
                try await judge(
                    python: closing + "os.abort()", transcript: number.isMultiple(of: 2) ? .none : .upTo(1000)
                ),
                .runtimeError, first: "submission", "closes, and crashes")
        }
        expect(try await judge(python: closing + "os._exit(0)"), .wrongAnswer, "closes, and leaves")
        expect(try await judge(python: closing + "sys.stdin.read()"), .idle, "closes, and listens")
        expect(
            try await judge(python: "os.kill(os.getpid(), signal.SIGSTOP)", limits: short), .idle,
            "stops itself")
        expect(
            try await judge(
                python: "import ctypes\nctypes.CDLL(None).mount(b'a', b'/', b'tmpfs', 0, None)\ntime.sleep(9)"
            ),
            .securityViolation, first: "submission")
    }

    @Test("An interactor that fails is the judge's error")
    func failingInteractor() async throws {
        for manner in ["crash", "odd"] {
            expect(
                try await judge(python: GuessingGame.search, input: "700 \(manner)\n"), .judgeError,
                first: "interactor", manner)
        }
        var short = Self.limits
        short.wallTime = .seconds(3)
        for manner in ["sleep", "busy"] {
            let result = try await judge(
                python: "print(1, flush=True); input()", input: "700 \(manner)\n", limits: short)
            expect(result, .judgeError, manner)
        }
    }

    @Test(
        "A program that cannot be started, or has no room, is the submission's fault; a missing input is not")
    func unstartable() async throws {
        let broken = Program(
            language: "cpp", files: [InputFile("main", Array("nonsense".utf8), executable: true)],
            executable: "./main")
        let result = try await judge(broken)
        #expect(result.test.verdict == .compileError)
        #expect(result.test.programError?.isEmpty == false)
        var small = Self.limits
        small.disk = 1 << 20
        let large = try await judge(python: "#" + String(repeating: "x", count: 2 << 20), limits: small)
        #expect(large.test.verdict == .runtimeError, "\(large.test)")
        #expect(large.test.programError?.isEmpty == false)
        let missing = try await InteractiveJudge(
            submission: broken, interactor: broken, convention: .testlib(), on: Self.backend
        ).run(TestCase("1", input: .file(path: "/no/such/file")))
        #expect(missing.test.verdict == .judgeError)
        #expect(missing.test.judgeError?.contains("/no/such/file") == true)
        let interactor = try await InteractiveJudge(
            submission: GuessingGame.program(python: "pass"), interactor: broken, convention: .testlib(),
            on: Self.backend
        ).run(TestCase("1", input: .string("")))
        #expect(interactor.test.verdict == .judgeError)
        #expect(interactor.conversation == nil)
    }

    private struct MostGuesses: Checker {
        let most: Int
        func check(
            _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
        ) async throws(SandboxError) -> CheckResult {
            let count = Int(
                String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
            guard let count else { return CheckResult(.judgeError, message: "no number") }
            return CheckResult(count <= most ? .accepted : .wrongAnswer, message: "\(count) guesses")
        }
    }

    @Test("testlib's convention, with and without a checker of the interactor's output")
    func testlib() async throws {
        func run(_ source: String, input: String = "700", checker: (any Checker)? = nil) async throws
            -> InteractiveResult
        {
            let judge = InteractiveJudge(
                submission: GuessingGame.program(python: source),
                interactor: GuessingGame.program(python: GuessingGame.interactor),
                convention: .testlib(checker: checker), on: Self.backend, limits: Self.limits)
            return try await judge.run(TestCase("1", input: .string(input)))
        }
        let search = GuessingGame.search
        expect(try await run(search), .accepted)
        expect(try await run(search, checker: MostGuesses(most: 10)), .accepted)
        let many = try await run(search, checker: MostGuesses(most: 1))
        expect(many, .wrongAnswer)
        #expect(many.test.check?.message.hasSuffix("guesses") == true)
        let points = try await run(search, input: "500 points")
        expect(points, .accepted)
        #expect(points.test.check?.score == 9)
        expect(try await run("print('x', flush=True)"), .presentationError, first: "interactor")
        expect(try await run("for i in range(1, 20): print(i, flush=True); input()"), .wrongAnswer)
        expect(try await run("import os\nos.abort()"), .runtimeError, first: "submission")
    }

    @Test(
        "An interactor that writes to a submission that has left meets no broken pipe, however much it writes",
        arguments: [TranscriptPolicy.none, .upTo(1000)])
    func lateWriter(transcript: TranscriptPolicy) async throws {
        // Python ends with status 1 for a broken pipe.
        let interactor = """
            import sys
            line = sys.stdin.readline()
            for _ in range(300):
                print("x" * 10000, flush=True)
            sys.exit(43 if not sys.stdin.read() else 1)
            """
        for (submission, verdict) in [
            ("print(1)", Verdict.wrongAnswer), ("import os; os.close(0); print(1, flush=True)", .wrongAnswer),
            ("import os; print(1, flush=True); os.abort()", .runtimeError),
        ] {
            var judge = InteractiveJudge(
                submission: GuessingGame.program(python: submission),
                interactor: GuessingGame.program(python: interactor), convention: .outputValidator(),
                on: Self.backend, limits: Self.limits)
            judge.transcript = transcript
            let result = try await judge.run(TestCase("1", input: .string(""), answer: .string("")))
            expect(result, verdict, submission)
            #expect(result.interactor?.outcome == .exited(code: 43), "\(submission)")
        }
    }

    @Test("Cancelling a test ends both")
    func cancel() async throws {
        let task = Task { try await judge(python: "import time\ntime.sleep(30)") }
        try await Task.sleep(for: .milliseconds(200))
        task.cancel()
        await #expect(throws: SandboxError.self) { try await task.value }
    }
}
#endif
