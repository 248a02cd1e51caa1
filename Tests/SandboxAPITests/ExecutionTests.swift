/// Tests the splitting of output into streams and lines, and the writer of a stdin.

import Synchronization
import TestSupport
import Testing

@testable import SandboxAPI

struct ExecutionTests {
    /// These chunks, one after another.
    private static func execution(_ chunks: [Execution.Chunk]) -> Execution {
        let rest = Mutex(chunks[...])
        return Execution(output: .init { rest.withLock { $0.popFirst() } })
    }

    @Test(arguments: 0..<100) func linesHoweverTheyAreCut(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        let words = ["", "a", "žluť", "\u{1F600}\u{1F600}", "long long long", "x\r", "\r"]
        let lines = (0..<50).map { _ in words.randomElement(using: &random)! }
        let text = lines.map { $0 + (Bool.random(using: &random) ? "\n" : "\r\n") }.joined()
        var bytes = Array(text.utf8)[...]
        var chunks: [Execution.Chunk] = []
        while !bytes.isEmpty {
            let piece = bytes.prefix(Int.random(in: 1...7, using: &random))
            chunks.append(.init(stream: .stdout, bytes: Array(piece)))
            bytes = bytes.dropFirst(piece.count)
        }
        var seen: [String] = []
        for await line in Self.execution(chunks).standardOutput.lines() { seen.append(line) }
        // Of two carriage returns before the line feed, the first belongs to the line.
        let expected = text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast().map {
            String(Substring($0.last == 0x0d ? $0.dropLast() : $0))
        }
        #expect(seen.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test func longLinesComeInPieces() async {
        let text = String(repeating: "é", count: 1000) + "\nend"
        let chunks = Array(text.utf8).map { Execution.Chunk(stream: .stderr, bytes: [$0]) }
        var seen: [String] = []
        for await line in Self.execution(chunks).standardError.lines(maximumLength: 101) { seen.append(line) }
        #expect(seen.allSatisfy { $0.utf8.count <= 101 && !$0.contains("\u{fffd}") })
        #expect(seen.joined() == String(repeating: "é", count: 1000) + "end" && seen.last == "end")
        // A line of exactly the bound is whole, with either end.
        for end in ["\n", "\r\n"] {
            let chunk = Execution.Chunk(stream: .stdout, bytes: Array(("abcd" + end + "efghi").utf8))
            var lines: [String] = []
            for await line in Self.execution([chunk]).standardOutput.lines(maximumLength: 4) {
                lines.append(line)
            }
            #expect(lines == ["abcd", "efgh", "i"])
        }
    }

    @Test func whoIsCancelledTakesNothingFromTheOther() async {
        let gate = AsyncStream<Execution.Chunk>.makeStream()
        let execution = Execution(
            output: .init {
                var iterator = gate.stream.makeAsyncIterator()
                return await iterator.next()
            })
        let first = Task { () -> [UInt8]? in
            var iterator = execution.standardOutput.makeAsyncIterator()
            return await iterator.next()
        }
        let second = Task { () -> [UInt8]? in
            var iterator = execution.standardError.makeAsyncIterator()
            return await iterator.next()
        }
        await Task.yield()
        second.cancel()
        #expect(await second.value == nil)
        gate.continuation.yield(.init(stream: .stdout, bytes: [1]))
        #expect(await first.value == [1])
    }

    /// The run never reads: a cancelled writer does not wait for ever, and the other writers' bytes stay in
    /// order.
    @Test func whoIsCancelledWritesNoMore() async throws {
        let writer = InputWriter()
        let first = Task { try await writer.write("never ") }
        first.cancel()
        let error = await #expect(throws: SandboxError.self) { try await first.value }
        #expect(error?.code == .cancelled)
        guard case .stream(let chunks) = StandardInput.writer(writer) else { return }
        let second = Task { try await writer.write("second") }
        let seen = Mutex<[UInt8]>([])
        try await chunks.send { chunk in
            seen.withLock { $0 += chunk }
            return false
        }
        #expect(seen.withLock { $0 } == Array("second".utf8))
        // The run took this chunk, and then reads no more.
        _ = try? await second.value
        await #expect(throws: SandboxError.self) { try await writer.write("late") }
    }

    @Test func writersTakeTurns() async throws {
        let writer = InputWriter()
        guard case .stream(let chunks) = StandardInput.writer(writer) else { return }
        let reader = Task { () -> [UInt8] in
            let seen = Mutex<[UInt8]>([])
            try await chunks.send { chunk in
                seen.withLock { $0 += chunk }
                return true
            }
            return seen.withLock { $0 }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number: UInt8 in 0..<50 { group.addTask { try await writer.write([number, number]) } }
            try await group.waitForAll()
        }
        await writer.finish()
        let seen = try await reader.value
        #expect(stride(from: 0, to: 100, by: 2).allSatisfy { seen[$0] == seen[$0 + 1] })
        #expect(seen.count == 100 && Set(seen).count == 50)
        await #expect(throws: SandboxError.self) { try await writer.write("late") }
    }
}
