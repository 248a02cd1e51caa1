/// What tests of the pure parts need.

@testable import SandboxImages

/// A stream of bytes that are there already.
final class MemorySource: ByteSource {
    private let bytes: [UInt8]
    private let step: Int
    private var position = 0

    /// - Parameter step: gives so many at a time at most.
    init(_ bytes: [UInt8], step: Int = .max) {
        self.bytes = bytes
        self.step = step
    }

    func read(into buffer: inout [UInt8]) throws(ImageFailure) -> Int {
        let count = min(buffer.count, step, bytes.count - position)
        for index in 0..<count { buffer[index] = bytes[position + index] }
        position += count
        return count
    }
}

/// Runs `body`, which must fail, and hands out its failure.
func failure(_ body: () throws -> Void) -> ImageFailure? {
    do {
        try body()
        return nil
    } catch {
        return error as? ImageFailure
    }
}
