/// Splits the stream of an attached container: frames of an 8-byte header and the announced bytes.

#if Docker
package import NIOCore

/// One of the streams of a container.
package enum StreamKind: UInt8, Sendable, Hashable {
    case standardInput = 0
    case standardOutput = 1
    case standardError = 2
}

/// Finds the frames in bytes that arrive in pieces of any size. It neither copies nor waits for whole frames.
package struct StreamDemultiplexer: Sendable {
    /// A header that does not conform to the protocol.
    package struct MalformedHeader: Error, Hashable {
        /// The 8 bytes, the first one highest.
        package var header: UInt64
    }

    private static let headerSize = 8

    /// The bytes of a header that is not complete yet, the first one highest.
    private var header: UInt64 = 0
    private var headerCount = 0
    private var kind = StreamKind.standardOutput
    /// The bytes of the frame that have not come yet.
    private var remaining = 0

    package init() {}

    /// Whether the bytes so far end where a frame ends.
    package var isBetweenFrames: Bool { remaining == 0 && headerCount == 0 }

    /// The next piece of a stream, never an empty one; nil when `bytes` is used up.
    package mutating func next(
        in bytes: inout ByteBuffer
    ) throws(MalformedHeader) -> (stream: StreamKind, bytes: ByteBuffer)? {
        while remaining == 0 {
            guard try readHeader(from: &bytes) else { return nil }
        }
        let count = min(remaining, bytes.readableBytes)
        guard count > 0, let piece = bytes.readSlice(length: count) else { return nil }
        remaining -= count
        return (kind, piece)
    }

    /// Returns false when there are too few bytes.
    private mutating func readHeader(from bytes: inout ByteBuffer) throws(MalformedHeader) -> Bool {
        if headerCount == 0, let whole = bytes.readInteger(as: UInt64.self) {
            header = whole
        } else {
            while headerCount < Self.headerSize {
                guard let byte = bytes.readInteger(as: UInt8.self) else { return false }
                header = header << 8 | UInt64(byte)
                headerCount += 1
            }
        }
        // One byte of kind, three zero bytes, and the size.
        guard header >> 32 & 0xFF_FFFF == 0, let kind = StreamKind(rawValue: UInt8(header >> 56)) else {
            throw MalformedHeader(header: header)
        }
        self.kind = kind
        remaining = Int(header & 0xFFFF_FFFF)
        headerCount = 0
        return true
    }
}
#endif
