/// Byte strings for the C core, which takes them NUL-terminated.

package import SandboxAPI

/// Copies of byte strings, NUL-terminated, at addresses that stay valid while this object lives.
package final class CStrings {
    private let storage: UnsafeMutablePointer<CChar>
    private let offsets: [Int]

    /// - Parameter strings: without NUL, as ``Validation`` checks.
    package init(_ strings: [ByteString]) {
        offsets = strings.reduce(into: [0]) { $0.append($0.last! + $1.bytes.count + 1) }
        storage = .allocate(capacity: offsets.last! + 1)
        storage.initialize(repeating: 0, count: offsets.last! + 1)
        for (string, offset) in zip(strings, offsets) {
            for (index, byte) in string.bytes.enumerated() {
                storage[offset + index] = CChar(bitPattern: byte)
            }
        }
    }

    deinit { storage.deallocate() }

    package subscript(index: Int) -> UnsafePointer<CChar> { UnsafePointer(storage + offsets[index]) }
}
