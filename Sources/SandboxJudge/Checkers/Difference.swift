/// Where an output first differs from the answer, as a short message. Pure.

#if Judge
import SandboxRuntime

/// A place in a text, counted from 1; columns are bytes.
struct TextPlace {
    var line: Int
    var column: Int

    /// The place of a byte.
    init(of offset: Int, in bytes: [UInt8]) {
        line = 1
        var start = 0
        for index in 0..<offset where bytes[index] == 0x0a {
            line += 1
            start = index + 1
        }
        column = offset - start + 1
    }
}

/// The words of built-in checkers: what was expected where. Each is short, whatever the output is.
enum Difference {
    /// - Parameters:
    ///   - what: what differs, with expected and found: `expected "3", found "4"`.
    ///   - offset: where in the output.
    ///   - token: the number of the token in the output, from 1.
    static func at(_ offset: Int, of output: [UInt8], token: Int? = nil, _ what: String) -> CheckResult {
        let place = TextPlace(of: offset, in: output)
        let counted = token.map { " (token \($0))" } ?? ""
        return CheckResult(
            .wrongAnswer, message: "line \(place.line), column \(place.column)\(counted): \(what)")
    }

    static func expected(_ expected: some Collection<UInt8>, found: some Collection<UInt8>) -> String {
        "expected \(quoted(expected)), found \(quoted(found))"
    }

    /// At most 80 code points, with control characters and what is not UTF-8 made visible.
    static func quoted(_ bytes: some Collection<UInt8>) -> String {
        // A byte more than `quoted` looks at, so that it sees that something is cut.
        Validation.quoted(ByteString(bytes.prefix(325)))
    }

    /// One byte, for messages about white space: `a space`, `byte 0x0b`.
    static func name(_ byte: UInt8?) -> String {
        switch byte {
        case nil: "the end"
        case 0x20: "a space"
        case 0x09: "a tab"
        case 0x0a: "a line feed"
        case 0x0d: "a carriage return"
        case let byte?:
            byte < 0x10 ? "byte 0x0" + String(byte, radix: 16) : "byte 0x" + String(byte, radix: 16)
        }
    }
}

extension UInt8 {
    /// White space of C's locale: space, tab, line feed, vertical tab, form feed, carriage return.
    var isSpace: Bool { self == 0x20 || (0x09...0x0d).contains(self) }

    /// ASCII upper case as lower case; every other byte as it is.
    var lowercase: UInt8 { (0x41...0x5a).contains(self) ? self | 0x20 : self }
}
#endif
