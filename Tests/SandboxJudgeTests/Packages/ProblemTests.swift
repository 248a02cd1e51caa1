/// Judges the problems of Tests/Problems in real sandboxes: each submission gets what its package expects.

#if Judge
import Foundation
import Runners
import Sandbox
import SandboxJudge
import Testing

@Suite("Problems of every format")
struct ProblemTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Problems").standardized.path

    private static let names = [
        "sum", "splitting", "levels", "medals", "relay", "answers", "minimum", "doubling", "guess",
        "hidden", "whispers", "quorum",
    ]

    private static func read(_ name: String) throws -> ProblemPackage {
        try ProblemPackage.read(ByteString(directory + "/" + name))
    }

    /// The package without the submissions whose language's toolchain this host lacks, each printed.
    private static func withToolchains(
        _ package: ProblemPackage, _ backend: any SandboxBackend
    ) async throws -> ProblemPackage {
        if package.isSubmitAnswer || ProcessInfo.processInfo.environment["MUST_WORK"] == "1" {
            return package
        }
        let catalog = try LanguageCatalog()
        var here = package
        here.submissions = []
        for submission in package.submissions {
            let language = submission.program.files.lazy.compactMap { catalog.language(of: $0.path) }.first
            if let language {
                let toolchain = try await language.toolchain(in: SandboxOptions(), on: backend)
                if !toolchain.isComplete {
                    print(
                        "skipped \(submission.program.path): there is no \(toolchain.missing); MUST_WORK=1 runs it"
                    )
                    continue
                }
            }
            here.submissions.append(submission)
        }
        return here
    }

    private static func verdicts(_ report: PackageReport) -> [String] {
        report.submissions.map { submission in
            let tests = submission.tests.map { "\($0.name)=\($0.verdict)" }.joined(separator: " ")
            return "\(submission.path) \(submission.verdict) \(submission.score ?? -1) \(tests)"
        }
    }

    @Test(
        "Every submission gets what is expected, three times the same",
        arguments: names)
    func problem(name: String) async throws {
        try await withPackageBackend { backend in
            let package = try await Self.withToolchains(try Self.read(name), backend)
            var seen: Set<[String]> = []
            for _ in 1...3 {
                let report = try await PackageJudge(package, on: backend, jobs: 2).judge()
                #expect(report.issues.filter { $0.severity == .error } == [])
                for submission in report.submissions {
                    #expect(submission.failures == [], "\(submission.path)")
                }
                #expect(report.submissions.count == package.submissions.count && !report.submissions.isEmpty)
                #expect(report.allAsExpected)
                seen.insert(Self.verdicts(report))
            }
            #expect(seen.count == 1, "\(seen)")
        }
    }

    @Test("All problems of the directory are judged")
    func all() throws {
        let found = try FileManager.default.contentsOfDirectory(atPath: Self.directory)
        #expect(Set(found) == Set(Self.names))
    }

    @Test("A test of several passes holds one sandbox at a time", arguments: [("relay", 1), ("whispers", 2)])
    func smallPool(name: String, sandboxes: Int) async throws {
        let package = try Self.read(name)
        let backend = LocalBackend(LocalBackend.Configuration(minimum: 0, maximum: sandboxes))
        let report: PackageReport
        do {
            report = try await PackageJudge(package, on: backend, jobs: 6).judge(
                package.submissions.filter { $0.program.path.description.hasSuffix(".py") })
        } catch {
            await backend.shutdown()
            throw error
        }
        await backend.shutdown()
        #expect(report.allAsExpected, "\(report.submissions.map(\.failures))")
    }

    @Test("Verdicts are as fine as the sandbox tells them, and judging stops at the first failure")
    func fineVerdicts() async throws {
        try await withPackageBackend { backend in
            let package = try Self.read("sum")
            let names = [
                "greedy.cpp": Verdict.memoryLimitExceeded, "flood.cpp": .outputLimitExceeded,
                "hostile.cpp": .securityViolation, "idle.py": .idle,
            ]
            let chosen = package.submissions.filter { names[$0.program.name] != nil }
            let report = try await PackageJudge(package, on: backend, jobs: 2, stopsAtFirstFailure: true)
                .judge(chosen)
            #expect(report.submissions.count == 4)
            for submission in report.submissions {
                #expect(submission.verdict == names[submission.path.parts.last?.text ?? ""])
                let verdicts = submission.tests.map(\.verdict)
                #expect(verdicts.dropLast().allSatisfy { $0 == .accepted }, "\(submission.path): \(verdicts)")
                #expect(verdicts.last == submission.verdict, "\(submission.path): \(verdicts)")
            }
        }
    }

    @Test("An unexpected verdict, one expected elsewhere, and a submission that does not compile are told")
    func unexpected() async throws {
        try await withPackageBackend { backend in
            let fixture = try PackageFixture([
                "submissions/accepted/a.py": "print(0)\n", "submissions/accepted/b.cpp": "int main( {",
                "submissions/wrong_answer/c.py": "print(input())\n",
            ])
            let report = try await PackageJudge(try fixture.read(), on: backend).judge()
            #expect(report.submissions.map(\.verdict) == [.wrongAnswer, .compileError, .accepted])
            #expect(report.submissions.map(\.expected) == [[.accepted], [.accepted], [.wrongAnswer]])
            #expect(report.submissions.allSatisfy { !$0.asExpected } && !report.hasJudgeError)
            #expect(report.submissions[1].compile?.diagnostics.isEmpty == false)
            #expect(report.submissions[2].failures == ["no test is WA"])
        }
    }
}

/// Gives a local backend for packages, and shuts it down whatever happens.
func withPackageBackend(_ body: (LocalBackend) async throws -> Void) async throws {
    let backend = LocalBackend(LocalBackend.Configuration(minimum: 0, maximum: 4))
    do {
        try await body(backend)
    } catch {
        await backend.shutdown()
        throw error
    }
    await backend.shutdown()
}
#endif
