/// What to run: a program of the rootfs or of `/work`, its arguments, environment, directory, files and stdin.

/// A command to run in a sandbox.
public struct Command: Sendable, Hashable {
    /// A path (`./main`, `/usr/bin/python3`) or a name to be found in the sandbox's `PATH`.
    public var executable: String
    /// The arguments after the program's own name.
    public var arguments: [String]
    /// Variables added to the sandbox's own, or replacing them: `PATH`, `HOME=/work`, `LANG=C.UTF-8`, `TZ=UTC`,
    /// `LSAN_OPTIONS=detect_leaks=0`, and `USER` and `LOGNAME`, the name of the program's user, `sandbox` or with a
    /// writable root `root`, which the image need not know.
    public var environment: [String: String]
    /// The working directory: relative to `/work`, or absolute in the sandbox. `nil` is `/work`.
    public var directory: String?
    /// Files written below `/work` before the program starts, as by ``SandboxInstance/write(_:to:executable:)``.
    public var inputFiles: [InputFile]

    public init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: String? = nil, inputFiles: [InputFile] = []
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.inputFiles = inputFiles
    }
}

/// A file to be put below `/work`.
public struct InputFile: Sendable, Hashable {
    /// Relative to `/work`.
    public var path: String
    public var bytes: [UInt8]
    public var executable: Bool

    public init(_ path: String, _ bytes: [UInt8], executable: Bool = false) {
        self.path = path
        self.bytes = bytes
        self.executable = executable
    }
}

/// Where a program's standard input comes from.
public enum StandardInput: Sendable {
    /// Empty: the first read sees the end of the file.
    case none
    /// These bytes, as a read-only file.
    case bytes([UInt8])
    /// A regular file of the host, read while the program reads. The program gets a pipe, never the file.
    case file(path: String)
    /// Chunks as they are produced; the program sees the end when the sequence ends.
    case stream(AsyncStream<[UInt8]>)

    /// A string as UTF-8.
    public static func string(_ text: String) -> StandardInput { .bytes(Array(text.utf8)) }
}
