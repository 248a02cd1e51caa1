// Judges every submission of every problem in a directory:
//     PROBLEM/data/NAME.in, PROBLEM/data/NAME.ans, PROBLEM/submissions/NAME.cpp or NAME.py
import Foundation
import Runners
import Sandbox
import SandboxJudge

func files(in directory: String, _ suffix: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(suffix) }.sorted()
}

func judge(_ problem: String, on backend: LocalBackend) async throws {
    let tests = try files(in: problem + "/data", ".in").map { name in
        let path = problem + "/data/" + name.dropLast(3)
        return TestCase(
            String(name.dropLast(3)), input: .file(path: ByteString(path + ".in")),
            answer: .file(path: ByteString(path + ".ans")))
    }
    for name in try files(in: problem + "/submissions") {
        let source = try Data(contentsOf: URL(fileURLWithPath: problem + "/submissions/" + name))
        let runner: any LanguageRunner = name.hasSuffix(".py") ? PythonRunner() : CppRunner()
        let built = try await runner.build([UInt8](source), RunRequest(), on: backend)
        let title = "\(problem.split(separator: "/").last!)/\(name)"
        guard let program = built.program else {
            print(title, Verdict.compileError)
            continue
        }
        let limits = Limits(wallTime: .seconds(3), cpuTime: .seconds(1), memory: 128 << 20)
        let judge = Judge(
            program, on: backend, checker: FloatChecker(absolute: 1e-6, relative: 1e-6), limits: limits,
            stopsAtFirstFailure: true)
        let summary = try await judge.summary(of: tests)
        let why = summary.decisive.map { "on \($0.name) \($0.message)" } ?? "on all \(summary.tests) tests"
        print(title, summary.verdict, why)
    }
}

let directory = CommandLine.arguments.dropFirst().first ?? "problems"
let backend = LocalBackend()
var status: Int32 = 0
do {
    for problem in try files(in: directory) { try await judge(directory + "/" + problem, on: backend) }
} catch {
    print("error: \(error)")
    status = 1
}
await backend.shutdown()
exit(status)
