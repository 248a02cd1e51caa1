/// An embedder's usual calls, from many tasks at once: for builds with a sanitizer, and small in all others.

import Testing

@testable import Sandbox

struct SanitizerTests {
    /// Files, collected and streamed output of both streams, stdin of each kind, cancellation, several sandboxes at a time.
    @Test func manyTasksAtOnce() async throws {
        let backend = LocalBackend(.init(minimum: 1, maximum: 4))
        try await withThrowingTaskGroup { group in
            for number in 0..<12 {
                group.addTask { try await Self.use(backend, number) }
            }
            try await group.waitForAll()
        }
        await backend.shutdown()
    }

    private static func use(_ backend: LocalBackend, _ number: Int) async throws {
        let sandbox = try await backend.acquire(SandboxOptions())
        let text = "number \(number)\n"
        try await sandbox.write(Array(text.utf8), to: "file")
        let (questions, ask) = AsyncStream<[UInt8]>.makeStream()
        ask.yield(Array(text.utf8))
        ask.finish()
        for input in [StandardInput.string(text), .stream(questions)] {
            let (result, bytes) = try await sandbox.run(
                Command("/bin/sh", ["-c", "cat file; cat; echo error >&2"]), stdin: input
            ) { execution in
                var bytes: [Execution.Chunk.Stream: [UInt8]] = [:]
                for try await chunk in execution.output { bytes[chunk.stream, default: []] += chunk.bytes }
                return bytes
            }
            #expect(result.outcome == .exited(code: 0))
            #expect(bytes[.stdout] == Array((text + text).utf8))
            #expect(bytes[.stderr] == Array("error\n".utf8))
        }
        let collected = try await sandbox.run(
            Command("/bin/sh", ["-c", "cp file copy; head -c 300000 /dev/zero"]))
        #expect(collected.stdout.count == 300_000)
        #expect(try await sandbox.read("copy", maxBytes: 100) == Array(text.utf8))
        let endless = Task { try await sandbox.run(Command("/bin/sleep", ["20"])) }
        try await Task.sleep(for: .milliseconds(20))
        endless.cancel()
        let error = await #expect(throws: SandboxError.self) { try await endless.value }
        #expect(error?.code == .cancelled)
        await sandbox.close()
    }
}
