/// Tests the frames of an attached stream, split at every place.

#if Docker
import NIOCore
import Testing

@testable import SandboxDocker

@Suite struct EngineDemultiplexerTests {
    static func frame(_ kind: UInt8, _ text: String) -> [UInt8] {
        let size = UInt32(text.utf8.count)
        return [kind, 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) }
            + Array(text.utf8)
    }

    static let stream =
        frame(1, "out") + frame(2, "e") + frame(1, "") + frame(2, "") + frame(0, "in")
        + frame(1, String(repeating: "x", count: 300))

    /// The content of all pieces, by stream.
    static func read(_ parts: [ArraySlice<UInt8>]) throws -> [StreamKind: String] {
        var frames = StreamDemultiplexer()
        var found: [StreamKind: String] = [:]
        for part in parts {
            var bytes = ByteBuffer(bytes: part)
            while let piece = try frames.next(in: &bytes) {
                #expect(piece.bytes.readableBytes > 0)
                found[piece.stream, default: ""] += String(buffer: piece.bytes)
            }
            #expect(bytes.readableBytes == 0)
        }
        #expect(frames.isBetweenFrames)
        return found
    }

    static let expected: [StreamKind: String] = [
        .standardInput: "in", .standardOutput: "out" + String(repeating: "x", count: 300),
        .standardError: "e",
    ]

    @Test func findsThemAtEverySplit() throws {
        for cut in 0...Self.stream.count {
            #expect(
                try Self.read([Self.stream[..<cut], Self.stream[cut...]]) == Self.expected, "at \(cut)")
        }
    }

    @Test(arguments: 1..<20) func findsThemInPieces(_ size: Int) throws {
        let parts = stride(from: 0, to: Self.stream.count, by: size).map {
            Self.stream[$0..<min($0 + size, Self.stream.count)]
        }
        #expect(try Self.read(parts) == Self.expected)
    }

    @Test func knowsWhenAFrameIsIncomplete() throws {
        let whole = Self.frame(1, "out")
        for count in 1..<whole.count {
            var frames = StreamDemultiplexer()
            var bytes = ByteBuffer(bytes: whole[..<count])
            while try frames.next(in: &bytes) != nil {}
            #expect(!frames.isBetweenFrames, "\(count) bytes")
        }
    }

    @Test(
        arguments: [
            [3, 0, 0, 0, 0, 0, 0, 1], [255, 0, 0, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 0, 1],
            [1, 0, 0, 1, 0, 0, 0, 1], Array("HTTP/1.1".utf8),
        ] as [[UInt8]]) func refusesWhatIsNoHeader(_ header: [UInt8])
    {
        for cut in 0...8 {
            var frames = StreamDemultiplexer()
            #expect(throws: StreamDemultiplexer.MalformedHeader.self) {
                var first = ByteBuffer(bytes: header[..<cut])
                var second = ByteBuffer(bytes: header[cut...])
                _ = try frames.next(in: &first)
                _ = try frames.next(in: &second)
            }
        }
    }

    /// The announced size is only counted down: nothing is allocated for it, and no byte waits for the rest.
    @Test func handsOnAFrameOfAnySizeAtOnce() throws {
        var frames = StreamDemultiplexer()
        var bytes = ByteBuffer(bytes: [1, 0, 0, 0, 255, 255, 255, 255] + Array("abc".utf8))
        let piece = try #require(try frames.next(in: &bytes))
        #expect(piece.stream == .standardOutput && String(buffer: piece.bytes) == "abc")
        #expect(try frames.next(in: &bytes) == nil)
    }
}
#endif
