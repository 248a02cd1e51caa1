import Runners
import Sandbox
import SandboxJudge

func python(_ source: String) -> Program {
    Program(
        language: .python, files: [InputFile("main.py", Array(source.utf8))], executable: "python3",
        arguments: ["main.py"])
}

// The problem package format's output validator: 42 accepts, 43 rejects.
let interactor = python(
    """
    import sys
    number = int(open(sys.argv[1]).read())
    for _ in range(10):
        guess = sys.stdin.readline().strip()
        if not guess.isdigit(): sys.exit(43)
        if int(guess) == number: print("yes", flush=True); sys.exit(42)
        print("higher" if int(guess) < number else "lower", flush=True)
    sys.exit(43)
    """)
let search = python(
    """
    low, high = 1, 1000
    while True:
        middle = (low + high) // 2
        print(middle, flush=True)
        answer = input()
        if answer == "yes": break
        if answer == "higher": low = middle + 1
        else: high = middle - 1
    """)

let backend = LocalBackend()
for (name, submission) in [("search", search), ("waits", python("input()")), ("crashes", python("1 / 0"))] {
    var judge = InteractiveJudge(
        submission: submission, interactor: interactor, convention: .outputValidator(), on: backend)
    judge.transcript = .upTo(1 << 16)
    let result = try await judge.run(TestCase("secret/1", input: .string("700")))
    print(
        "\(name):", result.test.verdict, "- failed first:", result.conversation?.firstToFail?.name ?? "nobody"
    )
    for entry in result.conversation?.transcript.entries.prefix(3) ?? [] {
        let said = String(decoding: entry.bytes, as: UTF8.self).split(separator: "\n").joined(separator: " ")
        print(entry.connection == 0 ? "  submission:" : "  interactor:", said)
    }
}
await backend.shutdown()
