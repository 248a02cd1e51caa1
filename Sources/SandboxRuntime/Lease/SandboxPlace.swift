/// Where a sandbox lives, as ``PlacedSandbox`` sees it.

public import SandboxAPI

/// The place of one sandbox, such as a slot, a container or a directory: its files and its runs, without
/// any bookkeeping. One sandbox at a time uses it.
///
/// A backend implements this protocol and gives its callers a ``PlacedSandbox`` around each place. That class
/// checks all arguments before it calls the place, keeps runs serial, cancels, streams, closes in order, and
/// adds the provenance to each error. Streams of a file's pieces and trees as tar archives, in and out, are made of the
/// file operations below, so a place has them without more code.
///
/// Rules for all file operations:
/// - `path` is relative to the sandbox's own directory, `/work` for callers, without `.`, `..` and empty
///   parts; its names are any bytes but NUL. `.` alone, for that directory itself, comes only to ``info(of:)`` and
///   ``list(_:from:)``.
/// - No symbolic link is followed, in no part of the path: a program may have made it, and it may lead
///   anywhere. `openat2` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS` does that.
/// - They may be called while a program runs in the place, and at the same time as each other.
/// - ``FileErrors`` has the error for each error number.
public protocol SandboxPlace: Sendable {
    /// The root file system's mode. The program's user is named `root` in a writable one, and `sandbox`
    /// otherwise.
    var rootfs: Rootfs { get }

    /// Where the program finds the sandbox's own directory, an absolute path; by default `/work`. The run's
    /// directory and `HOME` follow it.
    var work: ByteString { get }

    /// The variables of the image (`Env`): they replace the sandbox's own, and the caller's replace them. By
    /// default none.
    var environment: [ByteString: ByteString] { get }

    /// Writes a regular file, whole or not at all, and makes the directories above it that are missing.
    /// Replaces a file or link of that name: the new file is another inode.
    ///
    /// - Parameters:
    ///   - bytes: the whole content.
    ///   - path: of the file.
    ///   - executable: mode 0755 instead of 0644.
    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError)

    /// Puts an input file of a run in its place, as ``write(_:to:executable:)``, which is what this does by default.
    ///
    /// A place may keep content that has a mark (`InputFile.content`) for later sandboxes. No program may be able to
    /// change it for another.
    func put(_ file: InputFile, at path: ByteString) async throws(SandboxError)

    /// Reads a regular file of at most `maxBytes`, 0 or more; a larger one throws `.fileTooLarge`.
    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile

    /// Writes a part of a regular file that has at least `offset` bytes, above 0; a shorter one throws
    /// `.fileChanged`.
    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError)

    /// Reads at most `maxBytes` of a regular file from `offset`, both 0 or more; fewer only at its end.
    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart

    /// Describes what is at a path; a link itself, not its target.
    func info(of path: ByteString) async throws(SandboxError) -> FileInfo

    /// A part of a directory's entries, without `.` and `..`, in any order. The place bounds each part, for
    /// instance to 1,000 entries.
    ///
    /// - Parameters:
    ///   - path: of the directory.
    ///   - position: 0, or ``DirectoryPart/next`` of the part before.
    func list(_ path: ByteString, from position: UInt64) async throws(SandboxError) -> DirectoryPart

    /// Makes a directory and those above it, unless they are there.
    func makeDirectory(_ path: ByteString) async throws(SandboxError)

    /// Makes a symbolic link, and the directories above it that are missing. Replaces a file or link.
    /// `target` is neither empty nor has it a NUL; nothing looks it up.
    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError)

    /// Removes a file, a link or a directory with all that is in it. Of a large tree it may remove a part, some
    /// thousand entries: it is called again until all is gone, at most 256 times.
    ///
    /// - Returns: true when nothing is left.
    func remove(_ path: ByteString) async throws(SandboxError) -> Bool

    /// Does what the limits need before input files are written and the run is started. By default nothing.
    func prepare(_ limits: Limits) async throws(SandboxError)

    /// The limits that the place does not hold exactly, one sentence each, for
    /// ``/SandboxAPI/IsolationReport/holes``. By default none.
    func holes(_ limits: Limits) -> [String]

    /// Starts a run, and returns as soon as it is under way. The run before has ended.
    ///
    /// - Parameters:
    ///   - request: checked and complete.
    ///   - onEnd: the place calls it, once or more, when every process of the run is dead. From then on the
    ///     sandbox can be closed, even while its caller still reads the run's output.
    /// - Throws: when nothing was started: ``CommandErrors`` has the errors of a program or a directory that
    ///   is not there. `onEnd` need not be called then.
    func start(
        _ request: PlacedRequest, onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay

    /// Called when a run was started: a place out of a pool may call ``Pool/replenish()``, which then does
    /// not compete with the start. By default nothing.
    func requestLeft()

    /// Throws when the place cannot be used any more: the backend was shut down (`.shutDown`), or this
    /// process is a fork of the one that made it (`.forkedEmbedder`). By default it never throws.
    func checkUsable() throws(SandboxError)

    /// Takes the place back: its sandbox was closed, or its last reference is gone. Called once, after
    /// everything else; a place out of a pool calls ``Pool/release(_:reusable:)``.
    func giveBack()

    /// Changes an error that a file operation or a run threw, when the backend knows its cause better. By
    /// default the same error.
    func explain(_ error: SandboxError) -> SandboxError
}

extension SandboxPlace {
    public var work: ByteString { Validation.work }
    public var environment: [ByteString: ByteString] { [:] }
    public func put(_ file: InputFile, at path: ByteString) async throws(SandboxError) {
        try await write(file.bytes, to: path, executable: file.executable)
    }
    public func prepare(_ limits: Limits) async throws(SandboxError) {}
    public func holes(_ limits: Limits) -> [String] { [] }
    public func requestLeft() {}
    public func checkUsable() throws(SandboxError) {}
    public func explain(_ error: SandboxError) -> SandboxError { error }
}

/// A part of a directory's entries.
public struct DirectoryPart: Sendable {
    public var entries: [DirectoryEntry]
    /// Where the next part begins, as the place counts; 0 after the last.
    public var next: UInt64

    public init(entries: [DirectoryEntry], next: UInt64 = 0) {
        self.entries = entries
        self.next = next
    }
}

/// One run, as ``PlacedSandbox`` requests it from the place. Its input files are written already.
public struct PlacedRequest: Sendable {
    /// As the caller gave it, for messages.
    public var command: Command
    /// The command's directory, arguments and environment, complete and checked.
    public var strings: Validation.Strings
    public var stdin: StandardInput
    public var limits: Limits
    /// Whether the output is delivered in pieces instead of collected.
    public var isStreaming: Bool
    /// Ends of pipes in place of its streams, for a ``DescriptorPlace``; `nil`: none.
    package var ends: ProgramEnds?
    /// Whether a streaming consumer is told the end of each stream.
    package var tellsEnds = false

    public init(
        command: Command, strings: Validation.Strings, stdin: StandardInput, limits: Limits,
        isStreaming: Bool
    ) {
        self.command = command
        self.strings = strings
        self.stdin = stdin
        self.limits = limits
        self.isStreaming = isStreaming
    }
}

/// A run that has started.
public protocol RunUnderWay: Sendable {
    /// Takes what the program writes, and then the run's end.
    var output: RunOutput { get }
    /// Kills every process of the run, because its task was cancelled, its body threw, or its sandbox is being
    /// closed. The output then finishes with `.failure(.runCancelled)`, unless something else ended the run before.
    /// Returns at once; does nothing when the run is over; may be called on any thread.
    func kill()
    /// Stops the input of a run that is over: cancels the task that sends ``/SandboxAPI/InputChunks``. By
    /// default nothing.
    func stopInput()
    /// Why the program did not get all of its input, though it did not end or close it first: the run's caller
    /// gets this error. Asked for after the end. By default `nil`.
    var inputFailure: SandboxError? { get }
}

extension RunUnderWay {
    public func stopInput() {}
    public var inputFailure: SandboxError? { nil }
}
