/// Checks of output that is read while the program runs.

import SandboxAPI
import Synchronization

enum StreamingChecks {
    static let all = [
        conversation, bothStreams, whole, slowConsumer, bound, earlyReturn, throwingBody, errorsFirst,
    ]

    private struct Stop: Error {}

    /// Reads until this many bytes have come, or the end.
    private static func take(_ count: Int, from iterator: inout Execution.Output.AsyncIterator) async
        -> String
    {
        var bytes: [UInt8] = []
        while bytes.count < count, let chunk = await iterator.next() { bytes += chunk.bytes }
        return String(decoding: bytes, as: UTF8.self)
    }

    static let conversation = ConformanceCheck("Each answer of a program comes before the next question") {
        it in
        try await it.withSandbox { sandbox in
            let command = it.shell("echo ready; while read line; do echo \"got $line\"; done")
            let (questions, ask) = AsyncStream<[UInt8]>.makeStream()
            let (result, answers) = try await sandbox.run(
                command, stdin: .stream(questions), limits: ConformanceContext.patient
            ) { execution in
                var iterator = execution.output.makeAsyncIterator()
                var answers = [await take(6, from: &iterator)]
                for question in ["first\n", "second\n"] {
                    ask.yield(Array(question.utf8))
                    answers.append(await take(4 + question.utf8.count, from: &iterator))
                }
                ask.finish()
                answers.append(await take(1, from: &iterator))
                answers.append(await take(1, from: &iterator))
                return answers
            }
            it.expect(result, exited: 0, stdout: "", stderr: "")
            it.check(answers == ["ready\n", "got first\n", "got second\n", "", ""], "answers \(answers)")
        }
    }

    static let bothStreams = ConformanceCheck("Both streams come, each in its order") { it in
        let line = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; exit 3"
        try await it.withSandbox { sandbox in
            let (result, texts) = try await sandbox.run(it.shell(line), limits: ConformanceContext.patient) {
                execution in
                var (out, err): ([UInt8], [UInt8]) = ([], [])
                for await chunk in execution.output {
                    if chunk.stream == .stdout { out += chunk.bytes } else { err += chunk.bytes }
                }
                return [out, err].map { String(decoding: $0, as: UTF8.self) }
            }
            it.expect(result, exited: 3, stdout: "", stderr: "")
            it.check(
                texts == ["out", "err"].map { name in (1...5).map { "\(name) \($0)\n" }.joined() }, "\(texts)"
            )
        }
    }

    private static func stream(
        _ count: Int, output: Int, _ it: ConformanceContext, pause: Duration = .zero
    ) async throws -> (result: RunResult, value: [UInt8]) {
        var limits = ConformanceContext.patient
        limits.output = output
        return try await it.withSandbox { sandbox in
            try await sandbox.run(
                Command(it.tools.cat), stdin: .bytes(ConformanceContext.pattern(count)), limits: limits
            ) { execution in
                var bytes: [UInt8] = []
                for await chunk in execution.output {
                    if bytes.isEmpty, pause > .zero { try await Task.sleep(for: pause) }
                    bytes += chunk.bytes
                }
                return bytes
            }
        }
    }

    static let whole = ConformanceCheck("Streamed output comes whole") { it in
        let (result, bytes) = try await stream(2_000_003, output: 4 << 20, it)
        it.expect(result, exited: 0, stdout: "", stderr: "")
        it.expectEqual(bytes, ConformanceContext.pattern(2_000_003), "streamed output")
    }

    static let slowConsumer = ConformanceCheck("A consumer that is slow loses nothing") { it in
        let (result, bytes) = try await stream(2_000_003, output: 4 << 20, it, pause: .milliseconds(300))
        it.expect(result, exited: 0)
        it.expectEqual(bytes, ConformanceContext.pattern(2_000_003), "streamed output")
    }

    static let bound = ConformanceCheck(
        "The output limit holds for streamed output", if: enforces(.output)
    ) { it in
        let (result, bytes) = try await stream(200_000, output: 100_000, it)
        it.expect(result, .limitExceeded(.output))
        it.check(result.stdoutTruncated, "not truncated")
        it.expectEqual(bytes, Array(ConformanceContext.pattern(200_000).prefix(100_000)), "streamed output")
    }

    static let earlyReturn = ConformanceCheck("A body that returns early lets the program go on") { it in
        try await it.withSandbox { sandbox in
            let command = it.shell("echo first; \(it.tools.cat); echo done > left; exit 2")
            let bytes = ConformanceContext.pattern(1_000_000)
            let (result, first) = try await sandbox.run(
                command, stdin: .bytes(bytes), limits: ConformanceContext.patient
            ) { execution in
                var iterator = execution.output.makeAsyncIterator()
                return await iterator.next()?.bytes.first
            }
            // Both are within the output limit.
            it.expect(result, exited: 2)
            it.check(first == UInt8(ascii: "f"), "first byte \(String(describing: first))")
            it.check(
                try await sandbox.read("left", maxBytes: 5) == Array("done\n".utf8),
                "the program did not go on")
        }
    }

    static let throwingBody = ConformanceCheck("A body that throws ends the run with its own error") { it in
        try await it.withSandbox { sandbox in
            let start = ContinuousClock.now
            do {
                _ = try await sandbox.run(
                    it.shell("echo ready; \(it.tools.sleep) 100"), limits: ConformanceContext.patient
                ) { execution in
                    var iterator = execution.output.makeAsyncIterator()
                    _ = await iterator.next()
                    throw Stop()
                }
                it.fail("the body's error was lost")
            } catch {
                it.check(error is Stop, "in place of the body's error: \(error)")
            }
            it.check(ContinuousClock.now - start < ConformanceContext.soon, "the run was not ended")
            it.expect(
                try await sandbox.run(it.shell("exit 1"), limits: ConformanceContext.patient), exited: 1)
        }
    }

    static let errorsFirst = ConformanceCheck("What fails before the start does so without output") { it in
        try await it.withSandbox { sandbox in
            let chunks = Mutex(0)
            for (command, limits, code) in [
                (Command("./missing"), ConformanceContext.patient, SandboxError.Code.executableNotFound),
                (it.shell("echo x"), Limits(memory: -1), .invalidLimit),
            ] {
                await it.expectError(code) {
                    try await sandbox.run(command, limits: limits) { execution in
                        for await _ in execution.output { chunks.withLock { $0 += 1 } }
                    }.result
                }
            }
            it.check(chunks.withLock { $0 } == 0, "there was output")
        }
    }
}
