/// The trait that skips a test where the host lacks something.

import Glibc
public import Testing

/// Skips a test, or each test of a suite, where the host lacks a requirement, and reports the reason.
///
/// With `MUST_WORK=1` in the environment, for machines that must have every requirement, the test fails
/// instead.
public struct RequirementTrait: SuiteTrait, TestTrait {
    /// Thrown in place of a skip with `MUST_WORK=1`.
    public struct Unmet: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    let requirements: [HostRequirement]
    let sourceLocation: SourceLocation
    /// Whether an unmet requirement is a failure.
    var mustWork = getenv("MUST_WORK").map { String(cString: $0) == "1" } ?? false

    public var isRecursive: Bool { true }

    public func prepare(for test: Test) async throws {
        for requirement in requirements {
            guard let reason = await requirement.reasonForLack() else { continue }
            let lack = "this host lacks \(requirement): \(reason)"
            if mustWork { throw Unmet(description: "MUST_WORK=1, but \(lack)") }
            try Test.cancel(Comment(rawValue: lack), sourceLocation: sourceLocation)
        }
    }
}

extension Trait where Self == RequirementTrait {
    /// Skips the test unless the host meets all of these requirements.
    ///
    /// ```swift
    /// @Test(.sandboxed, .requires(.strong)) func memoryIsAccountedFor() async throws { … }
    /// ```
    public static func requires(
        _ requirements: HostRequirement..., sourceLocation: SourceLocation = #_sourceLocation
    ) -> Self {
        Self(requirements: requirements, sourceLocation: sourceLocation)
    }
}
