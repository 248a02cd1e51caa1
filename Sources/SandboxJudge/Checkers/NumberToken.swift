/// What counts as a floating point number in an output. Pure.

#if Judge
/// Which tokens are numbers.
public enum NumberSyntax: Sendable, Hashable {
    /// The grammar of the problem package format 2025-09: decimal digits with a point or none, `+` or `-` before them, `e`
    /// and a decimal exponent behind them. `inf`, `nan` and hexadecimal numbers are words.
    case decimal
    /// What default validators take in packages of the legacy format, which read with C's `scanf`: also `0x1.8p3`. `inf` and
    /// `nan` are words.
    case scanf
}

enum NumberToken {
    /// The value of a whole token; `nil` when it is no number, or beyond the largest one: then its digits count.
    static func value(_ token: ArraySlice<UInt8>, _ syntax: NumberSyntax) -> Double? {
        var scanner = Scanner(token[...])
        let isNegative = scanner.takeSign() == 0x2d
        let unsigned = scanner.rest
        switch syntax {
        case .decimal: guard scanner.takeDecimal() else { return nil }
        case .scanf:
            guard scanner.takeWord("0x") ? scanner.takeHexadecimal() : scanner.takeDecimal() else {
                return nil
            }
        }
        guard scanner.rest.isEmpty else { return nil }
        // Swift's conversion does not depend on the process's locale, and the syntax was checked. A point at the end is all
        // that it does not take.
        guard let value = Double(String(decoding: completed(unsigned), as: UTF8.self)), value.isFinite else {
            return nil
        }
        return isNegative ? -value : value
    }

    /// With a digit on each side of the point: `5.` as `5.0`, `.5e1` as `0.5e1`.
    private static func completed(_ digits: ArraySlice<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(digits.count + 2)
        var previous: UInt8 = 0
        for byte in digits {
            if byte == 0x2e, !previous.isHexDigit { text.append(0x30) }
            if previous == 0x2e, !byte.isHexDigit || byte.lowercase == 0x65 { text.append(0x30) }
            text.append(byte)
            previous = byte
        }
        if previous == 0x2e { text.append(0x30) }
        return text
    }

    private struct Scanner {
        private(set) var rest: ArraySlice<UInt8>
        init(_ token: ArraySlice<UInt8>) { rest = token }

        mutating func takeSign() -> UInt8? {
            guard rest.first == 0x2b || rest.first == 0x2d else { return nil }
            return rest.popFirst()
        }

        /// A lower case word, in any case.
        mutating func takeWord(_ word: StaticString) -> Bool {
            let length = word.utf8CodeUnitCount
            guard rest.count >= length,
                zip(rest, 0..<length).allSatisfy({ $0.lowercase == word.utf8Start[$1] })
            else { return false }
            rest = rest.dropFirst(length)
            return true
        }

        mutating func takeDecimal() -> Bool {
            guard takeSignificand({ (0x30...0x39).contains($0) }) else { return false }
            return takeExponent(0x65)
        }

        /// What follows `0x`.
        mutating func takeHexadecimal() -> Bool {
            guard takeSignificand(\.isHexDigit) else { return false }
            return takeExponent(0x70)
        }

        /// Digits with a point before, between or behind them, or none.
        private mutating func takeSignificand(_ isDigit: (UInt8) -> Bool) -> Bool {
            let whole = rest.prefix(while: isDigit)
            rest = rest.dropFirst(whole.count)
            guard rest.first == 0x2e else { return !whole.isEmpty }
            rest = rest.dropFirst()
            let part = rest.prefix(while: isDigit)
            rest = rest.dropFirst(part.count)
            return !(whole.isEmpty && part.isEmpty)
        }

        /// None, or a letter and a number.
        private mutating func takeExponent(_ letter: UInt8) -> Bool {
            guard rest.first?.lowercase == letter else { return true }
            rest = rest.dropFirst()
            _ = takeSign()
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            return !digits.isEmpty
        }
    }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool {
        (0x30...0x39).contains(self) || (0x61...0x66).contains(lowercase)
    }
}
#endif
