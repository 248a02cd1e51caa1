/// A sandbox in use: its files and its runs.

/// A sandbox: a root file system and a `/work` directory of its own, until ``close()``.
///
/// Runs in one sandbox are serial: a second `run` while one is under way throws `.sandboxBusy`. Every process of a
/// run is dead before its result is returned. Files in `/work`, `/tmp` and `/dev/shm` last from run to run.
public protocol SandboxLease: AnyObject, Sendable {
    /// Who answers for this sandbox.
    var provenance: Provenance { get }
    /// The layers in force for the runs of this sandbox.
    var isolation: IsolationReport { get }

    /// Writes a regular file below `/work`, owned by the program, replacing what was there.
    ///
    /// Missing directories are made. No symbolic link is followed.
    /// - Parameters:
    ///   - bytes: the whole content.
    ///   - path: relative to `/work`, or absolute below it; not empty, no NUL, no newline, no `..` that leaves it.
    ///   - executable: mode 0755 instead of 0644.
    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError)

    /// Reads a regular file below `/work`, and whether it is executable. No symbolic link is followed.
    ///
    /// - Parameters:
    ///   - path: as in ``write(_:to:executable:)``.
    ///   - maxBytes: a larger file throws `.fileTooLarge`; nothing is cut silently.
    func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile

    /// Writes a part of a regular file below `/work` over what stands there, or at its end.
    ///
    /// - Parameters:
    ///   - bytes: the part.
    ///   - path: as in ``write(_:to:executable:)``, of a file that has at least `offset` bytes.
    ///   - offset: where the part begins, in bytes, above 0.
    /// - Throws: `.fileChanged` when the file is shorter than `offset`; `.notRegularFile`; `.noSpace`. The file is gone, or only a
    ///   part of it is written, when that fails.
    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError)

    /// Reads a part of a regular file below `/work`. No symbolic link is followed.
    ///
    /// - Parameters:
    ///   - path: relative to `/work`, or absolute below it. A name may have newlines in it, as a program may give it.
    ///   - offset: where the part begins, in bytes, 0 or more; behind the file's end there is nothing.
    ///   - maxBytes: how many are wanted; fewer come at the file's end, and only there.
    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart

    /// What stands at a path below `/work`. A symbolic link is described, not followed.
    ///
    /// - Parameter path: as in ``read(_:from:maxBytes:)``; `.` for `/work` itself.
    /// - Throws: `.fileNotFound`, `.invalidPath`, `.fileAccess`.
    func info(of path: ByteString) async throws(SandboxError) -> FileInfo

    /// The entries of a directory, by the order of their names' bytes.
    ///
    /// - Parameters:
    ///   - path: a directory below `/work`, as in ``read(_:from:maxBytes:)``; `.` for `/work` itself.
    ///   - maxEntries: a directory with more throws `.tooManyFiles`; nothing is left out silently.
    /// - Throws: `.fileNotFound`, `.notDirectory`, `.notRegularFile` for a symbolic link, `.fileAccess` for one that the program's own
    ///   user may not read.
    func list(_ path: ByteString, maxEntries: Int) async throws(SandboxError) -> [DirectoryEntry]

    /// Makes a directory below `/work`, owned by the program, and those above it. One that is there is left as it is.
    ///
    /// - Throws: `.notDirectory` when something else is there; `.notRegularFile` when a link leads to it; `.noSpace`.
    func makeDirectory(_ path: ByteString) async throws(SandboxError)

    /// Makes a symbolic link below `/work`, owned by the program, replacing what was there unless that is a directory.
    ///
    /// - Parameters:
    ///   - path: as in ``write(_:to:executable:)``.
    ///   - target: as it is to stand in the link: not empty, no NUL, with `path` less than 3,800 bytes. It is not looked up.
    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError)

    /// Removes a file, a symbolic link (not what it points to), or a directory with all that is in it.
    ///
    /// - Parameter path: as in ``read(_:from:maxBytes:)``; not `/work` itself.
    /// - Throws: `.fileNotFound`; `.fileAccess`; `.tooManyFiles` when a program goes on making files in it, or it holds more than a
    ///   million.
    func remove(_ path: ByteString) async throws(SandboxError)

    /// Runs a command to its end and collects its output, each stream up to `limits.output` bytes.
    ///
    /// A program that fails, crashes or meets a limit is a result, not an error. Cancelling the task kills every
    /// process of the run at once and throws `.cancelled`.
    func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError) -> RunResult

    /// Runs a command and hands its output to `body` while it runs.
    ///
    /// `body` runs where the caller does, and need not be `Sendable`. The result's own `stdout` and `stderr` are empty then. When `body` returns before the program ended, the
    /// rest of the output is discarded and the run goes on to its end; when it throws, the run is killed.
    func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value)

    /// Ends the sandbox: kills what runs, removes its files. Safe to call twice.
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

    // Overloads that leave something out, and not default arguments: those would have the requirement's own
    // signature, and a backend that forgot `run` would call itself for ever.

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

/// What a new sandbox is made of.
public struct SandboxOptions: Sendable, Hashable {
    /// Where the root file system comes from.
    public var image: Image
    /// Whether the program may change the root file system outside `/work`, `/tmp` and `/dev/shm`.
    public var rootfs: Rootfs
    /// The least isolation accepted. A host that cannot give it makes `acquire` throw `.isolationUnavailable`.
    public var isolation: IsolationLevel
    /// What the program reaches of a network: nothing, or a loopback of its own.
    public var network: NetworkMode
    /// What system calls that the policy refuses do: fail and be listed, or end the run.
    public var blockedSyscalls: BlockedSyscallPolicy
    /// The language that it is for: a backend may have an image for each, used where none is named.
    public var language: Language?
    /// The limits of its first run, where they are known: a backend for which new ones cost time may choose a sandbox that
    /// has them. They bind nobody.
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

/// Whether the root file system can be written to.
public enum Rootfs: String, Sendable, Hashable, CaseIterable {
    case readOnly = "read-only"
    case writable
}

/// What a program reaches of a network.
public enum NetworkMode: String, Sendable, Hashable, CaseIterable {
    /// No sockets but AF_UNIX's. The default.
    case none
    /// TCP and UDP on the `lo` of a network namespace of its own, new for each run: servers and clients of one run find
    /// each other, nothing else is in reach. A host without such a namespace makes `acquire` throw
    /// `.isolationUnavailable`.
    case loopback
}

/// What happens when a program makes a system call that the policy refuses.
///
/// What libraries only probe for (`io_uring_setup`, `clone3`) fails silently under each of them.
public enum BlockedSyscallPolicy: String, Sendable, Hashable, CaseIterable {
    /// What harmless programs try and do without (internet and netlink sockets, `ptrace`, `syslog`) fails with an
    /// ordinary error and stands in `deniedSyscalls`; what only an attack needs (`mount`, namespaces, `bpf`, raw
    /// sockets, a foreign entry) ends the run with `blockedSyscall(name)`. The default.
    case standard
    /// Both end the run: a contest's security violation.
    case endRun
    /// Both fail with an ordinary error, and their names stand in `deniedSyscalls`.
    case deny
}
