// A problem for the tests: guess a number between 1 and 1000 with at most ten questions.
#if Judge
import Foundation
import Runners
import Sandbox
import SandboxJudge

enum GuessingGame {
    static let python = "/usr/bin/python3"

    static func program(python source: String) -> Program {
        Program(
            language: "python", files: [InputFile("main.py", Array(source.utf8))],
            executable: ByteString(python),
            arguments: ["main.py"])
    }

    /// Compiles in a sandbox.
    static func program(cpp source: String, on backend: some SandboxBackend) async throws -> Program {
        try await backend.withSandbox { sandbox in
            try await sandbox.write(source, to: "main.cpp")
            let result = try await sandbox.run(
                Command("g++", ["-O1", "-static", "main.cpp", "-o", "main"]), limits: .compile)
            guard result.outcome.isSuccess else { throw CompileFailure(words: result.stderrText) }
            return Program(
                language: "cpp",
                files: [
                    InputFile("main", try await sandbox.read("main", maxBytes: 64 << 20), executable: true)
                ],
                executable: "./main")
        }
    }

    struct CompileFailure: Error { var words: String }

    /// The output validator of the problem package format, in C++. Its input has the number; it also may be told to
    /// misbehave.
    static let validator = """
        #include <fstream>
        #include <iostream>
        #include <string>
        #include <unistd.h>
        #include <csignal>
        int main(int argc, char **argv) {
            signal(SIGPIPE, SIG_IGN);
            std::ifstream input(argv[1]);
            std::ofstream words(std::string(argv[3]) + "judgemessage.txt"), team(std::string(argv[3]) + "teammessage.txt");
            int number;
            std::string manner;
            input >> number >> manner;
            if (manner == "crash") abort();
            if (manner == "sleep") sleep(100);
            if (manner == "odd") return 7;
            if (manner == "busy") { volatile unsigned x = 0; for (;;) x = x + 1; }
            for (int i = 0; i < 10; i++) {
                std::string guess;
                if (!(std::cin >> guess)) { words << "no guess"; return 43; }
                if (guess.size() > 9 || guess.find_first_not_of("0123456789") != std::string::npos) { words << "not a number"; return 43; }
                int value = std::stoi(guess);
                if (value == number) { words << "found"; team << "well done"; std::cout << "yes" << std::endl; return 42; }
                std::cout << (value < number ? "higher" : "lower") << std::endl;
            }
            words << "too many guesses";
            return 43;
        }
        """

    /// The same by testlib's convention, without testlib: it writes how many guesses it took.
    static let interactor = """
        import sys
        number = int(open(sys.argv[1]).read().split()[0])
        for i in range(1, 11):
            line = sys.stdin.readline().strip()
            if not line.isdigit():
                print("not a number", file=sys.stderr)
                sys.exit(2)
            if int(line) == number:
                print("yes", flush=True)
                open(sys.argv[2], "w").write(f"{i}\\n")
                if "points" in open(sys.argv[1]).read():
                    print(f"points {10 - i}", file=sys.stderr)
                    sys.exit(7)
                sys.exit(0)
            print("higher" if int(line) < number else "lower", flush=True)
        sys.exit(1)
        """

    /// Right, in Python.
    static let search = """
        low, high = 1, 1000
        while True:
            middle = (low + high) // 2
            print(middle, flush=True)
            answer = input()
            if answer == "yes": break
            if answer == "higher": low = middle + 1
            else: high = middle - 1
        """

    /// Right, in C++.
    static let fastSearch = """
        #include <iostream>
        #include <string>
        int main() {
            for (int low = 1, high = 1000;;) {
                int middle = (low + high) / 2;
                std::cout << middle << std::endl;
                std::string answer;
                std::cin >> answer;
                if (answer == "yes") return 0;
                if (answer == "higher") low = middle + 1; else high = middle - 1;
            }
        }
        """
}
#endif
