/// The default output validator of the problem package formats.

#if Judge
import SandboxRuntime

/// Compares token by token as the problem package formats' default validator does, with its arguments.
///
/// Without arguments white space and the case of ASCII letters do not matter. A token is what white space separates (space,
/// tab, line feed, vertical tab, form feed, carriage return), as bytes: what stands behind a NUL counts, too.
public struct DefaultValidator: Checker, Hashable {
    /// The edition of the format, where they differ.
    public enum Edition: Sendable, Hashable {
        /// Numbers are what C's `scanf` takes, also hexadecimal ones, but not `inf` and `nan`. Of an argument given twice the
        /// last counts.
        case legacy
        /// 2025-09: numbers are decimal; each tolerance may be given once, and `float_tolerance` only alone.
        case format202509
    }

    public var edition: Edition
    /// Whether `A` and `a` differ.
    public var isCaseSensitive = false
    /// Whether white space has to be the same, byte for byte.
    public var isSpaceChangeSensitive = false
    /// Numbers of the answer are compared as numbers within this; `nil` compares all tokens as text.
    public var tolerance: Tolerance?

    /// Without arguments.
    public init(_ edition: Edition = .format202509) { self.edition = edition }

    /// With the arguments of a package: `case_sensitive`, `space_change_sensitive`, `float_absolute_tolerance N`,
    /// `float_relative_tolerance N`, `float_tolerance N`.
    ///
    /// - Throws: `.invalidArgument`, which names the argument and what is wrong with it.
    public init(arguments: [ByteString], _ edition: Edition = .format202509) throws(SandboxError) {
        self.edition = edition
        var given: Set<ByteString> = []
        var rest = arguments[...]
        while let name = rest.popFirst() {
            switch name {
            case "case_sensitive": isCaseSensitive = true
            case "space_change_sensitive": isSpaceChangeSensitive = true
            case "float_absolute_tolerance", "float_relative_tolerance", "float_tolerance":
                let value = try Self.number(rest.popFirst(), of: name, edition)
                try check(name, beside: given)
                given.insert(name)
                var tolerance = self.tolerance ?? Tolerance()
                if name != "float_relative_tolerance" { tolerance.absolute = value }
                if name != "float_absolute_tolerance" { tolerance.relative = value }
                self.tolerance = tolerance
            default:
                throw Self.invalid("\(Validation.quoted(name)) is none of its arguments")
            }
        }
    }

    public func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        let comparison = TokenComparison(
            isCaseSensitive: isCaseSensitive, isSpaceSensitive: isSpaceChangeSensitive, tolerance: tolerance,
            syntax: edition == .legacy ? .scanf : .decimal)
        return try await test.compare(output, by: comparison.compare)
    }

    private func check(_ name: ByteString, beside given: Set<ByteString>) throws(SandboxError) {
        guard edition == .format202509 else { return }
        if given.contains(name) { throw Self.invalid("\(Validation.quoted(name)) is given twice") }
        if !given.isEmpty, name == "float_tolerance" || given.contains("float_tolerance") {
            throw Self.invalid("\"float_tolerance\" is given beside another tolerance")
        }
    }

    private static func number(
        _ text: ByteString?, of name: ByteString, _ edition: Edition
    ) throws(SandboxError) -> Double {
        guard let text else { throw invalid("\(Validation.quoted(name)) has no number behind it") }
        let syntax: NumberSyntax = edition == .legacy ? .scanf : .decimal
        guard let value = NumberToken.value(text.bytes[...], syntax), value >= 0, value.isFinite else {
            throw invalid(
                "\(Validation.quoted(name)) is followed by \(Validation.quoted(text)), which is no number of 0 or more"
            )
        }
        return value
    }

    private static func invalid(_ what: String) -> SandboxError {
        SandboxError(
            .invalidArgument, message: "the default validator's arguments: \(what)",
            hint: "give case_sensitive, space_change_sensitive, or float_absolute_tolerance, "
                + "float_relative_tolerance or float_tolerance with a number")
    }
}
#endif
