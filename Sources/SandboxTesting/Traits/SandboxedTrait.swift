/// The trait that gives a test its backend.

public import SandboxAPI
public import Testing

/// Sets ``TestBackend/current`` while a test runs; on a suite, for each of its tests.
public struct SandboxedTrait: SuiteTrait, TestTrait, TestScoping {
    let backend: @Sendable () throws -> any SandboxBackend

    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await TestBackend.$ofTest.withValue(try backend()) { try await function() }
    }
}

extension Trait where Self == SandboxedTrait {
    /// The test runs programs on ``TestBackend/local``, one local backend for the whole process.
    public static var sandboxed: Self { Self { TestBackend.local } }

    /// The test runs programs on this backend.
    ///
    /// - Parameter backend: evaluated for each test, so give one that outlives them, such as a `static let`,
    ///   instead of making a new one. An error it throws fails the test.
    public static func sandboxed(by backend: @autoclosure @escaping @Sendable () throws -> any SandboxBackend)
        -> Self
    {
        Self(backend: backend)
    }
}
