/// Finds diagnostics in what Node.js writes of a source that it cannot parse. Pure.

/// A place, the line of the source, a line of carets, and below them the error:
///
/// ```
/// /work/main.js:2
///     return );
///            ^
///
/// SyntaxError: Unexpected token ')'
/// ```
enum NodeDiagnostics {
    /// At most ``Diagnostic/maximumCount``.
    static func parse(_ text: Bytes) -> [Diagnostic] {
        var found: [Diagnostic] = []
        var lines = LineReader(text)
        while found.count < Diagnostic.maximumCount, let line = lines.nextLine() {
            guard let (file, number) = place(line) else { continue }
            // The source's own line can look like anything.
            _ = lines.nextLine()
            var diagnostic = Diagnostic(file: file, line: number, severity: .error, message: "")
            // Nothing else stands between carets and error but a blank line.
            for _ in 0..<3 {
                guard let next = lines.nextLine() else { break }
                if let column = column(next) {
                    diagnostic.column = column
                } else if let message = message(next) {
                    diagnostic.message = message
                    found.append(diagnostic)
                    break
                }
            }
        }
        return found
    }

    /// `/work/main.js:2`, and nothing else in the line; relative to `/work`, or the name alone.
    private static func place(_ line: Bytes) -> (file: String, line: Int)? {
        guard let colon = line.lastIndex(of: UInt8(ascii: ":")), let number = line[(colon + 1)...].number,
            let first = line[..<colon].first, !first.isBlank
        else { return nil }
        let path = line[..<colon]
        if path.starts(with: "/work/") { return (path.dropFirst("/work/".utf8.count).text, number) }
        // At level minimal `/work` is a directory of the host, whose path is nobody's concern.
        let name = path.lastIndex(of: UInt8(ascii: "/")).map { path[($0 + 1)...] } ?? path
        return name.isEmpty ? nil : (name.text, number)
    }

    /// Of the first caret, from 1, in a line of blanks and carets.
    private static func column(_ line: Bytes) -> Int? {
        let caret = UInt8(ascii: "^")
        guard let first = line.firstIndex(of: caret), line.allSatisfy({ $0 == caret || $0.isBlank }) else {
            return nil
        }
        return first - line.startIndex + 1
    }

    /// What stands behind `SyntaxError: `.
    private static func message(_ line: Bytes) -> String? {
        line.starts(with: "SyntaxError: ") ? line.dropFirst("SyntaxError: ".utf8.count).text : nil
    }
}
