import Runners
import Sandbox

let backend = LocalBackend()
let runner = PerlRunner()

let sum = try await runner.run(
    "my ($a, $b) = split ' ', <STDIN>; print $a + $b, qq{\\n};", stdin: .string("3 4\n"), on: backend)
print("collected:", sum.result?.stdoutText ?? "", terminator: "")

let request = RunRequest(arguments: ["x", "y"])
let (_, lines) = try await runner.run(Array("print qq{<$_>\\n} for @ARGV;".utf8), request, on: backend) {
    execution in
    var lines: [String] = []
    for await line in execution.standardOutput.lines() { lines.append(line) }
    return lines
}
print("streamed:", lines ?? [])

let built = try await runner.build("print 2 * <STDIN>, qq{\\n};", on: backend)
for number in [1, 2] {
    let report = try await built.program?.run(stdin: .string("\(number)\n"), on: backend)
    print("built once:", report?.result?.stdoutText ?? "", terminator: "")
}

let death = try await runner.run("\nmy $n = shift // 0;\nprint 1 / $n;\n", on: backend)
print("died:", death.details.map { "\($0)" } ?? "no details", death.result?.outcome ?? "not run")
await backend.shutdown()
