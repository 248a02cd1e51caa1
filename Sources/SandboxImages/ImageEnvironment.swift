/// The environment variables of an image.

package enum ImageEnvironment {
    private static let maximumVariables = 1024

    /// Parses `Env`. Text that is not `NAME=VALUE` is left out, since no program could be given it.
    package static func parse(_ variables: [String]) -> [String: String] {
        var environment: [String: String] = [:]
        for variable in variables.prefix(maximumVariables) {
            let bytes = variable.utf8
            // Searched by byte: a combining mark behind the `=` would make another Character of it.
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > bytes.startIndex,
                !bytes.contains(0)
            else { continue }
            environment[String(decoding: bytes[..<equals], as: UTF8.self)] =
                String(decoding: bytes[bytes.index(after: equals)...], as: UTF8.self)
        }
        return environment
    }
}
