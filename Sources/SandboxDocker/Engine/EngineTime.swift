/// Times as engines write them. Pure.

#if Docker
enum EngineTime {
    /// Parses a time of RFC 3339 into seconds since 1970: `2026-11-29T11:00:00.123456789+01:00`; nil if it is
    /// invalid.
    static func seconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20 else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            return range.reduce(Optional(Int64(0))) { sum, index in
                let digit = Int64(bytes[index]) - 48
                return (0...9).contains(digit) ? sum.map { $0 * 10 + digit } : nil
            }
        }
        let separators: [(Int, Character)] = [(4, "-"), (7, "-"), (13, ":"), (16, ":")]
        guard separators.allSatisfy({ bytes[$0.0] == $0.1.asciiValue }), "Tt ".utf8.contains(bytes[10]),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var at = 19
        if bytes[at] == UInt8(ascii: ".") {
            at += 1
            while at < bytes.count, (48...57).contains(bytes[at]) { at += 1 }
        }
        guard at < bytes.count else { return nil }
        var offset: Int64 = 0
        switch bytes[at] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): break
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard let hours = number(at + 1..<at + 3), let minutes = number(at + 4..<at + 6) else {
                return nil
            }
            offset = (hours * 60 + minutes) * 60 * (bytes[at] == UInt8(ascii: "+") ? 1 : -1)
        default: return nil
        }
        return days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    }

    /// Days since 1970-01-01, in the Gregorian calendar; counted in years from March, so that the leap day is
    /// their last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let ofEra = year % 400
        let ofYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }
}
#endif
