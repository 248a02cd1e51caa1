/// The backend that a test uses.

public import Sandbox

/// The backend on which tests run their programs.
///
/// ```swift
/// @Test(.sandboxed) func hello() async throws {
///     let result = try await TestBackend.current.run(Command("/bin/echo", ["hello"]))
///     expect(result, exited: 0, stdout: "hello\n")
/// }
/// ```
public enum TestBackend {
    @TaskLocal static var ofTest: (any SandboxBackend)?

    /// The backend of the running test, set by the trait `.sandboxed`.
    ///
    /// - Throws: `.invalidArgument` outside of such a test, and in a detached task.
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

    /// The local backend of this process, with its own defaults. Made at the first use, and shared by all
    /// tests.
    ///
    /// It need not be shut down: everything it started ends with this process, however the process ends.
    public static let local = LocalBackend()
}
