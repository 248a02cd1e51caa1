/// Checkers that compare token by token.

#if Judge
/// Compares token by token; what separates them does not matter.
public struct TokenChecker: Checker {
    /// Whether `A` and `a` differ; letters outside ASCII always do.
    public var isCaseSensitive: Bool

    public init(isCaseSensitive: Bool = true) { self.isCaseSensitive = isCaseSensitive }

    public func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        try await test.compare(output, by: TokenComparison(isCaseSensitive: isCaseSensitive).compare)
    }
}

/// Compares token by token; numbers of the answer are compared as numbers, within a tolerance.
///
/// A number is near enough when it is within the absolute or the relative tolerance. Tokens of the answer that are no numbers
/// have to be the same.
public struct FloatChecker: Checker {
    public var tolerance: Tolerance
    /// Which tokens are numbers.
    public var syntax: NumberSyntax
    /// Whether `A` and `a` differ in tokens that are no numbers.
    public var isCaseSensitive: Bool

    /// - Parameters:
    ///   - absolute: 0 or more.
    ///   - relative: of the answer; 0 or more.
    ///   - syntax: which tokens are numbers.
    ///   - isCaseSensitive: whether `A` and `a` differ in tokens that are no numbers.
    public init(
        absolute: Double? = nil, relative: Double? = nil, syntax: NumberSyntax = .decimal,
        isCaseSensitive: Bool = true
    ) {
        tolerance = Tolerance(absolute: absolute, relative: relative)
        self.syntax = syntax
        self.isCaseSensitive = isCaseSensitive
    }

    public func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        let comparison = TokenComparison(
            isCaseSensitive: isCaseSensitive, tolerance: tolerance, syntax: syntax)
        return try await test.compare(output, by: comparison.compare)
    }
}

extension TestCase {
    /// Compares an output with this test's answer, which it has to have.
    func compare(
        _ output: [UInt8], by comparison: ([UInt8], [UInt8]) -> CheckResult
    ) async throws(SandboxError) -> CheckResult {
        guard let answer else {
            return CheckResult(
                .judgeError, message: "the test has no answer, and its checker compares the output with one")
        }
        return comparison(output, try await answer.read())
    }
}
#endif
