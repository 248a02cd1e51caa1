/// Finds diagnostics in the text of rustc: a message and, below it, its place. Pure.

enum RustDiagnostics {
    /// At most ``Diagnostic/maximumCount``; messages without a place are left out.
    static func parse(_ text: Bytes) -> [Diagnostic] {
        var found: [Diagnostic] = []
        var message: Diagnostic?
        var lines = LineReader(text)
        while found.count < Diagnostic.maximumCount, let line = lines.nextLine() {
            if let next = heading(line) {
                message = next
            } else if let place = place(line.trimmed), var diagnostic = message {
                (diagnostic.file, diagnostic.line, diagnostic.column) = place
                found.append(diagnostic)
                // Further places of one message explain it.
                message = nil
            }
        }
        return found
    }

    /// `error[E0425]: cannot find value`, at the beginning of a line.
    private static func heading(_ line: Bytes) -> Diagnostic? {
        guard let (severity, behind) = DiagnosticWord.find(in: line) else { return nil }
        var rest = behind
        var code: Bytes?
        if rest.first == UInt8(ascii: "["), let end = rest.firstIndex(of: UInt8(ascii: "]")) {
            code = rest[(rest.startIndex + 1)..<end]
            rest = rest[(end + 1)...]
        }
        guard rest.starts(with: ": ") else { return nil }
        return Diagnostic(
            file: "", severity: severity, message: rest.dropFirst(2).text, option: code.map(\.text))
    }

    /// `--> main.rs:2:5`.
    private static func place(_ line: Bytes) -> (String, Int?, Int?)? {
        guard line.starts(with: "--> ") else { return nil }
        let parts = line.dropFirst(4).split(separator: UInt8(ascii: ":"))
        guard parts.count == 3, let number = parts[1].number, let column = parts[2].number else { return nil }
        return (parts[0].text, number, column)
    }
}
