/// One message of a compiler, assembler or linker.

/// One message of the C++ toolchain, parsed from its text.
///
/// Untrusted: a source can make a compiler print lines that look like diagnostics (`#line`, `static_assert`
/// texts).
public struct Diagnostic: Sendable, Hashable {
    public enum Severity: String, Sendable, Hashable, CaseIterable {
        /// An error of the compiler, assembler or linker.
        case error
        /// The compiler stopped there: a missing header, an internal error.
        case fatalError
        case warning
        /// An explanation of the message before it.
        case note
    }

    /// The file as the compiler names it; the tool that reports (`collect2`, `/usr/bin/ld`, `cc1plus`) when
    /// the message is about no file; empty when the line names neither.
    public var file: String
    /// Counted from 1. `nil` when there is none, as in most linker errors.
    public var line: Int?
    /// Counted from 1, in the compiler's own unit (bytes for g++ and clang).
    public var column: Int?
    public var severity: Severity
    /// The text without location, severity and option.
    public var message: String
    /// The flag that controls the message, as printed: `-Wunused-variable`, `-Werror=format=`,
    /// `-fpermissive`.
    public var option: String?

    public init(
        file: String, line: Int? = nil, column: Int? = nil, severity: Severity, message: String,
        option: String? = nil
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.severity = severity
        self.message = message
        self.option = option
    }
}

extension Diagnostic {
    /// The largest number of diagnostics that ``parse(_:)`` returns; later ones are left out.
    public static let maximumCount = 1000

    /// Finds the diagnostics in what g++, clang++, the assembler or the linker printed.
    ///
    /// Never fails: lines that are no diagnostics (source excerpts, `In file included from`, `required from`)
    /// are passed over. Takes time linear in the text.
    /// - Parameter text: the compiler's stderr, in any encoding.
    /// - Returns: at most ``maximumCount`` diagnostics in the order of the text.
    public static func parse(_ text: [UInt8]) -> [Diagnostic] {
        var parser = DiagnosticParser()
        return parser.parse(text[...])
    }
}
