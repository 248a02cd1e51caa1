/// A sandbox in use: its files and its runs.

/// A sandbox that a caller uses until ``close()``: a root file system and a `/work` directory of its own.
///
/// Runs in one sandbox are serial: a second `run` while one is under way throws `.sandboxBusy`. Every process of a
/// run is dead before its result is returned. Files in `/work`, `/tmp` and `/dev/shm` last from run to run.
public protocol SandboxLease: AnyObject, Sendable {
    /// Which backend, sandbox and process answer for this sandbox.
    var provenance: Provenance { get }
    /// The layers in force for the runs of this sandbox.
    var isolation: IsolationReport { get }

    /// Writes a regular file below `/work`, owned by the program, replacing what was there.
    ///
    /// Makes missing directories. Follows no symbolic link.
    ///
    /// - Parameters:
    ///   - bytes: the whole content.
    ///   - path: relative to `/work`, or absolute below it; not empty, no NUL, no newline, no `..` that leaves it.
    ///   - executable: mode 0755 instead of 0644.
    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError)

    /// Reads a regular file below `/work`, and whether it is executable. Follows no symbolic link.
    ///
    /// - Parameters:
    ///   - path: as in ``write(_:to:executable:)``.
    ///   - maxBytes: how many bytes the file may have. A larger file throws `.fileTooLarge`; the content is
    ///     never cut.
    func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile

    /// Writes a part of a regular file below `/work`, over its present bytes or at its end.
    ///
    /// When this fails, the file is removed or only a part of the bytes is written.
    ///
    /// - Parameters:
    ///   - bytes: the part.
    ///   - path: as in ``write(_:to:executable:)``, of a file that has at least `offset` bytes.
    ///   - offset: where the part begins, in bytes, above 0.
    /// - Throws: `.fileChanged` when the file is shorter than `offset`; `.notRegularFile`; `.noSpace`.
    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError)

    /// Reads a part of a regular file below `/work`. Follows no symbolic link.
    ///
    /// - Parameters:
    ///   - path: relative to `/work`, or absolute below it. It may contain newlines, since a program may use
    ///     them in names.
    ///   - offset: where the part begins, in bytes, 0 or more. A part beyond the end of the file is empty.
    ///   - maxBytes: how many bytes to read; fewer come only at the end of the file.
    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart

    /// Describes what is at a path below `/work`. Describes a symbolic link itself and does not follow it.
    ///
    /// - Parameter path: as in ``read(_:from:maxBytes:)``; `.` for `/work` itself.
    /// - Throws: `.fileNotFound`, `.invalidPath`, `.fileAccess`.
    func info(of path: ByteString) async throws(SandboxError) -> FileInfo

    /// Lists the entries of a directory, sorted by the bytes of their names.
    ///
    /// - Parameters:
    ///   - path: a directory below `/work`, as in ``read(_:from:maxBytes:)``; `.` for `/work` itself.
    ///   - maxEntries: how many entries there may be. A directory with more throws `.tooManyFiles`; no entry
    ///     is left out.
    /// - Throws: `.fileNotFound`; `.notDirectory`; `.notRegularFile` for a symbolic link; `.fileAccess` for a
    ///   directory that the program's user may not read.
    func list(_ path: ByteString, maxEntries: Int) async throws(SandboxError) -> [DirectoryEntry]

    /// Makes a directory below `/work` and its missing parents, owned by the program. Does nothing if it
    /// exists.
    ///
    /// - Throws: `.notDirectory` when something else is there; `.notRegularFile` when a link leads to it;
    ///   `.noSpace`.
    func makeDirectory(_ path: ByteString) async throws(SandboxError)

    /// Makes a symbolic link below `/work`, owned by the program, over anything that is there but a
    /// directory.
    ///
    /// - Parameters:
    ///   - path: as in ``write(_:to:executable:)``.
    ///   - target: the bytes that the link contains: not empty, no NUL, together with `path` less than 3,800
    ///     bytes. The target need not exist.
    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError)

    /// Removes a file, a symbolic link (not its target), or a directory with everything in it.
    ///
    /// - Parameter path: as in ``read(_:from:maxBytes:)``; not `/work` itself.
    /// - Throws: `.fileNotFound`; `.fileAccess`; `.tooManyFiles` when the directory holds more than a million
    ///   files, or a program keeps making files in it.
    func remove(_ path: ByteString) async throws(SandboxError)

    /// Runs a command to its end and collects its output, each stream up to `limits.output` bytes.
    ///
    /// A program that fails, crashes or reaches a limit is a result, not an error. Cancelling the task kills
    /// every process of the run at once and throws `.cancelled`.
    func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError) -> RunResult

    /// Runs a command and hands its output to `body` while it runs.
    ///
    /// `body` runs in the caller's isolation and need not be `Sendable`. The `stdout` and `stderr` of the
    /// result are empty. If `body` returns before the program ends, the rest of the output is discarded and
    /// the run continues to its end; if `body` throws, the run is killed.
    func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value)

    /// Ends the sandbox: kills its processes and removes its files. Safe to call twice.
    func close() async
}

extension SandboxLease {
    /// Writes text as UTF-8; see ``write(_:to:executable:)``.
    public func write(_ text: String, to path: String, executable: Bool = false) async throws(SandboxError) {
        try await write(Array(text.utf8), to: ByteString(path), executable: executable)
    }

    /// Writes text as UTF-8; see ``write(_:to:executable:)``.
    public func write(
        _ text: String, to path: ByteString, executable: Bool = false
    ) async throws(SandboxError) {
        try await write(Array(text.utf8), to: path, executable: executable)
    }

    /// Writes bytes; see ``write(_:to:executable:)``.
    public func write(
        _ bytes: [UInt8], to path: String, executable: Bool = false
    ) async throws(SandboxError) {
        try await write(bytes, to: ByteString(path), executable: executable)
    }

    /// Writes bytes; see ``write(_:to:executable:)``.
    public func write(_ bytes: [UInt8], to path: ByteString) async throws(SandboxError) {
        try await write(bytes, to: path, executable: false)
    }

    /// Reads a file's content; see ``readFile(_:maxBytes:)``.
    public func read(_ path: String, maxBytes: Int) async throws(SandboxError) -> [UInt8] {
        try await readFile(ByteString(path), maxBytes: maxBytes).bytes
    }

    /// Reads a file's content; see ``readFile(_:maxBytes:)``.
    public func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> [UInt8] {
        try await readFile(path, maxBytes: maxBytes).bytes
    }

    /// Reads a file; see ``readFile(_:maxBytes:)``.
    public func readFile(_ path: String, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        try await readFile(ByteString(path), maxBytes: maxBytes)
    }

    // These are overloads and not default arguments: with those they would have the requirement's own
    // signature, and in a backend without `run` they would call themselves without end.

    /// Runs with an empty stdin and the standard limits.
    public func run(_ command: Command) async throws(SandboxError) -> RunResult {
        try await run(command, stdin: .none, limits: .standard)
    }

    /// Runs with the standard limits.
    public func run(_ command: Command, stdin: StandardInput) async throws(SandboxError) -> RunResult {
        try await run(command, stdin: stdin, limits: .standard)
    }

    /// Runs with an empty stdin.
    public func run(_ command: Command, limits: Limits) async throws(SandboxError) -> RunResult {
        try await run(command, stdin: .none, limits: limits)
    }

    /// Streams with an empty stdin and the standard limits.
    public func run<Value>(
        _ command: Command, body: (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        try await run(command, stdin: .none, limits: .standard, body: body)
    }

    /// Streams with the standard limits.
    public func run<Value>(
        _ command: Command, stdin: StandardInput,
        body: (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        try await run(command, stdin: stdin, limits: .standard, body: body)
    }

    /// Streams with an empty stdin.
    public func run<Value>(
        _ command: Command, limits: Limits, body: (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        try await run(command, stdin: .none, limits: limits, body: body)
    }
}

/// How a new sandbox is made.
public struct SandboxOptions: Sendable, Hashable {
    /// The source of the root file system.
    public var image: Image
    /// Whether the program may change the root file system outside `/work`, `/tmp` and `/dev/shm`.
    public var rootfs: Rootfs
    /// The least isolation that the caller accepts. A host that gives less makes `acquire` throw
    /// `.isolationUnavailable`.
    public var isolation: IsolationLevel
    /// The network that the program can reach: none, or a loopback of its own.
    public var network: NetworkMode
    /// The effect of a system call that the policy refuses: it fails and is listed, or it ends the run.
    public var blockedSyscalls: BlockedSyscallPolicy
    /// Directories of the host that programs can read, none inside another; none by default. Sandboxes with the same ones
    /// share a pool, so give directories that many runs have in common.
    public var bindMounts: [BindMount] = []
    /// The language of the programs. A backend may have an image for each language, which it uses when
    /// `image` names none.
    public var language: Language?
    /// The limits of the first run, if the caller knows them. A backend in which changing limits takes time
    /// may choose a sandbox that has them already. The first run may have other limits.
    public var firstLimits: Limits?

    public init(
        image: Image = .host, rootfs: Rootfs = .readOnly, isolation: IsolationLevel = .standard,
        network: NetworkMode = .none, blockedSyscalls: BlockedSyscallPolicy = .standard
    ) {
        self.image = image
        self.rootfs = rootfs
        self.isolation = isolation
        self.network = network
        self.blockedSyscalls = blockedSyscalls
    }
}

/// Whether the program can write to the root file system.
public enum Rootfs: String, Sendable, Hashable, CaseIterable {
    case readOnly = "read-only"
    case writable
}

/// The network that a program can reach.
public enum NetworkMode: String, Sendable, Hashable, CaseIterable {
    /// No sockets except those of AF_UNIX. The default.
    case none
    /// TCP and UDP on the `lo` of a network namespace that is new for each run: the servers and clients of
    /// one run reach each other and nothing else. A host without such a namespace makes `acquire` throw
    /// `.isolationUnavailable`.
    case loopback
}

/// The effect of a system call that the policy refuses.
///
/// Calls that libraries only probe for (`io_uring_setup`, `clone3`) fail under each policy and are not
/// listed.
public enum BlockedSyscallPolicy: String, Sendable, Hashable, CaseIterable {
    /// Calls that harmless programs try and do without (internet and netlink sockets, `ptrace`, `syslog`)
    /// fail with an ordinary error and are listed in `deniedSyscalls`. Calls that only an attack needs
    /// (`mount`, namespaces, `bpf`, raw sockets, a foreign entry) end the run with `blockedSyscall(name)`.
    /// The default.
    case standard
    /// Both kinds of call end the run, as a security violation in a programming contest does.
    case endRun
    /// Both kinds of call fail with an ordinary error and are listed in `deniedSyscalls`.
    case deny
}
