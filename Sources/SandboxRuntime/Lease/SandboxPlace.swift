/// Where a sandbox lives, a slot or a container, as ``PlacedSandbox`` sees it.

public import SandboxAPI

/// One sandbox's slot or container: files and runs, no bookkeeping. Never used by two callers' sandboxes at a time.
///
/// Who writes a backend writes one of these and hands out ``PlacedSandbox``es: what may be done when, the checks of
/// arguments, cancellation, streaming and the order of the end are the same for all then.
public protocol SandboxPlace: Sendable {
    /// Whose user the program is.
    var rootfs: Rootfs { get }

    /// The variables of the image (`Env`): above the sandbox's own, below the caller's.
    var environment: [ByteString: ByteString] { get }

    /// Writes a file of `/work`, whole or not at all. `path` is valid and relative.
    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError)

    /// Reads a file of `/work` of at most `maxBytes`; a larger one throws `.fileTooLarge`.
    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile

    /// Writes a part of a file of `/work` that has at least `offset` bytes; a shorter one throws `.fileChanged`.
    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError)

    /// Reads at most `maxBytes` of a file of `/work`, fewer only at its end.
    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart

    /// What stands at a path of `/work`, or `.`; links are not followed.
    func info(of path: ByteString) async throws(SandboxError) -> FileInfo

    /// A part of a directory's entries, in any order, as many as come at a time without cost.
    ///
    /// - Parameters:
    ///   - path: of a directory of `/work`, or `.`.
    ///   - position: 0, or ``DirectoryPart/next`` of the part before.
    func list(_ path: ByteString, from position: UInt64) async throws(SandboxError) -> DirectoryPart

    /// Makes a directory of `/work` and those above it, unless they are there.
    func makeDirectory(_ path: ByteString) async throws(SandboxError)

    /// Makes a symbolic link in `/work`, replacing a file or link. `target` is valid.
    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError)

    /// Removes a file, a link or a tree of `/work`, or a part of the tree, some thousand entries at a time.
    ///
    /// - Returns: true when it is gone.
    func remove(_ path: ByteString) async throws(SandboxError) -> Bool

    /// Whatever the limits need before files are written and the run is started.
    func prepare(_ limits: Limits) async throws(SandboxError)

    /// Which of the limits it does not hold exactly, one sentence each.
    func holes(_ limits: Limits) -> [String]

    /// Sends the request.
    ///
    /// - Parameters:
    ///   - request: what is to be run; checked.
    ///   - onEnd: to be called when the run no longer needs the place, once or more: its processes are dead.
    func start(
        _ request: PlacedRequest, onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay

    /// The request is on its way: a moment to replace what was taken from a pool.
    func requestLeft()

    /// Throws when this process may not use the place.
    func checkUsable() throws(SandboxError)

    /// The place is for somebody else now. Called once, after everything else.
    func giveBack()

    /// What an error means that its origin could not know.
    func explain(_ error: SandboxError) -> SandboxError
}

extension SandboxPlace {
    public var environment: [ByteString: ByteString] { [:] }
    public func prepare(_ limits: Limits) async throws(SandboxError) {}
    public func holes(_ limits: Limits) -> [String] { [] }
    public func requestLeft() {}
    public func checkUsable() throws(SandboxError) {}
    public func explain(_ error: SandboxError) -> SandboxError { error }
}

/// A part of a directory's entries.
public struct DirectoryPart: Sendable {
    public var entries: [DirectoryEntry]
    /// Where the next part begins; 0 after the last.
    public var next: UInt64

    public init(entries: [DirectoryEntry], next: UInt64 = 0) {
        self.entries = entries
        self.next = next
    }
}

/// One run, as a place is asked for it.
public struct PlacedRequest: Sendable {
    public var command: Command
    /// The command's directory, arguments and environment, complete and checked.
    public var strings: Validation.Strings
    public var stdin: StandardInput
    public var limits: Limits
    /// Its output is to be handed out in pieces.
    public var isStreaming: Bool
}

/// A run that was started.
public protocol RunUnderWay: Sendable {
    /// Takes what the program writes, and the end.
    var output: RunOutput { get }
    /// Kills every process of it: nobody wants it any more. Harmless when it is over.
    func kill()
    /// Nobody wants the rest of the input any more.
    func stopInput()
    /// Why the program did not get all of its input, though it was there to read it.
    var inputFailure: SandboxError? { get }
}

extension RunUnderWay {
    public func stopInput() {}
    public var inputFailure: SandboxError? { nil }
}
