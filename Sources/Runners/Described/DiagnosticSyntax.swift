/// How a described compiler writes its diagnostics, and finding them in its output. Pure.

public import SandboxAPI
import SandboxRuntime

/// The form of a compiler's messages: ``gnu``, ``rust``, ``node``, or a line's template.
///
/// A template is text with fields in braces; `{{` and `}}` are braces:
///
/// | field | what it takes |
/// | --- | --- |
/// | `{file}` | the file, up to the text behind the field; `./` before it is left out |
/// | `{line}`, `{column}` | 1 to 9 digits |
/// | `{severity}` | a word such as `error`, `Fatal`, `Warning`, `note` |
/// | `{code}` | a word without blanks, such as `CS0103`: it becomes the option |
/// | `{message}` | the text; when it is empty or there is no such field, the next line that is no excerpt |
/// | `{rest}` | anything, which is dropped |
///
/// `{file}({line},{column}): {severity} {code}: {message}` is the form of C# and TypeScript compilers. A template without
/// `{severity}` is an error's.
public struct DiagnosticSyntax: Sendable, Hashable, CustomStringConvertible {
    enum Field: String, CaseIterable, Sendable { case file, line, column, severity, code, message, rest }

    enum Part: Hashable, Sendable {
        case text([UInt8])
        case field(Field)
    }

    /// The name, or the template.
    public let text: String
    /// Empty for the forms that have a name.
    let parts: [Part]

    public var description: String { text }

    /// The longest template, in bytes.
    public static let longest = 200

    /// What gcc, clang and their linkers write, and many others: `file:line:column: severity: message`.
    public static let gnu = DiagnosticSyntax(name: "gnu")
    /// What rustc writes: `severity[code]: message`, and on the next line `--> file:line:column`.
    public static let rust = DiagnosticSyntax(name: "rust")

    /// What Node.js writes: `file:line`, the line with carets below it, and `SyntaxError: message`.
    public static let node = DiagnosticSyntax(name: "node")

    private static let named = [gnu, rust, node]

    private init(name: String) {
        text = name
        parts = []
    }

    /// - Parameter text: `gnu`, `rust`, `node` or a template.
    /// - Throws: `SandboxError` `.invalidArgument` for fields that are not known or that stand without text between them, and
    ///   templates that name no file or no line, or are too long.
    public init(_ text: String) throws(SandboxError) {
        if let known = Self.named.first(where: { $0.text == text }) {
            self = known
            return
        }
        do throws(ArgumentTemplate.Mistake) {
            parts = try Self.parse(Array(text.utf8))
        } catch {
            throw SandboxError(
                .invalidArgument,
                message: "the syntax of diagnostics \(ByteString(text).quoted) \(error.rule)",
                hint: error.hint)
        }
        self.text = text
    }

    private static func parse(_ bytes: [UInt8]) throws(ArgumentTemplate.Mistake) -> [Part] {
        guard bytes.count <= longest, !bytes.contains(where: { $0 < 0x20 }) else {
            throw .init(
                rule: "is longer than \(longest) bytes, or has a control character in it",
                hint: "describe one line of the compiler's output")
        }
        let (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
        var parts: [Part] = []
        var literal: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == open || byte == close, rest.first == byte {
                literal.append(byte)
                rest.removeFirst()
                continue
            }
            guard byte == open else {
                literal.append(byte)
                continue
            }
            let name = rest.firstIndex(of: close).map { String(decoding: rest[..<$0], as: UTF8.self) }
            guard let name, let field = Field(rawValue: name) else {
                throw .init(
                    rule: "has an unknown field",
                    hint: "known are " + Field.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", "))
            }
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = []
            if case .field? = parts.last {
                throw .init(rule: "has two fields side by side", hint: "put text between them")
            }
            if parts.contains(.field(field)), field != .rest {
                throw .init(
                    rule: "has the field {\(name)} twice", hint: "write {rest} for what is to be dropped")
            }
            parts.append(.field(field))
            rest.removeFirst(name.utf8.count + 1)
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
        guard parts.contains(.field(.file)), parts.contains(.field(.line)) else {
            throw .init(rule: "lacks {file} or {line}", hint: "only lines that name a place are diagnostics")
        }
        return parts
    }

    /// The diagnostics in a compiler's output, by the first syntax that fits each line.
    ///
    /// Never fails; takes time linear in the text.
    /// - Returns: at most ``Diagnostic/maximumCount``.
    static func parse(_ syntaxes: [DiagnosticSyntax], _ texts: [UInt8]...) -> [Diagnostic] {
        var found: [Diagnostic] = []
        for text in texts where !syntaxes.isEmpty {
            if syntaxes.contains(.gnu) { found += Diagnostic.parse(text) }
            if syntaxes.contains(.rust) { found += RustDiagnostics.parse(text[...]) }
            if syntaxes.contains(.node) { found += NodeDiagnostics.parse(text[...]) }
            let templates = syntaxes.filter { !named.contains($0) }
            if templates.isEmpty { continue }
            var finder = TemplateDiagnostics(templates: templates)
            found += finder.parse(text[...])
        }
        return Array(found.prefix(Diagnostic.maximumCount))
    }
}
