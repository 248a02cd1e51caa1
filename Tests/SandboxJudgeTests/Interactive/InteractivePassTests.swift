// Interactive problems of several passes: what the interactor leaves for the next pass, and what it must not do.
#if Judge
import Runners
import Sandbox
import SandboxJudge
import SandboxRuntime
import Testing

@Suite("Interactive problems of several passes", .timeLimit(.minutes(5)))
struct InteractivePassTests {
    /// Says the input's word, and in a first pass leaves it backwards for the next one.
    private static let interactor = """
        import os, sys
        word, *manner = open(sys.argv[1]).read().split()
        feedback = sys.argv[3]
        print(word, flush=True)
        reply = sys.stdin.readline().strip()
        with open(feedback + "judgemessage.txt", "a") as message:
            print(word, reply, file=message)
        following = feedback + "nextpass.in"
        """

    private func run(
        _ ending: String, submission: String = "print(input()[::-1])", passes: Int = 3,
        on backend: LocalBackend = InteractiveJudgeTests.backend
    ) async throws -> InteractiveResult {
        var judge = InteractiveJudge(
            submission: GuessingGame.program(python: submission),
            interactor: GuessingGame.program(python: Self.interactor + "\n" + ending),
            convention: .outputValidator(), on: backend, limits: InteractiveJudgeTests.limits)
        judge.mostPasses = passes
        return try await judge.run(TestCase("secret/1", input: .string("abc\n"), answer: .string("")))
    }

    /// Asks for another pass with what the submission said, until the third.
    private static let thrice = """
        marks = feedback + "marks/deep/"
        os.makedirs(marks, exist_ok=True)
        seen = sorted(os.listdir(marks))
        if len(seen) == 2:
            mode = os.stat(marks + "run").st_mode & 0o777
            link = os.readlink(marks + "pass0")
            sys.exit(42 if mode == 0o755 and link == "nowhere" else 1)
        if not seen:
            os.symlink("nowhere", marks + "pass0")
            open(marks + "run", "w").close()
            os.chmod(marks + "run", 0o755)
        else:
            sys.exit(1)
        with open(following, "w") as file: print(reply, file=file)
        sys.exit(42)
        """

    @Test("The feedback directory lasts, the next input is what the interactor left, and nothing else does")
    func passes() async throws {
        let result = try await run(Self.thrice)
        #expect(result.test.verdict == .accepted, "\(result.test.message)")
        #expect(result.test.check?.message == "abc cba\ncba abc")
        #expect(result.conversations.count == 2)
        #expect(result.interactor?.outcome == .exited(code: 42))
        // The sandbox itself is another one in each pass.
        let fresh = try await run(
            """
            if os.path.exists("own"): sys.exit(1)
            open("own", "w").close()
            if word == "abc": open(following, "w").write("x")
            sys.exit(42)
            """, submission: "import os\nassert not os.path.exists('o')\nopen('o', 'w')\nprint(input())")
        #expect(fresh.test.verdict == .accepted, "\(fresh.test.message)")
    }

    @Test("The costliest pass gives the figures, and the first that fails the verdict")
    func figures() async throws {
        let busy = """
            word = input()
            if word == "abc":
                sum(range(20_000_000))
            print(word[::-1])
            """
        let ending = """
            if word == "abc": open(following, "w").write("cba")
            sys.exit(42)
            """
        let result = try await run(ending, submission: busy)
        let runs = result.conversations.compactMap { $0[InteractiveJudge.submissionName]?.result }
        #expect(result.test.verdict == .accepted && runs.count == 2)
        #expect(result.test.run?.usage.cpuTime == runs.map(\.usage.cpuTime).max())
        let failed = try await run(ending, submission: busy + "\nif word == 'cba': exit(3)")
        #expect(failed.test.verdict == .runtimeError && failed.test.run?.outcome == .exited(code: 3))
        #expect(failed.conversations.count == 2)
    }

    @Test(
        "What an interactor must not ask for is the judge's error",
        arguments: [
            ("open(following, 'w').write(reply); sys.exit(42)", "asks for more than 3 passes"),
            (
                "open(following, 'w').write(reply); sys.exit(43)",
                "wrote a nextpass.in and exited with status 43"
            ),
            ("os.mkdir(following); sys.exit(42)", "not a regular file"),
            ("os.symlink('/etc/passwd', following); sys.exit(42)", "not a regular file"),
            (
                """
                open(following, 'w').close()
                for index in range(10_100): open(feedback + str(index), 'w').close()
                sys.exit(42)
                """, "cannot be kept for the next pass"
            ),
        ])
    func faults(ending: String, words: String) async throws {
        let result = try await run(ending)
        #expect(result.test.verdict == .judgeError)
        #expect(result.test.judgeError?.contains(words) == true, "\(result.test.message)")
    }

    @Test("A pass that cannot be run is the judge's error, whatever the pass before it got")
    func laterFailure() async throws {
        // A name that nobody could write again.
        let result = try await run(
            """
            if word == "abc":
                open(feedback + "a\\nb", "w").close()
                open(following, "w").write("cba")
            sys.exit(42)
            """)
        #expect(
            result.test.verdict == .judgeError && result.test.judgeError?.isEmpty == false, "\(result.test)")
        #expect(result.test.run == nil && result.test.check == nil && result.conversations.count == 1)
    }

    @Test("Where there is one pass, nextpass.in is a file like another")
    func onePass() async throws {
        let result = try await run("open(following, 'w').write(reply); sys.exit(42)", passes: 1)
        #expect(result.test.verdict == .accepted && result.conversations.count == 1)
    }

    @Test("Several tests at once need no more sandboxes than one pass does")
    func smallPool() async throws {
        let backend = LocalBackend(LocalBackend.Configuration(minimum: 0, maximum: 2))
        let ending = """
            if word == "abc": open(following, "w").write("cba")
            sys.exit(42)
            """
        let verdicts = await withTaskGroup(of: Verdict?.self) { group in
            for _ in 0..<6 { group.addTask { try? await run(ending, on: backend).test.verdict } }
            return await group.reduce(into: [Verdict?]()) { $0.append($1) }
        }
        await backend.shutdown()
        #expect(verdicts == Array(repeating: .accepted, count: 6))
    }
}
#endif
