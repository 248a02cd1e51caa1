/// Makes text of others harmless for a terminal.

#if CLI
enum TerminalText {
    /// The text with everything that a terminal obeys, or that hides or reorders what a person reads, as
    /// `\u{…}`: control characters, and Unicode's invisible and direction-changing ones.
    static func visible(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: String(scalar)
            }
        }.joined()
    }

    /// The same for text of several lines, which stay lines.
    static func visibleLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { visible(String($0)) }
            .joined(separator: "\n")
    }
}
#endif
