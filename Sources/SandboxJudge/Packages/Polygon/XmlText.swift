/// Parses the XML of a package: hostile text, bounded. Pure.
///
/// A parser of its own, of elements and attributes alone: a document type, and with it entities of any size, is refused, and
/// linking the command statically needs no further library.

#if Judge
import SandboxAPI

/// An element with its text and the elements in it.
struct XmlElement: Sendable {
    var name: String
    var line: Int
    var attributes: [String: String] = [:]
    var children: [XmlElement] = []
    /// All of the element's own text, as it stands there.
    var text = ""

    /// The first element of that name in this one.
    subscript(name: String) -> XmlElement? { children.first { $0.name == name } }

    func all(_ name: String) -> [XmlElement] { children.filter { $0.name == name } }
}

struct XmlText {
    struct Failure: Error {
        var line: Int
        var problem: String
    }

    private static let mostElements = 100_000
    private static let mostDepth = 64

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var elements = 0

    private init(_ text: String) { bytes = Array(text.utf8) }

    static func parse(_ text: String) throws(Failure) -> XmlElement {
        var parser = XmlText(text)
        try parser.skipMisc()
        guard parser.peek("<") else { throw parser.failure("there is no element") }
        let root = try parser.element(depth: 0)
        try parser.skipMisc()
        guard parser.position == parser.bytes.count else {
            throw parser.failure("there is something behind the last element")
        }
        return root
    }

    private func failure(_ problem: String) -> Failure { Failure(line: line, problem: problem) }

    private func peek(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    private mutating func advance(_ count: Int) {
        for byte in bytes[position..<position + count] where byte == UInt8(ascii: "\n") { line += 1 }
        position += count
    }

    private mutating func skipSpace() {
        advance(bytes[position...].prefix { [0x20, 0x09, 0x0a, 0x0d].contains($0) }.count)
    }

    /// Goes behind the next occurrence of a text.
    private mutating func skip(through end: String) throws(Failure) {
        guard let range = bytes[position...].firstRange(of: Array(end.utf8)) else {
            throw failure("\(end) is missing")
        }
        advance(range.upperBound - position)
    }

    /// Skips comments, instructions and white space.
    private mutating func skipMisc() throws(Failure) {
        while true {
            skipSpace()
            if peek("<!--") {
                advance(4)
                try skip(through: "-->")
            } else if peek("<?") {
                try skip(through: "?>")
            } else if peek("<!") && !peek("<![CDATA[") {
                throw failure("a document type is refused")
            } else {
                return
            }
        }
    }

    private mutating func name() throws(Failure) -> String {
        let name = bytes[position...].prefix { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
                true
            default:
                [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":")].contains(byte)
            }
        }
        guard !name.isEmpty else { throw failure("a name is missing") }
        advance(name.count)
        return String(decoding: name, as: UTF8.self)
    }

    private mutating func element(depth: Int) throws(Failure) -> XmlElement {
        elements += 1
        guard depth < Self.mostDepth, elements <= Self.mostElements else {
            throw failure("more than \(Self.mostDepth) levels or \(Self.mostElements) elements")
        }
        let start = line
        advance(1)
        var element = XmlElement(name: try name(), line: start)
        while true {
            skipSpace()
            if peek("/>") {
                advance(2)
                return element
            }
            if peek(">") {
                advance(1)
                break
            }
            let key = try name()
            skipSpace()
            guard peek("=") else { throw failure("an attribute has no value") }
            advance(1)
            skipSpace()
            guard element.attributes.updateValue(try value(), forKey: key) == nil else {
                throw failure("an attribute stands twice")
            }
        }
        while true {
            let text = bytes[position...].prefix { $0 != UInt8(ascii: "<") }
            if element.children.isEmpty { element.text += String(decoding: text, as: UTF8.self) }
            advance(text.count)
            if peek("<![CDATA[") {
                try skip(through: "]]>")
                continue
            }
            try skipMisc()
            if peek("</") {
                advance(2)
                let end = try name()
                guard end == element.name else {
                    throw failure(
                        "\(ByteString(end).quoted) ends \(ByteString(element.name).quoted) of line \(start)")
                }
                skipSpace()
                guard peek(">") else { throw failure("> is missing") }
                advance(1)
                return element
            }
            if peek("<") {
                element.children.append(try self.element(depth: depth + 1))
            } else if position >= bytes.count {
                throw failure("\(ByteString(element.name).quoted) of line \(start) has no end")
            }
        }
    }

    private mutating func value() throws(Failure) -> String {
        guard let quote = bytes[position...].first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
        else {
            throw failure("a value has no quotes")
        }
        advance(1)
        let raw = bytes[position...].prefix { $0 != quote }
        guard position + raw.count < bytes.count, !raw.contains(UInt8(ascii: "<")) else {
            throw failure("a value has no end")
        }
        let text = try decoded(String(decoding: raw, as: UTF8.self))
        advance(raw.count + 1)
        return text
    }

    private func decoded(_ text: String) throws(Failure) -> String {
        guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
        let known = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]
        var result = ""
        var rest = text[...]
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            guard let end = rest[start...].firstIndex(of: ";") else { throw failure("an entity has no end") }
            let name = rest[rest.index(after: start)..<end]
            if let character = known[String(name)] {
                result += character
            } else if name.hasPrefix("#"),
                let number = name.hasPrefix("#x")
                    ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name.dropFirst()),
                let scalar = Unicode.Scalar(number), number != 0
            {
                result.unicodeScalars.append(scalar)
            } else {
                throw failure("an unknown entity")
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
#endif
