/// Byte strings for the C core, which takes them NUL-terminated.

package import SandboxAPI

/// Calls `body` with the addresses of the strings, NUL-terminated, which are valid until it returns.
///
/// - Parameter strings: without NUL, as ``Validation`` checks.
package func withCStrings<Value>(
    _ strings: [ByteString], _ body: ([UnsafePointer<CChar>?]) -> Value
) -> Value {
    let bytes = strings.flatMap(\.cString)
    return bytes.withUnsafeBufferPointer { buffer in
        var start = 0
        let addresses = strings.map { string in
            defer { start += string.bytes.count + 1 }
            return buffer.baseAddress.map { $0 + start }
        }
        return body(addresses)
    }
}
