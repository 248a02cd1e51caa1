// Streams one by one, lines, and a stdin that is written while the program runs.
import Sandbox
import Synchronization
import Testing

@Suite("Live streams", .shared, .timeLimit(.patient))
struct LiveStreamTests {
    /// Not `Sendable`: a body runs on its caller's executor.
    private final class Transcript { var lines: [String] = [] }

    @Test("A conversation in lines", arguments: await ConformanceSubject.all)
    func lines(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("answer_lines")
            let input = InputWriter()
            let transcript = Transcript()
            let (result, count) = try await sandbox.run(
                command, stdin: .writer(input), limits: Limits.standard.forThisProcessor
            ) { execution in
                var lines = execution.standardOutput.lines().makeAsyncIterator()
                for question in ["", "first", "second"] {
                    if !question.isEmpty { try await input.write(question + "\n") }
                    if let line = await lines.next() { transcript.lines.append(line) }
                }
                await input.finish()
                #expect(await lines.next() == nil)
                return transcript.lines.count
            }
            expect(result, .exited(code: 0))
            #expect(count == 3 && transcript.lines == ["ready", "got first", "got second"])
        }
    }

    @Test("Both streams at a time, each whole", arguments: await ConformanceSubject.all)
    func both(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let script = "i=0; while [ $i -lt 2000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
            let command = Command("/bin/sh", ["-c", script])
            let (result, counts) = try await sandbox.run(
                command, limits: Limits.standard.forThisProcessor
            ) { execution in
                async let out = Self.check(execution.standardOutput, "out")
                async let err = Self.check(execution.standardError, "err")
                return await (out, err)
            }
            expect(result, .exited(code: 0))
            #expect(counts == (2000, 2000))
        }
    }

    private static func check(_ bytes: Execution.Bytes, _ word: String) async -> Int {
        var count = 0
        for await line in bytes.lines() {
            #expect(line == "\(word) \(count)")
            count += 1
        }
        return count
    }

    @Test("One stream alone: the other may be as long as its limit", arguments: await ConformanceSubject.all)
    func one(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let script = "head -c 900000 /dev/zero; echo done >&2; head -c 90000 /dev/zero"
            let limits = Limits(output: 1_000_000).forThisProcessor
            let (result, error) = try await sandbox.run(
                Command("/bin/sh", ["-c", script]), limits: limits
            ) { execution in
                var lines = execution.standardError.lines().makeAsyncIterator()
                let line = await lines.next()
                var left = 0
                for await bytes in execution.standardOutput { left += bytes.count }
                #expect(left == 990_000)
                return line
            }
            expect(result, .exited(code: 0))
            #expect(error == "done")
        }
    }

    @Test("When the body ends, the program's stdin does", arguments: await ConformanceSubject.all)
    func forgotten(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("echo_stdin")
            let input = InputWriter()
            let (result, _) = try await sandbox.run(
                command, stdin: .writer(input), limits: Limits.standard.forThisProcessor
            ) { _ in try await input.write("not finished") }
            expect(result, .exited(code: 0))
        }
    }

    @Test(
        "Writing to a program that does not read throws inputClosed", arguments: await ConformanceSubject.all)
    func unread(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("take_stdin", ["10"])
            let input = InputWriter()
            let (result, code) = try await sandbox.run(
                command, stdin: .writer(input), limits: Limits.standard.forThisProcessor
            ) { _ -> SandboxError.Code? in
                do {
                    while true { try await input.write([UInt8](repeating: 7, count: 100_000)) }
                } catch let error as SandboxError {
                    return error.code
                }
            }
            expect(result, .exited(code: 0))
            #expect(code == .inputClosed)
            await expectError(.inputClosed) { try await input.write("more") }
        }
    }

    private struct Broken: AsyncSequence, Sendable, AsyncIteratorProtocol {
        struct Fault: Error {}
        var left = 2
        mutating func next() async throws -> ArraySlice<UInt8>? {
            if left == 0 { throw Fault() }
            left -= 1
            return Array("part\n".utf8)[...]
        }
        func makeAsyncIterator() -> Broken { self }
    }

    /// Ends by throwing when the task that reads it is cancelled.
    private struct Endless: AsyncSequence, Sendable, AsyncIteratorProtocol {
        mutating func next() async throws -> [UInt8]? {
            try await Task.sleep(for: .seconds(1000))
            return []
        }
        func makeAsyncIterator() -> Endless { self }
    }

    @Test("A sequence that throws fails the run with inputFailed", arguments: await ConformanceSubject.all)
    func broken(subject: ConformanceSubject) async throws {
        await expectError(.inputFailed) { try await subject.run("echo_stdin", stdin: .stream(Broken())) }
        // The run is over by then, and needs no more input.
        expect(try await subject.run("nothing", stdin: .stream(Endless())), .exited(code: 0))
    }
}
