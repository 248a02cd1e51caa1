/// The languages in which a program can be given as source.

/// A language, by its name. Whoever writes a runner names its language: `Language(rawValue: "lua")`.
public struct Language: Sendable, Hashable, RawRepresentable, CaseIterable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral name: String) { self.init(rawValue: name) }
    public var description: String { rawValue }

    public static let cpp = Language(rawValue: "cpp")
    public static let python = Language(rawValue: "python")

    /// Those that this library has a runner for.
    public static let allCases: [Language] = [.cpp, .python]
}
