/// Where an output first differs from the answer, as a short message. Pure.

#if Judge

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

    /// At most 80 code points, between quotes.
    static func quoted(_ bytes: some Collection<UInt8>) -> String {
        // No more than is shown: a code point has at most four bytes.
        let head = ByteString(bytes.prefix(324))
        var count = 0
        let shown = head.shown { scalar in
            count += 1
            if count > 80 { return "" }
            return scalar == "\"" || scalar == "\\" ? "\\\(scalar)" : visible(scalar)
        }
        return "\"\(shown)\(count > 80 || bytes.count > 324 ? "…" : "")\""
    }

    /// A code point, with everything escaped that a terminal obeys or that changes the order of what is shown: control and
    /// format characters and line separators.
    static func visible(_ scalar: Unicode.Scalar) -> String {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
        default: String(scalar)
        }
    }

    /// What a text goes on with from a place: `"abc"`, or `the end`.
    static func rest(of bytes: [UInt8], from place: Int) -> String {
        place < bytes.count ? quoted(bytes[place...]) : "the end"
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
