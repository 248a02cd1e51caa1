/// The languages in which a program can be given as source.

/// A language, by its name. A runner of another package defines its language's name: `Language(rawValue:
/// "lua")`.
public struct Language: Sendable, Hashable, RawRepresentable, CaseIterable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral name: String) { self.init(rawValue: name) }
    public var description: String { rawValue }

    public static let cpp = Language(rawValue: "cpp")
    public static let python = Language(rawValue: "python")

    /// The languages that this library has a runner for.
    public static let allCases: [Language] = [.cpp, .python]
}
