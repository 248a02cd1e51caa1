/// Splits a stream of JSON objects that arrives in pieces of any size.

#if Docker
package import NIOCore

/// Splits a stream of JSON objects, with or without space between them.
package struct JSONObjectSplitter: Sendable {
    /// Why a stream does not consist of objects.
    package enum Failure: Error, Hashable {
        /// An object has more bytes than allowed.
        case tooLarge
        /// There is something else between two objects.
        case notAnObject
    }

    private let maximumSize: Int
    private var object = ByteBuffer()
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// - Parameter maximumSize: of one object, in bytes.
    package init(maximumSize: Int = 1 << 20) {
        self.maximumSize = maximumSize
    }

    /// Whether the bytes so far end where an object ends.
    package var isBetweenObjects: Bool { depth == 0 }

    /// The objects that are complete with `bytes`.
    package mutating func split(_ bytes: ByteBuffer) throws(Failure) -> [ByteBuffer] {
        var bytes = bytes
        var objects: [ByteBuffer] = []
        // The part of `bytes` that belongs to the object under way.
        var count = 0
        let view = bytes.readableBytesView
        for byte in view {
            count += 1
            guard depth > 0 || byte == UInt8(ascii: "{") else {
                guard byte == 0x20 || (0x09...0x0D).contains(byte) else { throw .notAnObject }
                bytes.moveReaderIndex(forwardBy: count)
                count = 0
                continue
            }
            scan(byte)
            if object.readableBytes + count > maximumSize { throw .tooLarge }
            if depth == 0, var end = bytes.readSlice(length: count) {
                object.writeBuffer(&end)
                objects.append(object)
                object = ByteBuffer()
                count = 0
            }
        }
        if count > 0 { object.writeBuffer(&bytes) }
        return objects
    }

    private mutating func scan(_ byte: UInt8) {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"): depth += 1
        case UInt8(ascii: "}"): depth -= 1
        default: break
        }
    }
}
#endif
