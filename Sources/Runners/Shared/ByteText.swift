/// Small linear-time helpers on text of unknown encoding.

/// A part of a text whose encoding is not known.
typealias Bytes = ArraySlice<UInt8>

extension ArraySlice<UInt8> {
    /// As a string; bytes that are not UTF-8 are replaced.
    var text: String { String(decoding: self, as: UTF8.self) }

    func starts(with text: StaticString) -> Bool { matches(text, at: startIndex) }

    /// True when `text` (ASCII) stands at `index`.
    func matches(_ text: StaticString, at index: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard index >= startIndex, endIndex - index >= length else { return false }
        for offset in 0..<length where self[index + offset] != text.utf8Start[offset] { return false }
        return true
    }

    func ends(with text: StaticString) -> Bool { matches(text, at: endIndex - text.utf8CodeUnitCount) }

    /// Where `text` (ASCII, short) stands first.
    func firstRange(of text: StaticString) -> Range<Int>? {
        let length = text.utf8CodeUnitCount
        let first = text.utf8Start[0]
        var index = startIndex
        while endIndex - index >= length {
            if self[index] == first, matches(text, at: index) { return index..<index + length }
            index += 1
        }
        return nil
    }

    /// Where `text` (ASCII, short) stands last.
    func lastRange(of text: StaticString) -> Range<Int>? {
        let length = text.utf8CodeUnitCount
        let first = text.utf8Start[0]
        var index = endIndex - length
        while index >= startIndex {
            if self[index] == first, matches(text, at: index) { return index..<index + length }
            index -= 1
        }
        return nil
    }

    /// A decimal number of 1 to 9 digits and nothing else.
    var number: Int? {
        guard (1...9).contains(count) else { return nil }
        var value = 0
        for byte in self {
            guard byte.isDigit else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// Without spaces, tabs and line ends on either side.
    var trimmed: Bytes {
        guard let first = firstIndex(where: { !$0.isBlank }) else { return self[endIndex...] }
        return self[first...lastIndex(where: { !$0.isBlank })!]
    }
}

extension UInt8 {
    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
    /// A space, tab, line feed or carriage return.
    var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0a || self == 0x0d }
}

/// The lines of a text without their ends (LF or CR LF), one after the other.
struct LineReader {
    private let text: Bytes
    private var next: Int

    init(_ text: Bytes) {
        self.text = text
        next = text.startIndex
    }

    mutating func nextLine() -> Bytes? {
        guard next < text.endIndex else { return nil }
        let end = text[next...].firstIndex(of: 0x0a) ?? text.endIndex
        var line = text[next..<end]
        next = min(end + 1, text.endIndex)
        if line.last == 0x0d { line.removeLast() }
        return line
    }
}
