/// The one error type of this library.

/// A failure of *the sandbox*. Whatever the program did is an ``Outcome`` instead.
public struct SandboxError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; later versions may add more.
    public struct Code: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public var description: String { rawValue }

        /// An argument of the call is invalid; the message names it.
        public static let invalidArgument = Code(rawValue: "invalidArgument")
        /// A limit is out of range, or this host cannot hold it.
        public static let invalidLimit = Code(rawValue: "invalidLimit")
        /// A path leaves `/work`, or has a NUL or a newline in it.
        public static let invalidPath = Code(rawValue: "invalidPath")
        /// A file does not exist.
        public static let fileNotFound = Code(rawValue: "fileNotFound")
        /// Not a regular file: a directory, link, FIFO, socket or device.
        public static let notRegularFile = Code(rawValue: "notRegularFile")
        /// Not a directory.
        public static let notDirectory = Code(rawValue: "notDirectory")
        /// A directory or an archive has more entries than the caller allows.
        public static let tooManyFiles = Code(rawValue: "tooManyFiles")
        /// A file was changed, replaced or cut while it was read or written in pieces.
        public static let fileChanged = Code(rawValue: "fileChanged")
        /// Bytes that are no tar archive, or one with entries that are refused.
        public static let invalidArchive = Code(rawValue: "invalidArchive")
        /// Bytes that are no stored program, or one that was cut or altered.
        public static let invalidProgram = Code(rawValue: "invalidProgram")
        /// A file is larger than the caller allows.
        public static let fileTooLarge = Code(rawValue: "fileTooLarge")
        /// `/work` has no room left for the file.
        public static let noSpace = Code(rawValue: "noSpace")
        /// A file could not be read or written.
        public static let fileAccess = Code(rawValue: "fileAccess")
        /// The sequence for the program's stdin threw.
        public static let inputFailed = Code(rawValue: "inputFailed")
        /// An ``InputWriter`` wrote to a program that no longer reads.
        public static let inputClosed = Code(rawValue: "inputClosed")
        /// The arguments and the environment are too large for the kernel.
        public static let argumentsTooLarge = Code(rawValue: "argumentsTooLarge")
        /// The sandbox does not have the program.
        public static let executableNotFound = Code(rawValue: "executableNotFound")
        /// The program exists but cannot be executed.
        public static let executableNotRunnable = Code(rawValue: "executableNotRunnable")
        /// The compiler or interpreter is not in the image.
        public static let toolchainNotFound = Code(rawValue: "toolchainNotFound")
        /// A run was started while another one is under way.
        public static let sandboxBusy = Code(rawValue: "sandboxBusy")
        /// The sandbox is closed.
        public static let sandboxClosed = Code(rawValue: "sandboxClosed")
        /// The task was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
        /// No sandbox became free in time; the message has the state of the others.
        public static let acquireTimedOut = Code(rawValue: "acquireTimedOut")
        /// The backend was shut down.
        public static let shutDown = Code(rawValue: "shutDown")
        /// The process forked since the backend started; make a new backend in the child.
        public static let forkedEmbedder = Code(rawValue: "forkedEmbedder")
        /// This host cannot give the requested isolation.
        public static let isolationUnavailable = Code(rawValue: "isolationUnavailable")
        /// This host cannot give a writable root file system.
        public static let writableRootfsUnavailable = Code(rawValue: "writableRootfsUnavailable")
        /// The backend cannot get the image.
        public static let imageUnavailable = Code(rawValue: "imageUnavailable")
        /// The container ended, or was ended, while it was in use.
        public static let containerLost = Code(rawValue: "containerLost")
        /// The host, not the run's own limit, was out of memory and killed the program.
        public static let hostOutOfMemory = Code(rawValue: "hostOutOfMemory")
        /// A program failed while the disk below its files was full, and no limit bounds that disk: the
        /// engine's, or at level minimal that of `TMPDIR`.
        public static let hostOutOfDisk = Code(rawValue: "hostOutOfDisk")
        /// A step of setting up the sandbox failed; `stage` and `errno` have the step and the cause.
        public static let setupFailed = Code(rawValue: "setupFailed")
        /// A sandbox's processes did not answer in time, or a run did not end within its wall time limit and
        /// a grace period, so that they were killed from outside. The message says which, and the bound.
        public static let watchdog = Code(rawValue: "watchdog")
        /// The supervisor is gone.
        public static let supervisorLost = Code(rawValue: "supervisorLost")
        /// The engine behind the backend cannot be reached, or does not answer.
        public static let backendUnavailable = Code(rawValue: "backendUnavailable")
        /// The engine behind the backend answered with an error; the message quotes it.
        public static let engineRefused = Code(rawValue: "engineRefused")
        /// A bug of this library; please report it.
        public static let internalError = Code(rawValue: "internalError")
    }

    public var code: Code
    /// The stage that failed (`mountProc`, `seccomp`, `exec`, …), where there is one.
    public var stage: String?
    /// The system's error number, or 0.
    public var errno: Int32
    /// The cause, and where it occurred.
    public var message: String
    /// What the user can do about it.
    public var hint: String?
    /// Which backend and sandbox answered, as far as that was known.
    public var provenance: Provenance?

    public init(
        _ code: Code, stage: String? = nil, errno: Int32 = 0, message: String, hint: String? = nil,
        provenance: Provenance? = nil
    ) {
        self.code = code
        self.stage = stage
        self.errno = errno
        self.message = message
        self.hint = hint
        self.provenance = provenance
    }

    public var description: String {
        var text = "\(code): \(message)"
        if let stage { text += " (stage \(stage)" + (errno == 0 ? ")" : ", errno \(errno))") }
        if let hint { text += "; \(hint)" }
        return text
    }
}
