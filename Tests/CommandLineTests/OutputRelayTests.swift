/// Tests that the relay takes output however slowly it is written, in order and complete.

#if CLI
import Sandbox
import Synchronization
import Testing

@testable import SandboxCLI

@Suite struct OutputRelayTests {
    private typealias Chunk = Execution.Chunk

    /// Records the written chunks; each write waits at a gate.
    private final class Reader: Sendable {
        private let state = Mutex<(written: [Execution.Chunk], isOpen: Bool)>(([], false))
        var written: [Execution.Chunk] { state.withLock { $0.written } }
        func open() { state.withLock { $0.isOpen = true } }
        func take(_ chunk: Execution.Chunk) async throws {
            while !state.withLock({ $0.isOpen }) { try await Task.sleep(for: .milliseconds(1)) }
            state.withLock { $0.written.append(chunk) }
        }
    }

    private func output(_ chunks: [Execution.Chunk], atEnd: @escaping @Sendable () -> Void = {})
        -> Execution.Output
    {
        let rest = Mutex(chunks[...])
        return Execution.Output {
            let next = rest.withLock { $0.popFirst() }
            if next == nil { atEnd() }
            return next
        }
    }

    private func text(_ chunks: [Execution.Chunk], _ stream: Execution.Chunk.Stream) -> [UInt8] {
        chunks.filter { $0.stream == stream }.flatMap(\.bytes)
    }

    /// The reader takes nothing before the program has ended; if the relay waited for it, this test would
    /// never end.
    @Test func takesAllBeforeAnythingIsRead() async throws {
        let reader = Reader()
        var chunks: [Execution.Chunk] = []
        for index in 0..<5000 {
            chunks.append(Chunk(stream: .stdout, bytes: [UInt8(truncatingIfNeeded: index)]))
            if index % 1000 == 999 { chunks.append(Chunk(stream: .stderr, bytes: Array("e\n".utf8))) }
        }
        let relay = OutputRelay { try await reader.take($0) }
        let isMidLine = try await relay.pass(output(chunks, atEnd: { reader.open() }))
        #expect(!isMidLine)
        #expect(text(reader.written, .stdout) == text(chunks, .stdout))
        #expect(text(reader.written, .stderr) == Array("e\ne\ne\ne\ne\n".utf8))
        // The chunks came byte by byte; the relay joined them.
        #expect(reader.written.count <= 12)
    }

    @Test func keepsTheOrderAndTheLineOfStderr() async throws {
        let reader = Reader()
        reader.open()
        let chunks = [
            Chunk(stream: .stderr, bytes: [1]), Chunk(stream: .stdout, bytes: [2]),
            Chunk(stream: .stderr, bytes: [3]),
        ]
        let isMidLine = try await OutputRelay { try await reader.take($0) }.pass(output(chunks))
        #expect(isMidLine)
        #expect(reader.written == chunks)
        #expect(try await OutputRelay { try await reader.take($0) }.pass(output([])) == false)
    }

    /// The relay throws at once when the reader goes away, even if the program writes nothing more.
    @Test func aFailureEndsTheWaitForOutput() async throws {
        let first = Mutex(true)
        let endless = Execution.Output {
            if first.withLock({ value in
                defer { value = false }
                return value
            }) {
                return Chunk(stream: .stdout, bytes: [1])
            }
            try? await Task.sleep(for: .seconds(3600))
            return nil
        }
        await #expect(throws: StdoutFailure.self) {
            try await OutputRelay { _ in throw StdoutFailure(errno: 32) }.pass(endless)
        }
    }
}
#endif
