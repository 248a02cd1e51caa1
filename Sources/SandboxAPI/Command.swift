/// The command of a run: a program of the rootfs or of `/work`, its arguments, environment, directory and
/// files.

/// A command to run in a sandbox.
public struct Command: Sendable, Hashable {
    /// A path (`./main`, `/usr/bin/python3`) or a name to be found in the sandbox's `PATH`.
    public var executable: ByteString
    /// The arguments after the program's own name.
    public var arguments: [ByteString]
    /// Variables of the program; each is added, or replaces one of the same name of the image (`Env`) or of
    /// the sandbox. The sandbox sets `PATH`, `HOME=/work`, `LANG=C.UTF-8`, `TZ=UTC`,
    /// `LSAN_OPTIONS=detect_leaks=0`, and `USER` and `LOGNAME`: the name of the program's user, `sandbox`, or
    /// `root` with a writable root, which the image need not define.
    public var environment: [ByteString: ByteString]
    /// The working directory: relative to `/work`, or absolute in the sandbox. `nil` is `/work`.
    public var directory: ByteString?
    /// Files written below `/work` before the program starts, as by ``SandboxLease/write(_:to:executable:)``.
    public var inputFiles: [InputFile]

    /// A command given as text, which is UTF-8 in the sandbox.
    public init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: String? = nil, inputFiles: [InputFile] = []
    ) {
        self.init(
            ByteString(executable), arguments.map { ByteString($0) }, environment: environment.asBytes,
            directory: directory.map { ByteString($0) }, inputFiles: inputFiles)
    }

    /// A command given as bytes, which stay as they are.
    public init(
        _ executable: ByteString, _ arguments: [ByteString] = [],
        environment: [ByteString: ByteString] = [:], directory: ByteString? = nil,
        inputFiles: [InputFile] = []
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.inputFiles = inputFiles
    }
}

/// A file that was read from below `/work`. Untrusted content.
public struct OutputFile: Sendable, Hashable {
    public var bytes: [UInt8]
    /// True when its owner may execute it.
    public var executable: Bool

    public init(_ bytes: [UInt8], executable: Bool = false) {
        self.bytes = bytes
        self.executable = executable
    }
}

extension [String: String] {
    /// The same variables as bytes.
    package var asBytes: [ByteString: ByteString] {
        [ByteString: ByteString](
            uniqueKeysWithValues: map { (ByteString($0.key), ByteString($0.value)) })
    }
}
