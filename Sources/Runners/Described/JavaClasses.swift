/// Finds the classes of a Java source, and which of them is the program. Pure.

import SandboxAPI

/// The classes that stand at the top of a source, as far as its words tell: the compiler has the last word.
///
/// Takes time linear in the source. Comments and texts are passed over; a source that does not compile gives whatever
/// its words look like.
struct JavaClasses {
    private struct Declaration {
        var name: String
        var isPublic: Bool
        var hasMain = false
    }

    /// The class after which the compiler demands the file to be named.
    var publicClass: String? { declared.first { $0.isPublic }?.name }

    /// The class to start, with its package: the public one if it has `main`, else the first that has, else the public
    /// one, else the first.
    var entry: String? {
        let chosen =
            declared.first { $0.isPublic && $0.hasMain } ?? declared.first { $0.hasMain }
            ?? declared.first { $0.isPublic } ?? declared.first
        guard let chosen else { return nil }
        return package.isEmpty ? chosen.name : package + "." + chosen.name
    }

    private var declared: [Declaration] = []
    private var package = ""

    init(_ source: [UInt8]) {
        var words = JavaWords(source)
        // The words before: the last one, and the one before it.
        var (second, first) = ("", "")
        var depth = 0
        var isPublic = false
        while let word = words.next() {
            switch word {
            case "{": depth += 1
            case "}":
                depth = max(0, depth - 1)
                if depth == 0 { isPublic = false }
            case ";" where depth == 0: isPublic = false
            case "public" where depth == 0: isPublic = true
            case "(" where depth == 1 && first == "main" && second == "void":
                if !declared.isEmpty { declared[declared.count - 1].hasMain = true }
            default: break
            }
            // `@interface` is a word `@` and a word `interface`; `X.class` is no declaration.
            if depth == 0, JavaWords.isName(word), ["class", "interface", "enum", "record"].contains(first),
                second != "."
            {
                declared.append(Declaration(name: word, isPublic: isPublic))
            }
            if depth == 0, first == "package", package.isEmpty, JavaWords.isName(word) {
                package = words.dotted(word)
            }
            (second, first) = (first, word)
        }
    }
}

/// The words of a Java source: names, and single characters of everything else.
private struct JavaWords {
    private let bytes: [UInt8]
    private var index = 0
    /// Longer names are cut: no class has one.
    private static let longest = 100

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    static func isName(_ word: String) -> Bool {
        guard let first = word.utf8.first else { return false }
        return isLetter(first)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$")
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    mutating func next() -> String? {
        skip()
        guard index < bytes.count else { return nil }
        let start = index
        index += 1
        guard Self.isLetter(bytes[start]) else {
            return String(decoding: [bytes[start]], as: UTF8.self)
        }
        while index < bytes.count, Self.isLetter(bytes[index]) || bytes[index].isDigit { index += 1 }
        return String(decoding: bytes[start..<min(index, start + Self.longest)], as: UTF8.self)
    }

    /// The rest of a name with dots, `a.b.c`, of which the first part is read.
    mutating func dotted(_ first: String) -> String {
        var name = first
        while true {
            let before = index
            guard next() == ".", let part = next(), Self.isName(part), name.utf8.count < Self.longest else {
                index = before
                return name
            }
            name += "." + part
        }
    }

    /// Passes over blanks, comments and texts.
    private mutating func skip() {
        while index < bytes.count {
            if bytes[index].isBlank || bytes[index] == 0x0c {
                index += 1
            } else if bytes[index...].matches("//", at: index) {
                index = bytes[index...].firstIndex { $0 == 0x0a || $0 == 0x0d } ?? bytes.count
            } else if bytes[index...].matches("/*", at: index) {
                index = end(of: "*/", from: index + 2)
            } else if bytes[index...].matches("\"\"\"", at: index) {
                index = end(of: "\"\"\"", from: index + 3)
            } else if bytes[index] == UInt8(ascii: "\"") || bytes[index] == UInt8(ascii: "'") {
                skipText(bytes[index])
            } else {
                return
            }
        }
    }

    private func end(of mark: StaticString, from start: Int) -> Int {
        bytes[min(start, bytes.count)...].firstRange(of: mark)?.upperBound ?? bytes.count
    }

    /// A text ends at its quote or at the line's end.
    private mutating func skipText(_ quote: UInt8) {
        index += 1
        while index < bytes.count, bytes[index] != quote, bytes[index] != 0x0a {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        index = min(index + 1, bytes.count)
    }
}
