/// Converts the frames of `isolate_agent.h` to values. Pure.

#if Docker
import CIsolate
import NIOCore

/// Splits a stream of bytes, received in pieces of any size, into frames.
struct AgentFrameDecoder {
    /// A frame whose stated length is more than an agent ever sends.
    struct Malformed: Error { var length: UInt32 }

    private static let headerSize = MemoryLayout<isolate_frame>.size
    private var pending = ByteBuffer()

    mutating func feed(_ bytes: ByteBuffer) {
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.discardReadBytes()
            pending.writeImmutableBuffer(bytes)
        }
    }

    /// The next whole frame; nil when it is not complete yet.
    mutating func next() throws(Malformed) -> (type: isolate_frame_type, payload: ByteBuffer)? {
        guard
            let type = pending.getInteger(
                at: pending.readerIndex, endianness: .host, as: UInt32.self),
            let length = pending.getInteger(
                at: pending.readerIndex + 4, endianness: .host, as: UInt32.self)
        else { return nil }
        guard length <= UInt32(ISOLATE_FRAME_MAX) else { throw Malformed(length: length) }
        guard pending.readableBytes >= Self.headerSize + Int(length) else { return nil }
        pending.moveReaderIndex(forwardBy: Self.headerSize)
        return (isolate_frame_type(type), pending.readSlice(length: Int(length)) ?? ByteBuffer())
    }
}

extension ByteBuffer {
    /// Appends a frame whose payload is a C structure.
    mutating func writeFrame<Payload>(_ type: isolate_frame_type, _ payload: Payload) {
        withUnsafeBytes(of: payload) { writeFrame(type, $0) }
    }

    mutating func writeFrame(_ type: isolate_frame_type, _ bytes: UnsafeRawBufferPointer) {
        reserveCapacity(minimumWritableBytes: MemoryLayout<isolate_frame>.size + bytes.count)
        writeInteger(type.rawValue, endianness: .host)
        writeInteger(UInt32(bytes.count), endianness: .host)
        writeBytes(bytes)
    }

    /// The whole payload as a C structure; nil when its size differs. `Value` must be trivial: numbers only.
    func structure<Value: BitwiseCopyable>(_ type: Value.Type) -> Value? {
        guard readableBytes == MemoryLayout<Value>.size else { return nil }
        return withUnsafeReadableBytes { $0.loadUnaligned(as: type) }
    }
}

/// Bytes in frames of the largest size.
enum AgentContent {
    static let pieceSize = Int(ISOLATE_FRAME_MAX)

    static func frames(_ bytes: [UInt8]) -> [ByteBuffer] {
        stride(from: 0, to: bytes.count, by: pieceSize).map { start in
            var buffer = ByteBuffer()
            bytes[start..<min(start + pieceSize, bytes.count)].withUnsafeBytes {
                buffer.writeFrame(ISOLATE_FRAME_CONTENT, $0)
            }
            return buffer
        }
    }
}
#endif
