#if Judge
import Runners
import Sandbox
import SandboxTesting
import Testing

@testable import SandboxJudge

/// Checkers of the tests' own, by the conventions and without their libraries.
private enum CheckerSource {
    /// `checker INPUT OUTPUT ANSWER`: the output's numbers have the answer's sum. What the output says first decides what it
    /// does, so that a test can make it fail.
    static let testlib = """
        #include <csignal>
        #include <cstdio>
        #include <cstdlib>
        #include <cstring>
        #include <fstream>
        #include <iostream>
        #include <string>
        #include <sys/mount.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
            if (argc != 4) return 3;
            std::ifstream input(argv[1]), output(argv[2]), answer(argv[3]);
            std::string what;
            if (!(output >> what)) { std::cerr << "nothing there"; return 8; }
            if (what == "hang") pause();
            if (what == "crash") abort();
            if (what == "flood") for (;;) std::cout << what;
            if (what == "attack") return mount("none", "/tmp", "tmpfs", 0, nullptr) != 0;
            if (what == "kill") return kill(1, 9) == 0 || kill(-1, 9) == 0 ? 0 : 1;
            if (what == "half") { std::cerr << "points 0.5 half of it"; return 7; }
            char *end;
            long sum = strtol(what.c_str(), &end, 10), next, wanted, limit;
            if (*end) { std::cerr << "not a number"; return 2; }
            while (output >> next) sum += next;
            if (!(answer >> wanted) || !(input >> limit)) { std::cerr << "the answer is empty"; return 3; }
            std::cerr << "sum " << sum;
            return sum == wanted && sum <= limit ? 0 : 1;
        }
        """

    /// `validator INPUT ANSWER FEEDBACK/ WORD`.
    static let validator = """
        import os, sys
        limit = int(open(sys.argv[1]).read())
        wanted = int(open(sys.argv[2]).read())
        feedback = sys.argv[3]
        assert feedback.endswith("/") and os.listdir(feedback) == []
        output = sys.stdin.buffer.read()
        def say(name, text):
            with open(feedback + name, "w") as file: file.write(text)
        if output == b"link":
            os.symlink("/etc/passwd", feedback + "judgemessage.txt")
            sys.exit(43)
        if output == b"flood":
            for _ in range(1 << 20): say("judgemessage.txt", "x" * (1 << 20))
        if output == b"fill":
            with open(feedback + "judgemessage.txt", "wb") as file:
                for _ in range(1 << 20): file.write(b"x" * (1 << 20))
        if not output.split():
            raise ValueError("empty")
        say("judgemessage.txt", f"{sys.argv[4]}: {len(output)} bytes")
        say("teammessage.txt", "look again")
        if sum(map(int, output.split())) != wanted or wanted > limit: sys.exit(43)
        say("score.txt", "2.5")
        sys.exit(42)
        """
}

@Suite("Checker programs in real sandboxes", .serialized)
struct LocalCheckerTests {
    private let test = TestCase("t", input: .string("100\n"), answer: .string("42\n"))
    private let limits: Limits = {
        var limits = Limits.checker
        limits.wallTime = .seconds(60)
        limits.cpuTime = .seconds(10)
        limits.output = 64 << 10
        limits.fileSize = 8 << 20
        limits.memory = 256 << 20
        return limits
    }()

    @Test("By testlib's convention in C++; its crash, flood, time-out and attack are a judge error")
    func testlib() async throws {
        try await withLocalBackend { backend in
            let built = try await CppRunner(flags: ["-O1"]).build(CheckerSource.testlib, on: backend)
            let program = try #require(built.program, "\(built.compile?.stderrText ?? "")")
            var checker = TestlibChecker(program, limits: limits)
            let expected: [(String, Verdict, String)] = [
                ("40 2", .accepted, "sum 42"), ("40 3", .wrongAnswer, "sum 43"),
                ("forty", .presentationError, "not"),
                ("", .presentationError, "nothing there"), ("crash", .judgeError, "signal 6"),
                ("flood", .judgeError, "output"), ("attack", .judgeError, "mount"),
                ("half", .accepted, "half of it"),
                // It reaches no process but its own: the kill fails, and it says that the answer is wrong.
                ("kill", .wrongAnswer, ""),
            ]
            for (output, verdict, words) in expected {
                let result = try await checker.check(Array(output.utf8), of: test, on: backend)
                #expect(result.verdict == verdict, "\(output): \(result.message)")
                #expect(result.message.contains(words), "\(result.message)")
                #expect(result.score == (output == "half" ? 0.5 : nil))
            }
            checker.limits.wallTime = .seconds(1)
            let hung = try await checker.check(Array("hang".utf8), of: test, on: backend)
            #expect(hung.verdict == .judgeError)
            #expect(hung.message.contains("wallTime"))
            let unanswered = TestCase("t", input: .string("100"))
            #expect(
                try await checker.check(Array("42".utf8), of: unanswered, on: backend).verdict == .judgeError)
        }
    }

    @Test("By the package formats' convention in Python, with its feedback")
    func validator() async throws {
        try await withLocalBackend { backend in
            let program = try #require(
                try await PythonRunner().build(CheckerSource.validator, on: backend).program)
            let validator = OutputValidator(program, arguments: ["word"], limits: limits)
            func check(_ output: [UInt8]) async throws -> CheckResult {
                try await validator.check(output, of: test, on: backend)
            }
            let right = try await check(Array("40\n2\n".utf8))
            #expect(
                right
                    == CheckResult(.accepted, score: 2.5, message: "word: 5 bytes", teamMessage: "look again")
            )
            #expect(try await check(Array("43".utf8)).verdict == .wrongAnswer)
            let crashed = try await check([])
            #expect(crashed.verdict == .judgeError)
            #expect(crashed.message.contains("ValueError: empty"))
            // Its file is no link to elsewhere, and no flood of it is read.
            #expect(try await check(Array("link".utf8)) == CheckResult(.wrongAnswer))
            let filled = try await check(Array("fill".utf8))
            #expect(filled.verdict == .judgeError)
            #expect(filled.message.utf8.count < 10_000)
        }
    }

    @Test("A submission's output reaches a checker as bytes, whatever they are")
    func outputs() async throws {
        let source = """
            import hashlib, sys
            output = sys.stdin.buffer.read()
            answer = open(sys.argv[2]).read()
            sys.exit(42 if hashlib.sha256(output).hexdigest() == answer else 43)
            """
        try await withLocalBackend { backend in
            let program = try #require(try await PythonRunner().build(source, on: backend).program)
            let validator = OutputValidator(program)
            let bytes = (0..<256).map { UInt8($0) }
            // The digest of the 256 bytes, by any other tool.
            var test = TestCase(
                "t", input: .string(""),
                answer: .string("40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880"))
            #expect(try await validator.check(bytes, of: test, on: backend).verdict == .accepted)
            test.input = .bytes([UInt8](repeating: 0x0a, count: 4 << 20))
            let large = [UInt8](repeating: 0, count: 4 << 20)
            #expect(try await validator.check(large, of: test, on: backend).verdict == .wrongAnswer)
        }
    }

    @Test("A batch with a checker program: its failure is a judge error, a submission's is not")
    func batch() async throws {
        try await withLocalBackend { backend in
            let checker = try #require(
                try await CppRunner(flags: ["-O1"]).build(CheckerSource.testlib, on: backend).program)
            let echo = try #require(
                try await PythonRunner().build("print(open(0).read().split(' ', 1)[1])", on: backend).program)
            let outputs: [(String, Verdict)] = [
                ("40 2", .accepted), ("1", .wrongAnswer), ("crash", .judgeError), ("attack", .judgeError),
                ("half", .accepted),
            ]
            let tests = outputs.map {
                TestCase($0.0, input: .string("100 " + $0.0), answer: .string("42"))
            }
            let judge = Judge(echo, on: backend, checker: TestlibChecker(checker, limits: limits), jobs: 2)
            var verdicts: [String: Verdict] = [:]
            let summary = try await judge.summary(of: tests) { verdicts[$0.name] = $0.verdict }
            for (name, verdict) in outputs { #expect(verdicts[name] == verdict, "\(name)") }
            #expect(summary.score == 0.5)
        }
    }
}
#endif
