/// Finds diagnostics in the text of g++, clang++, the assembler and the linker, line by line.

/// One pass over a text.
struct DiagnosticParser {
    /// The object of the last `ld: x.o: in function` line: some lines after it name no file.
    private var linkedObject = Bytes()

    mutating func parse(_ text: Bytes) -> [Diagnostic] {
        var found: [Diagnostic] = []
        var lines = LineReader(text)
        while found.count < Diagnostic.maximumCount, let line = lines.nextLine() {
            if let diagnostic = parseLine(withoutColors(line)) { found.append(diagnostic) }
        }
        return found
    }

    private mutating func parseLine(_ line: Bytes) -> Diagnostic? {
        if isExcerpt(line) { return nil }
        if let (linker, rest) = splitLinker(line) {
            return parseMarked(rest, linker: linker) ?? parseLinker(rest, linker: linker)
        }
        return parseMarked(line, linker: nil) ?? parseReference(line)
    }

    /// Source excerpts and the lines below them: `    3 |   int x;`, or indented.
    private func isExcerpt(_ line: Bytes) -> Bool {
        guard let first = line.first, first != 0x20, first != 0x09 else { return true }
        guard let end = line.firstIndex(where: { !$0.isDigit }), end > line.startIndex else { return false }
        return line.matches(" |", at: end)
    }

    // MARK: - Lines with a severity: `main.cpp:3:5: error: …`, `cc1plus: fatal error: …`, `error: …`

    private func parseMarked(_ line: Bytes, linker: Bytes?) -> Diagnostic? {
        if let (severity, start) = marker(in: line, at: line.startIndex) {
            return diagnostic(Location(file: linker ?? Bytes()), severity, line[start...])
        }
        // The gold linker: `/tmp/x.o:main.cpp:function main: error: …`.
        let gold = line.firstRange(of: ":function ")
        let firstBlank = line.firstIndex(where: \.isBlank) ?? line.endIndex
        var index = line.startIndex
        while let colon = line[index...].firstIndex(of: UInt8(ascii: ":")) {
            index = colon + 1
            guard line.matches(": ", at: colon), let (severity, start) = marker(in: line, at: colon + 2)
            else { continue }
            if let gold, gold.upperBound <= colon {
                let object = line[..<gold.lowerBound]
                let file = object[
                    (object.lastIndex(of: UInt8(ascii: ":")).map { $0 + 1 } ?? object.startIndex)...]
                return diagnostic(Location(file: file), severity, line[start...])
            }
            let mayBeTool = colon < firstBlank || linker != nil
            guard let location = Location(line[..<colon], mayBeTool: mayBeTool) else { continue }
            return diagnostic(location, severity, line[start...])
        }
        return nil
    }

    /// A severity word at `index`, and where the message behind it starts.
    private func marker(in line: Bytes, at index: Int) -> (Diagnostic.Severity, Int)? {
        func found(_ word: StaticString, _ severity: Diagnostic.Severity) -> (Diagnostic.Severity, Int)? {
            guard line.matches(word, at: index) else { return nil }
            let end = index + word.utf8CodeUnitCount
            return end == line.endIndex ? (severity, end) : line[end] == 0x20 ? (severity, end + 1) : nil
        }
        guard index < line.endIndex else { return nil }
        switch line[index] {
        case UInt8(ascii: "e"): return found("error:", .error)
        case UInt8(ascii: "w"): return found("warning:", .warning)
        case UInt8(ascii: "n"): return found("note:", .note)
        case UInt8(ascii: "f"): return found("fatal error:", .fatalError)
        case UInt8(ascii: "i"): return found("internal compiler error:", .fatalError)
        case UInt8(ascii: "s"): return found("sorry, unimplemented:", .error)
        case UInt8(ascii: "r"): return found("remark:", .note)
        // The assembler's spelling.
        case UInt8(ascii: "E"): return found("Error:", .error)
        case UInt8(ascii: "W"): return found("Warning:", .warning)
        case UInt8(ascii: "F"): return found("Fatal error:", .fatalError)
        default: return nil
        }
    }

    // MARK: - Lines of the linker

    /// The linker's name and what follows it, for `/usr/bin/ld: …`.
    private func splitLinker(_ line: Bytes) -> (linker: Bytes, rest: Bytes)? {
        guard let end = line.firstIndex(where: { $0 == 0x20 || $0 == UInt8(ascii: ":") }),
            line.matches(": ", at: end)
        else { return nil }
        let linker = line[..<end]
        let slash = linker.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? linker.startIndex
        let name = linker[slash...]
        guard name.elementsEqual("ld".utf8) || name.starts(with: "ld.") || name.ends(with: "-ld") else {
            return nil
        }
        return (linker, line[(end + 2)...])
    }

    /// A linker's error that has no severity word.
    private mutating func parseLinker(_ rest: Bytes, linker: Bytes) -> Diagnostic? {
        if let range = rest.firstRange(of: ": in function `") {
            linkedObject = rest[..<range.lowerBound]
            return nil
        }
        if let diagnostic = parseReference(rest) { return diagnostic }
        if rest.starts(with: "cannot ") || rest.starts(with: "final link failed") {
            return diagnostic(Location(file: linker), .error, rest)
        }
        for words: StaticString in [": relocation ", ": error adding symbols", ": file not recognized"] {
            guard let range = rest.firstRange(of: words) else { continue }
            return diagnostic(
                Location(file: rest[..<range.lowerBound]), .error, rest[(range.lowerBound + 2)...])
        }
        return nil
    }

    /// `main.cpp:(.text+0x5): undefined reference to …`, with or without a line number.
    private func parseReference(_ line: Bytes) -> Diagnostic? {
        for words: StaticString in [": undefined reference to ", ": multiple definition of "] {
            guard let range = line.firstRange(of: words) else { continue }
            var position = line[..<range.lowerBound]
            if position.first == UInt8(ascii: "(") {
                position = linkedObject
            } else if let section = position.lastRange(of: ":(") {
                position = position[..<section.lowerBound]
            }
            let location = Location(position, mayBeTool: true) ?? Location(file: position)
            return diagnostic(location, .error, line[(range.lowerBound + 2)...])
        }
        return nil
    }

    // MARK: - Parts

    private func diagnostic(
        _ location: Location, _ severity: Diagnostic.Severity, _ text: Bytes
    ) -> Diagnostic {
        var message = text
        var option: Bytes?
        // ` [-Wunused-variable]` at the end, but not ` [with T = int]`.
        if message.last == UInt8(ascii: "]"), let range = message.lastRange(of: " [-") {
            let flag = message[(range.upperBound - 1)..<(message.endIndex - 1)]
            if !flag.contains(where: \.isBlank) {
                option = flag
                message = message[..<range.lowerBound]
            }
        }
        return Diagnostic(
            file: location.file.text, line: location.line, column: location.column, severity: severity,
            message: message.text, option: option?.text)
    }

    /// Without the escape sequences of `-fdiagnostics-color=always`.
    private func withoutColors(_ line: Bytes) -> Bytes {
        guard line.contains(0x1b) else { return line }
        var plain: [UInt8] = []
        plain.reserveCapacity(line.count)
        var index = line.startIndex
        while index < line.endIndex {
            if line.matches("\u{1b}[", at: index) {
                index =
                    line[(index + 2)...].firstIndex(where: { (0x40...0x7e).contains($0) }) ?? line.endIndex
                    - 1
            } else {
                plain.append(line[index])
            }
            index += 1
        }
        return plain[...]
    }
}

/// Where a diagnostic points: `file:line:column`, `file:line` or a file or tool alone.
private struct Location {
    var file: Bytes
    var line: Int?
    var column: Int?

    init(file: Bytes) { self.file = file }

    /// - Parameter mayBeTool: whether text without a line number is a location at all.
    init?(_ text: Bytes, mayBeTool: Bool) {
        guard let (head, last) = Location.splitNumber(text) else {
            guard mayBeTool, !text.isEmpty else { return nil }
            file = text
            return
        }
        if let (file, line) = Location.splitNumber(head) {
            self.file = file
            self.line = line
            column = last
        } else {
            file = head
            line = last
        }
        if file.isEmpty { return nil }
    }

    /// Splits `text:12` into `text` and 12.
    private static func splitNumber(_ text: Bytes) -> (Bytes, Int)? {
        // At most 9 digits count, so a longer run of them need not be walked.
        var start = text.endIndex
        while start > text.startIndex, text.endIndex - start < 10, text[start - 1].isDigit { start -= 1 }
        guard let value = text[start...].number, start > text.startIndex, text[start - 1] == UInt8(ascii: ":")
        else { return nil }
        return (text[..<(start - 1)], value)
    }
}
