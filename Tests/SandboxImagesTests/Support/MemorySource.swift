/// Helpers for tests of the pure parts.

@testable import SandboxImages

/// A byte source in memory.
final class MemorySource: ByteSource {
    private let bytes: [UInt8]
    private let step: Int
    private var position = 0

    /// - Parameter step: the largest number of bytes per read.
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

/// Runs `body`, which must fail, and returns its failure.
func failure(_ body: () throws -> Void) -> ImageFailure? {
    do {
        try body()
        return nil
    } catch {
        return error as? ImageFailure
    }
}
