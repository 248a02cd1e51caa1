// Output while the program runs: in time, complete, and with backpressure.
import Foundation
import Sandbox
import Testing

@Suite("Streaming", .shared, .timeLimit(.patient))
struct StreamingTests {
    struct Stop: Error {}

    /// Reads until this many bytes have come, or the end.
    static func take(
        _ count: Int, from iterator: inout Execution.Output.AsyncIterator
    ) async -> String {
        var bytes: [UInt8] = []
        while bytes.count < count, let chunk = await iterator.next() { bytes += chunk.bytes }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        "A conversation: each answer comes before the next question", arguments: await ConformanceSubject.all)
    func conversation(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("answer_lines")
            let (questions, ask) = AsyncStream<[UInt8]>.makeStream()
            let (result, answers) = try await sandbox.run(command, stdin: .stream(questions)) { execution in
                var iterator = execution.output.makeAsyncIterator()
                var answers = [await Self.take(6, from: &iterator)]
                for question in ["first\n", "second\n"] {
                    ask.yield(Array(question.utf8))
                    answers.append(await Self.take(4 + question.utf8.count, from: &iterator))
                }
                ask.finish()
                #expect(await iterator.next() == nil)
                #expect(await iterator.next() == nil)
                return answers
            }
            expect(result, .exited(code: 0))
            #expect(answers == ["ready\n", "got first\n", "got second\n"], "\(result.summary)")
            #expect(result.stdout.isEmpty && result.stderr.isEmpty, "\(result.summary)")
        }
    }

    @Test("A slow consumer loses nothing", arguments: await ConformanceSubject.all)
    func slowConsumer(subject: ConformanceSubject) async throws {
        let count = 8 << 20
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("write_exactly", ["1", "\(count)"])
            let (result, bytes) = try await sandbox.run(command, limits: Limits(output: 16 << 20)) {
                execution in
                var bytes: [UInt8] = []
                var nextPause = 0
                for await chunk in execution.output {
                    #expect(chunk.stream == .stdout && !chunk.bytes.isEmpty)
                    bytes += chunk.bytes
                    if bytes.count >= nextPause {
                        try await Task.sleep(for: .milliseconds(10))
                        nextPause += 512 << 10
                    }
                }
                return bytes
            }
            expect(result, .exited(code: 0))
            expectEqual(bytes, pattern(count), "8 MiB of streamed output")
        }
    }

    @Test("A slow consumer holds up the program, not the memory", arguments: await ConformanceSubject.all)
    func backpressure(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("write_exactly", ["1", "\(4 << 20)"])
            let (result, count) = try await sandbox.run(command, limits: Limits(output: 16 << 20)) {
                execution in
                try await Task.sleep(for: .milliseconds(400))
                var count = 0
                for await chunk in execution.output { count += chunk.bytes.count }
                return count
            }
            expect(result, .exited(code: 0))
            #expect(count == 4 << 20)
            #expect(result.usage.wallTime >= .milliseconds(300), "\(result.summary)")
        }
    }

    /// Each read of the pipe then returns one of the program's writes, whole or cut off.
    @Test(
        "Output in packets of any size comes whole and joined",
        arguments: await ConformanceSubject.all, [(230_000, 1, false), (1 << 20, 0, false), (300, 1, true)])
    func packets(subject: ConformanceSubject, shape: (bytes: Int, size: Int, isLarge: Bool)) async throws {
        try await subject.withSandbox { sandbox in
            let arguments = ["1", "\(shape.bytes)", "\(shape.size)"] + (shape.isLarge ? ["large"] : [])
            let command = try await sandbox.install("write_packets", arguments)
            let limits = Limits(output: 2 << 20)
            let collected = try await sandbox.run(command, limits: limits)
            expect(collected, .exited(code: 0))
            expectEqual(collected.stdout, pattern(shape.bytes), "collected packets")
            let (result, streamed) = try await sandbox.run(command, limits: limits) { execution in
                // Late: output that came meanwhile is joined. Later output comes as it is written.
                try await Task.sleep(for: .milliseconds(500))
                var bytes: [UInt8] = []
                for await chunk in execution.output {
                    // A container's agent may not have sent more by then.
                    if bytes.isEmpty, subject.capabilities.kind == .local {
                        #expect(chunk.bytes.count >= min(shape.bytes, 64))
                    }
                    bytes += chunk.bytes
                }
                return bytes
            }
            expect(result, .exited(code: 0))
            expectEqual(streamed, pattern(shape.bytes), "streamed packets")
        }
    }

    @Test("The consumer's time is on the program's wall time", arguments: await ConformanceSubject.all)
    func consumerTooSlow(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("write_exactly", ["1", "\(4 << 20)"])
            let limits = Limits(wallTime: .milliseconds(300), output: 16 << 20)
            let (result, count) = try await sandbox.run(command, limits: limits) { execution in
                try await Task.sleep(for: .milliseconds(700))
                var count = 0
                for await chunk in execution.output { count += chunk.bytes.count }
                return count
            }
            expect(result, .limitExceeded(.wallTime))
            #expect(count < 1 << 20, "\(count) bytes were held for a consumer that did not read")
        }
    }

    @Test("Both streams, each in its order", arguments: await ConformanceSubject.all)
    func bothStreams(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let line = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done"
            let (result, texts) = try await sandbox.run(Command("/bin/sh", ["-c", line])) { execution in
                var output: [UInt8] = []
                var errors: [UInt8] = []
                for await chunk in execution.output {
                    switch chunk.stream {
                    case .stdout: output += chunk.bytes
                    case .stderr: errors += chunk.bytes
                    }
                }
                return [output, errors].map { String(decoding: $0, as: UTF8.self) }
            }
            expect(result, .exited(code: 0))
            #expect(texts[0] == (1...5).map { "out \($0)\n" }.joined())
            #expect(texts[1] == (1...5).map { "err \($0)\n" }.joined())
        }
    }

    @Test("The bound holds for streamed output", arguments: await ConformanceSubject.all)
    func bound(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("flood", ["1"])
            let (result, count) = try await sandbox.run(command, limits: Limits(output: 100_000)) {
                execution in
                var count = 0
                for await chunk in execution.output { count += chunk.bytes.count }
                return count
            }
            expect(result, .limitExceeded(.output))
            #expect(count == 100_000 && result.stdoutTruncated, "\(result.summary)")
        }
    }

    @Test("A body that returns early lets the program go on", arguments: await ConformanceSubject.all)
    func earlyReturn(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("write_exactly", ["1", "\(4 << 20)"])
            let limits = Limits(output: 16 << 20)
            let (result, first) = try await sandbox.run(command, limits: limits) { execution in
                var iterator = execution.output.makeAsyncIterator()
                return await iterator.next()?.bytes.first
            }
            expect(result, .exited(code: 0))
            #expect(first == 0)
            let ignoring = try await sandbox.run(command, limits: limits) { _ in }
            expect(ignoring.result, .exited(code: 0))
        }
    }

    @Test("A body that throws ends the run with its own error", arguments: await ConformanceSubject.all)
    func throwingBody(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("answer_lines")
            let (questions, ask) = AsyncStream<[UInt8]>.makeStream()
            let start = ContinuousClock.now
            await #expect(throws: Stop.self) {
                try await sandbox.run(command, stdin: .stream(questions)) { execution in
                    var iterator = execution.output.makeAsyncIterator()
                    _ = await iterator.next()
                    throw Stop()
                }
            }
            #expect(ContinuousClock.now - start < .seconds(5))
            ask.finish()
            expect(try await sandbox.run(program: "processes"), .exited(code: 0))
        }
    }

    @Test("A second run during the first throws sandboxBusy", arguments: await ConformanceSubject.all)
    func busy(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("answer_lines")
            let (questions, ask) = AsyncStream<[UInt8]>.makeStream()
            let (result, text) = try await sandbox.run(command, stdin: .stream(questions)) { execution in
                var iterator = execution.output.makeAsyncIterator()
                let text = await Self.take(6, from: &iterator)
                await expectError(.sandboxBusy) { try await sandbox.run(Command("/bin/true")) }
                await expectError(.sandboxBusy) { try await sandbox.run(Command("/bin/true")) { _ in } }
                ask.finish()
                return text
            }
            expect(result, .exited(code: 0))
            #expect(text == "ready\n")
            expect(try await sandbox.run(Command("/bin/true")), .exited(code: 0))
        }
    }

    @Test(
        "An error before the start is thrown without calling the body",
        arguments: await ConformanceSubject.all)
    func errorsFirst(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            await expectError(.executableNotFound) {
                try await sandbox.run(Command("./missing")) { execution in
                    for await _ in execution.output { Issue.record("output of a missing program") }
                }
            }
            await expectError(.invalidLimit) {
                try await sandbox.run(Command("/bin/true"), limits: Limits(memory: -1)) { _ in
                    Issue.record("the body was called")
                }
            }
        }
    }

    @Test(
        "Closing the sandbox inside the body ends the run, and the body goes on",
        arguments: await ConformanceSubject.all)
    func closeInsideBody(subject: ConformanceSubject) async throws {
        let sandbox = try await subject.backend.acquire(subject.options())
        let command = Command("/bin/sh", ["-c", "echo ready; sleep 50"])
        await expectError(.sandboxClosed) {
            try await sandbox.run(command) { execution in
                for await _ in execution.output { await sandbox.close() }
            }
        }
    }

    @Test(
        "A second consumer finds the end, and the first loses nothing",
        arguments: await ConformanceSubject.all)
    func twoConsumers(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = Command("/bin/sh", ["-c", "sleep 0.2; echo one; sleep 0.1; echo two"])
            let (result, lines) = try await sandbox.run(command) { execution in
                async let first = execution.output.reduce(into: 0) { $0 += $1.bytes.count }
                async let second = execution.output.reduce(into: 0) { $0 += $1.bytes.count }
                return await first + second
            }
            expect(result, .exited(code: 0))
            #expect(lines == 8)
        }
    }

    @Test("Pauses of several consumers lose no wake-up", arguments: await ConformanceSubject.all)
    func pauses(subject: ConformanceSubject) async throws {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await subject.withSandbox { sandbox in
                        let command = Command("/usr/bin/head", ["-c", "40000000", "/dev/zero"])
                        let limits = Limits(wallTime: .seconds(60), output: 64 << 20)
                        let (result, count) = try await sandbox.run(command, limits: limits) { execution in
                            await execution.output.reduce(into: 0) { $0 += $1.bytes.count }
                        }
                        expect(result, .exited(code: 0))
                        return count
                    }
                }
            }
            for try await count in group { #expect(count == 40_000_000) }
        }
    }
}
