// Validators that bring their own `build` and `run` scripts.
#if Judge
import Sandbox
import SandboxJudge
import Testing

@Suite("Programs of packages with scripts of their own", .timeLimit(.minutes(5)))
struct ScriptTests {
    private func judge(_ changes: [String: String?]) async throws -> PackageReport {
        let fixture = try PackageFixture(changes)
        var report: PackageReport?
        try await withPackageBackend { backend in
            report = try await PackageJudge(try fixture.read(), on: backend).judge()
        }
        return try #require(report)
    }

    /// Compiles a validator that accepts what is the answer behind a word that the build wrote.
    private static let built: [String: String?] = [
        "output_validator/build":
            "#!/bin/sh\nset -e\nmkdir deep\necho right > deep/word\ngcc -o deep/check check.c\n",
        "output_validator/check.c": """
        #include <stdio.h>
        int main(int count, char **words) {
            char word[9] = "", answer[99] = "", output[99] = "";
            FILE *kept = fopen("deep/word", "r"), *file = fopen(words[2], "r");
            if (count != 5 || !kept || !file || fscanf(kept, "%8s", word) != 1 || fscanf(file, "%98s", answer) != 1)
                return 1;
            return scanf("%98s", output) == 1 && word[0] == 'r' && output[0] == answer[0] ? 42 : 43;
        }
        """,
        "output_validator/run": "#!/bin/sh\nexec ./deep/check \"$@\" more\n",
        "submissions/wrong_answer/b.py": "print(7)\n",
    ]

    @Test("What a build leaves goes with the program, and run starts it with the arguments")
    func buildAndRun() async throws {
        let report = try await judge(Self.built)
        #expect(report.submissions.map(\.verdict) == [.accepted, .wrongAnswer], "\(report.issues)")
        #expect(report.allAsExpected)
    }

    @Test("A run script alone is a program")
    func runAlone() async throws {
        let report = try await judge([
            "input_validators/v.py": nil,
            "input_validators/v/run": "#!/bin/sh\nread number\n[ \"$number\" = 1 ] && exit 42\nexit 1\n",
            "data/secret/2.in": "2\n", "data/secret/2.ans": "2\n",
        ])
        #expect(
            report.issues.filter { $0.severity == .error }.map(\.file) == ["data/secret/2.in"],
            "\(report.issues)")
    }

    @Test(
        "A script that fails, is not executable, or leaves no program ends judging",
        arguments: [
            (["output_validator/build": "#!/bin/sh\necho no such luck >&2\nexit 3\n"], "no such luck"),
            (["output_validator/build": "exit 0\n"], "its build is not executable"),
            (["output_validator/run": "exec ./deep/check\n"], "its run is not executable"),
            (["output_validator/run": nil], "no executable file `run`"),
            (["output_validator/build": "#!/bin/sh\nmkfifo run2\nrm run\n"], "no executable file `run`"),
            (["output_validator/build": "#!/bin/sh\nkill -9 $$\n"], "does not compile"),
            (["output_validator/build": "#!/no/such/shell\n"], "build"),
        ] as [([String: String?], String)])
    func failures(changes: [String: String?], words: String) async throws {
        let report = try await judge(Self.built.merging(changes) { $1 })
        let errors = report.issues.filter { $0.severity == .error }
        #expect(errors.map(\.rule) == [.doesNotBuild] && report.hasJudgeError, "\(report.issues)")
        #expect(errors.first?.message.contains(words) == true, "\(errors)")
        #expect(report.submissions.isEmpty)
    }

    @Test("A submission brings no scripts: its run is a file like another")
    func submission() async throws {
        let report = try await judge([
            "submissions/accepted/a.py": nil, "submissions/accepted/a/main.py": "print(input())\n",
            "submissions/accepted/a/run": "#!/bin/sh\necho 7\n",
        ])
        #expect(report.allAsExpected, "\(report.submissions)")
    }
}
#endif
