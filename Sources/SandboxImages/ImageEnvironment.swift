/// The variables that an image brings along.

package enum ImageEnvironment {
    private static let maximumVariables = 1024

    /// `Env` as a dictionary. What is no `NAME=VALUE` is left out: it could not be handed to a program.
    package static func parse(_ variables: [String]) -> [String: String] {
        var environment: [String: String] = [:]
        for variable in variables.prefix(maximumVariables) {
            let bytes = variable.utf8
            // At the byte: a mark that follows would make another character of it.
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > bytes.startIndex,
                !bytes.contains(0)
            else { continue }
            environment[String(decoding: bytes[..<equals], as: UTF8.self)] =
                String(decoding: bytes[bytes.index(after: equals)...], as: UTF8.self)
        }
        return environment
    }
}
