/// Reads and prints the SIZE and S of the options: bytes with binary K, M, G, and seconds with fractions.

#if CLI
import SandboxRuntime

/// Why an option's value is invalid.
struct BadValue: Error, Hashable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A number of bytes as written on the command line: `4096`, `64K`, `256M`, `1G` (binary, either case).
enum ByteSize {
    static func parse(_ text: String) throws(BadValue) -> Int {
        var digits = Array(text.utf8)
        var shift = 0
        switch digits.last {
        case UInt8(ascii: "K"), UInt8(ascii: "k"): shift = 10
        case UInt8(ascii: "M"), UInt8(ascii: "m"): shift = 20
        case UInt8(ascii: "G"), UInt8(ascii: "g"): shift = 30
        default: break
        }
        if shift > 0 { digits.removeLast() }
        guard let number = try WholeNumber.parse(digits) else {
            throw BadValue(
                "a size is a whole number of bytes, or one with K, M or G after it, such as 256M")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        if overflow { throw WholeNumber.tooLarge }
        return bytes
    }

    /// `256 MiB`, `1 KiB`, `1000 bytes`.
    static func describe(_ bytes: Int) -> String {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")]
        where bytes >= 1 << shift && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift) \(unit)"
        }
        return bytes == 1 ? "1 byte" : "\(bytes) bytes"
    }
}

/// A number of things: 1, 2, 3, …
enum Count {
    static func parse(_ text: String) throws(BadValue) -> Int {
        guard let number = try WholeNumber.parse(Array(text.utf8)), number > 0 else {
            throw BadValue("a whole number of at least 1 is needed")
        }
        return number
    }
}

/// A number of processors, with fractions: `2`, `0.5`.
enum Processors {
    static func parse(_ text: String) throws(BadValue) -> Double {
        let isPlain = text.utf8.allSatisfy { WholeNumber.isDigit($0) || $0 == UInt8(ascii: ".") }
        guard isPlain, !text.hasSuffix("."), let number = Double(text), number > 0 else {
            throw BadValue("a number of processors of more than 0 is needed, such as 1 or 0.5")
        }
        return number
    }
}

/// Numbers of processors as `taskset` and `docker` write them: `0`, `0,2-3`.
enum ProcessorSet {
    static func parse(_ text: String, in range: ClosedRange<Int>) throws(BadValue) -> Set<Int> {
        var set: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
                number(Array($0.utf8))
            }
            guard let first = ends[0], let last = ends[ends.count - 1], ends.count <= 2, first <= last,
                range.contains(last)
            else {
                throw BadValue(
                    "numbers of processors and ranges of them are needed, from \(range.lowerBound) to "
                        + "\(range.upperBound), such as 0 or 0,2-3")
            }
            set.formUnion(first...last)
        }
        return set
    }

    private static func number(_ digits: [UInt8]) -> Int? {
        digits.isEmpty || !digits.allSatisfy(WholeNumber.isDigit)
            ? nil : Int(String(decoding: digits, as: UTF8.self))
    }
}

/// A time in seconds as written on the command line: `10`, `0.5`, `.25`; more than 0, at most 24 hours.
enum Seconds {
    static let maximum = Int(LimitDescription.longestTime.components.seconds)

    static func parse(_ text: String) throws(BadValue) -> Duration {
        let malformed = BadValue("a time is a number of seconds, such as 10 or 0.5")
        let bytes = Array(text.utf8)
        let dot = bytes.firstIndex(of: UInt8(ascii: "."))
        let whole = Array(bytes[..<(dot ?? bytes.count)])
        let fraction = dot.map { Array(bytes[($0 + 1)...]) } ?? []
        if whole.isEmpty ? dot == nil : !whole.allSatisfy(WholeNumber.isDigit) { throw malformed }
        if dot != nil && (fraction.isEmpty || !fraction.allSatisfy(WholeNumber.isDigit)) {
            throw malformed
        }

        let tooLong = BadValue("a time is at most \(maximum) seconds (24 hours)")
        guard let seconds = whole.isEmpty ? 0 : Int(String(decoding: whole, as: UTF8.self)) else {
            throw tooLong  // Digits only, so nothing but an overflow fails here.
        }
        // Eighteen digits are attoseconds; further digits are dropped.
        let kept = fraction.prefix(18)
        var attoseconds: Int64 = 0
        for position in 0..<18 {
            let digit = position < kept.count ? Int64(kept[position] - UInt8(ascii: "0")) : 0
            attoseconds = attoseconds * 10 + digit
        }
        if seconds > maximum || (seconds == maximum && attoseconds > 0) { throw tooLong }
        if seconds == 0 && attoseconds == 0 { throw BadValue("a time is more than 0 seconds") }
        return Duration(secondsComponent: Int64(seconds), attosecondsComponent: attoseconds)
    }

    static func value(_ duration: Duration) -> Double {
        let parts = duration.components
        return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    }

    /// `10 s`, `0.5 s`.
    static func describe(_ duration: Duration) -> String {
        let parts = duration.components
        return parts.attoseconds == 0 ? "\(parts.seconds) s" : "\(value(duration)) s"
    }
}

/// Decimal digits and nothing else: no sign, no exponent, no separator.
private enum WholeNumber {
    static let tooLarge = BadValue("the number is too large")

    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// `nil` when the bytes are not digits.
    static func parse(_ digits: [UInt8]) throws(BadValue) -> Int? {
        if digits.isEmpty || !digits.allSatisfy(isDigit) { return nil }
        guard let number = Int(String(decoding: digits, as: UTF8.self)) else { throw tooLarge }
        return number
    }
}
#endif
