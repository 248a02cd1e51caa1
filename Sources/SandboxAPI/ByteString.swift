/// Names, arguments and variables as the kernel takes them: as bytes.

/// A string of bytes: a file's name, an argument, a variable. Usually UTF-8; other bytes arrive unchanged,
/// too.
///
/// Two values are equal when their bytes are. Two `String`s are equal when they are canonically equivalent:
/// `"é"` as one code point and as two are equal `String`s, but different file names. A string literal can be
/// a `ByteString`, and `ByteString(text)` makes one of a `String`, as UTF-8.
public struct ByteString: Sendable, Hashable, Comparable, ExpressibleByStringInterpolation,
    CustomStringConvertible
{
    public var bytes: [UInt8]

    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// The text's UTF-8.
    public init(_ text: String) { bytes = Array(text.utf8) }

    public init(stringLiteral text: String) { self.init(text) }

    /// The bytes as text; `nil` where they are not UTF-8.
    public var exactText: String? { String(validating: bytes, as: UTF8.self) }

    /// The bytes as text; bytes that are not UTF-8 are replaced.
    public var text: String { exactText ?? String(decoding: bytes, as: UTF8.self) }

    /// Text for people, with each byte that is not UTF-8 as `\xNN`.
    public var description: String { exactText ?? shown { String($0) } }

    /// Text for people, with each code point as `show` gives it.
    package func shown(_ show: (Unicode.Scalar) -> String) -> String {
        var shown = ""
        var decoder = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var position = 0
        while true {
            switch decoder.parseScalar(from: &rest) {
            case .valid(let scalar):
                shown += show(Unicode.UTF8.decode(scalar))
                position += scalar.count
            case .error(let length):
                for byte in bytes[position..<position + length] {
                    shown += byte < 16 ? "\\x0" : "\\x"
                    shown += String(byte, radix: 16)
                }
                position += length
            case .emptyInput:
                return shown
            }
        }
    }

    public static func < (a: ByteString, b: ByteString) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }

    public var isEmpty: Bool { bytes.isEmpty }
}

extension ByteString {
    package static let slash = UInt8(ascii: "/")

    /// The bytes with a NUL behind them, for system calls.
    package var cString: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

    package var isAbsolute: Bool { bytes.first == Self.slash }

    /// The parts of a path, split at byte 0x2F as the kernel splits it; empty parts are left out.
    package var parts: [ByteString] { bytes.split(separator: Self.slash).map { ByteString($0) } }

    package init(path parts: some Sequence<ByteString>) {
        self.init(parts.map(\.bytes).joined(separator: [Self.slash]))
    }

    /// For messages: short, between quotes, with control characters and what is not UTF-8 made visible.
    package var quoted: String {
        // No more than is shown: a scalar has at most four bytes.
        let head = ByteString(bytes.prefix(324))
        var count = 0
        let shown = head.shown { scalar in
            count += 1
            return count > 80 ? "" : scalar.escaped(asASCII: false)
        }
        return "\"\(shown)\(count > 80 || bytes.count > 324 ? "…" : "")\""
    }

    package static func + (a: ByteString, b: ByteString) -> ByteString { ByteString(a.bytes + b.bytes) }
}
