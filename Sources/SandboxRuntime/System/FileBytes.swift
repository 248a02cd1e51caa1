/// Whole reads and writes of files: repeated after a signal and after a part.

import Glibc

/// A system call failed with this error number.
package struct ErrorNumber: Error {
    package let value: Int32
}

package enum FileBytes {
    /// Reads from the descriptor's position up to the end or `most` bytes; the file may grow or shrink meanwhile.
    ///
    /// - Parameter expected: how many bytes are probably there, so that room for them is made at once.
    package static func read(
        _ descriptor: Int32, upTo most: Int, expecting expected: Int = 0
    ) throws(ErrorNumber) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(min(expected, most))
        while result.count < most {
            var count = 0
            let size = min(64 << 10, most - result.count)
            let part = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
                count = Glibc.read(descriptor, buffer.baseAddress, size)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ErrorNumber(value: errno) }
            if count == 0 { break }
            result += part
        }
        return result
    }

    package static func write(_ bytes: [UInt8], to descriptor: Int32) throws(ErrorNumber) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done)
            }
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw ErrorNumber(value: errno)
            }
        }
    }

    /// The text of a small file, such as one of the kernel's: at most 64 KiB of it; `nil` when it cannot be read.
    package static func text(ofFile path: String) -> String? {
        guard let file = OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC)),
            let bytes = try? read(file.number, upTo: 64 << 10)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
