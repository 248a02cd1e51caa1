/// Where a sandbox lives, a slot or a container, as ``PlacedSandbox`` sees it.

package import CIsolate
package import SandboxAPI

/// One sandbox's slot or container: files and runs, no bookkeeping. Never used by two callers' sandboxes at a time.
package protocol SandboxPlace: Sendable {
    /// Whose user the program is.
    var rootfs: Rootfs { get }

    /// Writes a file of `/work`, whole or not at all. `path` is valid and relative.
    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError)

    /// Reads a file of `/work` of at most `maxBytes`; a larger one throws `.fileTooLarge`.
    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile

    /// Whatever the limits need before files are written and the run is started.
    func prepare(_ limits: Limits) async throws(SandboxError)

    /// Which of the limits it does not hold exactly, one sentence each.
    func holes(_ limits: Limits) -> [String]

    /// Sends the request. `onEnd` is called when the run no longer needs the place.
    func start(
        _ strings: Validation.Strings, stdin: StandardInput, limits: Limits, isStreaming: Bool,
        onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay

    /// The request is on its way: a moment to replace what was taken from a pool.
    func requestLeft()

    /// Throws when this process may not use the place.
    func checkUsable() throws(SandboxError)

    /// The place is for somebody else now.
    func giveBack()

    /// What an error means that its origin could not know.
    func explain(_ error: SandboxError) -> SandboxError
}

extension SandboxPlace {
    package func holes(_ limits: Limits) -> [String] { [] }
}

/// A run that was started.
package protocol RunUnderWay: Sendable {
    var output: RunOutput { get }
    /// Kills every process of it. Harmless when it is over.
    func kill(_ end: isolate_end)
    /// Nobody wants the rest of the input any more.
    func stopInput()
    /// Why the program did not get all of its input, though it was there to read it.
    var inputFailure: SandboxError? { get }
}
