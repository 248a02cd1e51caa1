/// What is written to a program that has ended.

import Glibc
import SandboxAPI

/// A further reading end of a pipe between two programs: while it is open, the writer meets no broken pipe. Once the reader
/// has ended, what comes is thrown away.
final class SpilledInput: Sendable {
    private static let pieceSize = 64 << 10
    private let end: Locked<OwnedDescriptor?>

    init(_ end: consuming OwnedDescriptor) { self.end = Locked(consume end) }

    /// Throws away what is in the pipe. Only when the reader's processes are dead: they share the end's flags.
    ///
    /// - Returns: whether there was anything.
    func drain() -> Bool {
        end.withLock { end in
            let fd = end.number
            guard fd >= 0 else { return false }
            _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)
            var bytes = 0
            // Bounded, since the writer goes on meanwhile.
            for _ in 0..<64 {
                let count = withUnsafeTemporaryAllocation(byteCount: Self.pieceSize, alignment: 1) {
                    read(fd, $0.baseAddress, $0.count)
                }
                if count <= 0 { break }
                bytes += count
            }
            return bytes > 0
        }
    }

    func close() { end.withLock { $0 = nil } }
}
