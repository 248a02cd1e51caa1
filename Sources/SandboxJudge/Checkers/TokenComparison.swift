/// Compares an output with an answer token by token. Pure, and linear in their lengths.

#if Judge
/// How far a number may be from the answer's: within either tolerance; one that is `nil` accepts nothing.
public struct Tolerance: Sendable, Hashable {
    /// `|output - answer| <= absolute`.
    public var absolute: Double?
    /// `|output - answer| <= relative * |answer|`.
    public var relative: Double?

    /// - Parameters:
    ///   - absolute: 0 or more.
    ///   - relative: 0 or more.
    public init(absolute: Double? = nil, relative: Double? = nil) {
        self.absolute = absolute
        self.relative = relative
    }

    /// Whether a number is near enough. Infinite ones of the same sign are, and so are two that are not a number; a finite
    /// one is never near to one that is not.
    func accepts(_ output: Double, for answer: Double) -> Bool {
        guard output.isFinite, answer.isFinite else {
            return output == answer || (output.isNaN && answer.isNaN)
        }
        let difference = abs(output - answer)
        if let absolute, difference <= absolute { return true }
        if let relative, difference <= relative * abs(answer) { return true }
        return false
    }
}

/// Tokens are what white space separates, as bytes: none is longer or stranger than another.
struct TokenComparison {
    var isCaseSensitive = true
    /// Whether white space has to be the same, byte for byte.
    var isSpaceSensitive = false
    /// Numbers of the answer are compared as numbers within this; `nil` compares all tokens as bytes.
    var tolerance: Tolerance?
    var syntax = NumberSyntax.decimal

    func compare(_ output: [UInt8], with answer: [UInt8]) -> CheckResult {
        if output == answer { return CheckResult(.accepted) }
        var found = TokenReader(output)
        var expected = TokenReader(answer)
        while true {
            let (foundSpace, expectedSpace) = (found.skipSpace(), expected.skipSpace())
            if isSpaceSensitive,
                let difference = difference(
                    in: output[foundSpace], of: output, expected: answer[expectedSpace], of: answer)
            {
                return difference
            }
            switch (found.next(), expected.next()) {
            case (nil, nil):
                return CheckResult(.accepted)
            case (nil, let token?):
                return Difference.at(
                    output.count, of: output, token: found.count + 1,
                    "the output ends where \(Difference.quoted(answer[token])) is expected")
            case (let token?, nil):
                return Difference.at(
                    token.lowerBound, of: output, token: found.count,
                    "nothing more is expected, found \(Difference.quoted(output[token]))")
            case (let token?, let other?):
                if let why = difference(output[token], answer[other]) {
                    return Difference.at(token.lowerBound, of: output, token: found.count, why)
                }
            }
        }
    }

    /// Why a token is not right; `nil` when it is.
    private func difference(_ found: ArraySlice<UInt8>, _ expected: ArraySlice<UInt8>) -> String? {
        if let tolerance, let answer = NumberToken.value(expected, syntax) {
            guard let value = NumberToken.value(found, syntax) else {
                return
                    "expected a number near \(Difference.quoted(expected)), found \(Difference.quoted(found))"
            }
            if tolerance.accepts(value, for: answer) { return nil }
            return Difference.expected(expected, found: found) + ", which is \(abs(value - answer)) from it"
        }
        let isSame =
            isCaseSensitive
            ? found == expected
            : found.count == expected.count
                && zip(found, expected).allSatisfy { $0.lowercase == $1.lowercase }
        return isSame ? nil : Difference.expected(expected, found: found)
    }

    /// The first difference of two pieces of white space.
    private func difference(
        in found: ArraySlice<UInt8>, of output: [UInt8], expected: ArraySlice<UInt8>, of answer: [UInt8]
    ) -> CheckResult? {
        if found == expected { return nil }
        let same = zip(found, expected).prefix { $0 == $1 }.count
        let (place, other) = (found.startIndex + same, expected.startIndex + same)
        let byte = place < output.count ? output[place] : nil
        let wanted = other < answer.count ? answer[other] : nil
        return Difference.at(
            place, of: output,
            "white space differs: expected \(Difference.name(wanted)), found \(Difference.name(byte))")
    }
}

/// The tokens of a text, one after the other.
struct TokenReader {
    private let bytes: [UInt8]
    private var position = 0
    /// How many tokens were read.
    private(set) var count = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Goes to the next token; returns where the white space before it was.
    mutating func skipSpace() -> Range<Int> {
        let start = position
        while position < bytes.count, bytes[position].isSpace { position += 1 }
        return start..<position
    }

    /// The token that begins here; `nil` at the end.
    mutating func next() -> Range<Int>? {
        let start = position
        while position < bytes.count, !bytes[position].isSpace { position += 1 }
        if start == position { return nil }
        count += 1
        return start..<position
    }
}
#endif
