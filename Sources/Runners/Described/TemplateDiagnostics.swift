/// Finds diagnostics by the templates of a description, line by line. Pure.

/// One pass over a text by templates.
struct TemplateDiagnostics {
    let templates: [DiagnosticSyntax]
    private var found: [Diagnostic] = []
    /// How many lines are left in which the message of the last diagnostic may stand.
    private var awaited = 0

    /// Longer lines are no diagnostics.
    private static let longestLine = 1024
    /// How far behind its place a message may stand: OCaml shows the source in between.
    private static let patience = 8

    init(templates: [DiagnosticSyntax]) { self.templates = templates }

    mutating func parse(_ text: Bytes) -> [Diagnostic] {
        var lines = LineReader(text)
        while found.count < Diagnostic.maximumCount, let line = lines.nextLine() {
            if line.count > Self.longestLine { continue }
            if let match = templates.lazy.compactMap({ TemplateMatch($0, line) }).first {
                found.append(match.diagnostic)
                awaited = match.diagnostic.message.isEmpty ? Self.patience : 0
            } else if awaited > 0 {
                awaited -= 1
                complete(with: line.trimmed)
            }
        }
        return found
    }

    private mutating func complete(with line: Bytes) {
        if line.isEmpty || isExcerpt(line) { return }
        awaited = 0
        var text = line
        var severity = found[found.count - 1].severity
        if let (named, rest) = DiagnosticWord.find(in: line), rest.first == UInt8(ascii: ":") {
            severity = named
            text = rest.dropFirst().trimmed
        }
        found[found.count - 1].severity = severity
        found[found.count - 1].message = text.text
    }

    /// `12 | let x = y`, or marks below such a line.
    private func isExcerpt(_ line: Bytes) -> Bool {
        let afterNumber = line.drop { $0.isDigit }.drop { $0.isBlank }
        if afterNumber.first == UInt8(ascii: "|") { return true }
        return line.allSatisfy { $0.isBlank || $0 == UInt8(ascii: "^") || $0 == UInt8(ascii: "~") }
    }
}

enum DiagnosticWord {
    /// A word of severity at the beginning of a text, and what follows it.
    static func find(in text: Bytes) -> (Diagnostic.Severity, Bytes)? {
        let words: [(StaticString, Diagnostic.Severity)] = [
            ("fatal error", .fatalError), ("fatal", .fatalError), ("error", .error), ("warning", .warning),
            ("hint", .note), ("note", .note), ("info", .note),
        ]
        let start = text.prefix(12).map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }[...]
        for (word, severity) in words where start.matches(word, at: 0) {
            let rest = text.dropFirst(word.utf8CodeUnitCount)
            if let next = rest.first, (0x61...0x7a).contains(next | 0x20) { continue }
            return (severity, rest)
        }
        return nil
    }
}

/// A line that a template fits.
private struct TemplateMatch {
    private var fields: [DiagnosticSyntax.Field: Bytes] = [:]
    private var severity = Diagnostic.Severity.error
    /// How many places the rest of the template may still be tried at.
    private var tries = 16

    init?(_ syntax: DiagnosticSyntax, _ line: Bytes) {
        guard matches(syntax.parts[...], line) else { return nil }
        guard fields[.file]?.trimmed.isEmpty == false else { return nil }
    }

    var diagnostic: Diagnostic {
        var file = (fields[.file] ?? Bytes()).trimmed
        if file.starts(with: "./") { file = file.dropFirst(2) }
        return Diagnostic(
            file: file.text, line: fields[.line]?.number, column: fields[.column]?.number, severity: severity,
            message: (fields[.message] ?? Bytes()).trimmed.text, option: fields[.code]?.text)
    }

    private mutating func matches(_ parts: ArraySlice<DiagnosticSyntax.Part>, _ line: Bytes) -> Bool {
        guard let part = parts.first else { return line.isEmpty }
        switch part {
        case .text(let text):
            return line.starts(with: text) && matches(parts.dropFirst(), line.dropFirst(text.count))
        case .field(let field): return takes(field, parts.dropFirst(), line)
        }
    }

    private mutating func takes(
        _ field: DiagnosticSyntax.Field, _ parts: ArraySlice<DiagnosticSyntax.Part>, _ line: Bytes
    ) -> Bool {
        switch field {
        case .line, .column:
            let digits = line.prefix { $0.isDigit }
            fields[field] = digits
            return digits.number != nil && matches(parts, line.dropFirst(digits.count))
        case .severity:
            guard let (found, rest) = DiagnosticWord.find(in: line) else { return false }
            severity = found
            return matches(parts, rest)
        case .code:
            let word = line.prefix { !$0.isBlank && $0 != UInt8(ascii: ":") }
            fields[field] = word
            return !word.isEmpty && matches(parts, line.dropFirst(word.count))
        case .file, .message, .rest:
            guard case .text(let end)? = parts.first else {
                fields[field] = line
                return parts.isEmpty
            }
            var start = line.startIndex
            while tries > 0, let place = line[start...].range(of: end) {
                tries -= 1
                if matches(parts, line[place...]) {
                    fields[field] = line[..<place]
                    return true
                }
                start = place + 1
            }
            return false
        }
    }
}

extension Bytes {
    /// Where `text` (not empty, short) stands first.
    fileprivate func range(of text: [UInt8]) -> Int? {
        var index = startIndex
        while endIndex - index >= text.count {
            guard let start = self[index...].firstIndex(of: text[0]) else { return nil }
            if self[start...].starts(with: text) { return start }
            index = start + 1
        }
        return nil
    }
}
