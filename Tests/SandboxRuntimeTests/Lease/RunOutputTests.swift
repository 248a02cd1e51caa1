/// Tests a run's output, written in pieces of any size: joined, bounded, and in order.

import SandboxAPI
import Testing

@testable import SandboxRuntime

struct RunOutputTests {
    private static func output(bound: Int = 1 << 30) -> RunOutput {
        RunOutput(bound: bound, isStreaming: true) { _ in }
    }

    /// A program can write a megabyte byte by byte; a slow reader gets it in a few pieces.
    @Test func smallPiecesAreJoined() async {
        let output = Self.output()
        var sent = 0
        while !output.isFull {
            _ = output.take([UInt8(truncatingIfNeeded: sent)], from: .stdout)
            sent += 1
        }
        #expect(sent == RunOutput.highWater)
        #expect(output.waitingChunks == RunOutput.highWater / RunOutput.Machine.chunkSize)
        output.finish(.failure(SandboxError.runCancelled))
        var seen = 0
        while let chunk = await output.nextChunk() {
            for byte in chunk.bytes {
                #expect(byte == UInt8(truncatingIfNeeded: seen))
                seen += 1
            }
        }
        #expect(seen == sent)
    }

    /// Alternating writes to both streams: the order is kept for some hundred pieces, the number of pieces is
    /// always bounded.
    @Test func piecesByTurnsAreBounded() async {
        let output = Self.output()
        for number in 0..<100_000 {
            _ = output.take([UInt8(truncatingIfNeeded: number)], from: .stdout)
            _ = output.take([UInt8(truncatingIfNeeded: number + 7)], from: .stderr)
            #expect(output.waitingChunks <= RunOutput.Machine.chunksInOrder + 4)
        }
        output.finish(.failure(SandboxError.runCancelled))
        var streams: [Execution.Chunk.Stream: [UInt8]] = [:]
        while let chunk = await output.nextChunk() { streams[chunk.stream, default: []] += chunk.bytes }
        #expect(streams[.stdout] == (0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        #expect(streams[.stderr] == (0..<100_000).map { UInt8(truncatingIfNeeded: $0 + 7) })
    }
}
