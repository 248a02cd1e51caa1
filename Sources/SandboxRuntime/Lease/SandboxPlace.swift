/// Where a sandbox lives, a slot or a container, as ``PlacedSandbox`` uses it.

public import SandboxAPI

/// One sandbox's slot or container: its files and runs, without any bookkeeping. It serves one sandbox at a
/// time.
///
/// The author of a backend implements this and hands out ``PlacedSandbox``es, which do for every backend what
/// is the same: they decide which call is allowed when, check arguments, and handle cancellation, streaming
/// and the order of the end.
public protocol SandboxPlace: Sendable {
    /// How the root file system is mounted, which also decides which user the program is.
    var rootfs: Rootfs { get }

    /// The variables of the image (`Env`). They override the standard ones and are overridden by the
    /// command's.
    var environment: [ByteString: ByteString] { get }

    /// Writes a file of `/work`, completely or not at all. `path` is valid and relative.
    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError)

    /// Reads a file of `/work` of at most `maxBytes`; a larger one throws `.fileTooLarge`.
    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile

    /// Writes a part of a file of `/work` that has at least `offset` bytes; a shorter one throws `.fileChanged`.
    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError)

    /// Reads at most `maxBytes` of a file of `/work`, fewer only at its end.
    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart

    /// Describes what is at a path of `/work`, or at `.`; does not follow links.
    func info(of path: ByteString) async throws(SandboxError) -> FileInfo

    /// Lists a part of a directory's entries, in any order, as many as one step gives without extra cost.
    ///
    /// - Parameters:
    ///   - path: of a directory of `/work`, or `.`.
    ///   - position: 0, or ``DirectoryPart/next`` of the part before.
    func list(_ path: ByteString, from position: UInt64) async throws(SandboxError) -> DirectoryPart

    /// Makes a directory of `/work` and its missing parents. Does nothing if it exists.
    func makeDirectory(_ path: ByteString) async throws(SandboxError)

    /// Makes a symbolic link in `/work`, replacing a file or link. `target` is valid.
    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError)

    /// Removes a file, a link or a tree of `/work`, or a part of the tree, some thousand entries at a time.
    ///
    /// - Returns: true when it is gone; false when a part of the tree is left.
    func remove(_ path: ByteString) async throws(SandboxError) -> Bool

    /// Does what the limits need before files are written and the run starts.
    func prepare(_ limits: Limits) async throws(SandboxError)

    /// Names the limits that the place does not enforce exactly, one sentence each.
    func holes(_ limits: Limits) -> [String]

    /// Sends the request for a run.
    ///
    /// - Parameters:
    ///   - request: what to run; it is checked already.
    ///   - onEnd: the place calls it, once or more, when the run's processes are dead and the run no longer
    ///     needs the place.
    func start(
        _ request: PlacedRequest, onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay

    /// Called after the request is sent, when the place has time to replace the member that the sandbox took
    /// from its pool.
    func requestLeft()

    /// Throws when this process may not use the place.
    func checkUsable() throws(SandboxError)

    /// Gives the place back, which may then serve another sandbox. Called once, after everything else.
    func giveBack()

    /// Returns the error with what the place knows about its cause, such as a shutdown; otherwise returns it
    /// unchanged.
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

/// One run, as ``PlacedSandbox`` requests it from the place.
public struct PlacedRequest: Sendable {
    public var command: Command
    /// The command's directory, arguments and environment, complete and checked.
    public var strings: Validation.Strings
    public var stdin: StandardInput
    public var limits: Limits
    /// Whether the output is handed out in pieces while the run goes on.
    public var isStreaming: Bool
}

/// A run that has started.
public protocol RunUnderWay: Sendable {
    /// The output of the program, and the end of the run.
    var output: RunOutput { get }
    /// Kills every process of the run. Does nothing when the run is over.
    func kill()
    /// Stops feeding the input, whose rest the program does not need any more.
    func stopInput()
    /// Why the program did not get all of its input although it was reading.
    var inputFailure: SandboxError? { get }
}

extension RunUnderWay {
    public func stopInput() {}
    public var inputFailure: SandboxError? { nil }
}
