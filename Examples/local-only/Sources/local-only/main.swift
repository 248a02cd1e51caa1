import Runners
import Sandbox

let backend = LocalBackend()
let hello = "#include <iostream>\nint main() { std::cout << \"hello from C++\\n\"; }"
let report = try await CppRunner().run(hello, on: backend)
print(report.result?.stdoutText ?? report.compile?.stderrText ?? "")

let failure = try await PythonRunner().run("print('Before error'); 1/0", on: backend)
print(failure.result!.outcome, failure.traceback!.exceptionType)

try await backend.withSandbox { sandbox in
    try await sandbox.write("one\ntwo\n", to: "words.txt")
    let limits = Limits(wallTime: .seconds(2), memory: 64 << 20)
    let sorted = try await sandbox.run(Command("sort", ["-r", "words.txt"]), limits: limits)
    print(sorted.stdoutText, sorted.usage.peakMemory / 1024, "KiB", sorted.isolation.level)
}
await backend.shutdown()
