/// The backend that a test uses.

public import Sandbox

/// What tests run their programs on.
///
/// ```swift
/// @Test(.sandboxed) func hello() async throws {
///     let result = try await TestBackend.current.run(Command("/bin/echo", ["hello"]))
///     expect(result, exited: 0, stdout: "hello\n")
/// }
/// ```
public enum TestBackend {
    @TaskLocal static var ofTest: (any SandboxBackend)?

    /// The backend of the test that is under way, put there by the trait `.sandboxed`.
    ///
    /// - Throws: `.invalidArgument` outside of such a test, and in a task of it that was detached.
    public static var current: any SandboxBackend {
        get throws(SandboxError) {
            guard let backend = ofTest else {
                throw SandboxError(
                    .invalidArgument, message: "the test under way has no backend",
                    hint: "give it the trait .sandboxed, and take the backend before a task is detached")
            }
            return backend
        }
    }

    /// The local backend of this process, with its own defaults. Made when it is first asked for, and shared by all tests.
    ///
    /// It need not be shut down: what it started ends with this process, however that ends.
    public static let local = LocalBackend()
}
