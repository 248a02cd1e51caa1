/// How a program's entry point is found, and under which name its first source stands. Pure.

import SandboxAPI
import SandboxRuntime

/// How a language finds where a program of several sources begins.
public struct EntryRule: Sendable, Hashable, RawRepresentable, CaseIterable, CustomStringConvertible {
    public let rawValue: String
    public var description: String { rawValue }

    public init?(rawValue: String) {
        guard ["source", "java-class"].contains(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    private init(_ name: String) { rawValue = name }

    /// The program begins in its first source, or the compiler finds the entry point by itself. `{entry}` is the first
    /// source's name without its suffix.
    public static let source = EntryRule("source")
    /// As in Java: the class of the first source that declares `main`. `{entry}` is its name with its package, and the
    /// source gets the name that the compiler demands, that of its public class.
    public static let javaClass = EntryRule("java-class")

    public static let allCases: [EntryRule] = [.source, .javaClass]

    /// The first source's name in `/work`, and the entry point.
    ///
    /// - Parameters:
    ///   - source: its bytes.
    ///   - request: may name it.
    ///   - language: has the name that it gets otherwise.
    func resolve(
        _ source: [UInt8], _ request: RunRequest, _ language: LanguageDescription
    ) -> (name: ByteString, entry: ByteString) {
        let standard = ByteString(language.sourceName)
        let name = request.name(else: standard, where: language.isSource)
        switch self {
        case .javaClass:
            let classes = JavaClasses(source)
            let stem = Self.stem(of: standard)
            let named = classes.publicClass.map { ByteString($0 + ".java") }
            return (
                named.flatMap { SourceName.isPlain($0) ? $0 : nil } ?? name,
                ByteString(classes.entry ?? stem.text)
            )
        default: return (name, Self.stem(of: name))
        }
    }

    /// A name without the suffix after its last dot.
    private static func stem(of name: ByteString) -> ByteString {
        guard let dot = name.bytes.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return name }
        return ByteString(name.bytes[..<dot])
    }
}
