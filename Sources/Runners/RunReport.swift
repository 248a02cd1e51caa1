/// The result of running a source: compilation, run and files.
import SandboxAPI
import SandboxRuntime

/// What a ``LanguageRunner`` returns.
public struct RunReport: Sendable, Hashable {
    /// What the compiler did; `nil` when there was nothing to compile.
    public var compile: CompileReport?
    /// What the program did; `nil` when it was not run because compiling did not succeed.
    public var result: RunResult?
    /// What the runner recognized in the program's output, such as a ``PythonTraceback``; `nil` when there is
    /// nothing of that kind.
    ///
    /// Untrusted: the program wrote that text and can have made it up. Never judge a run by it; judge by
    /// `result`.
    public var details: (any RunDetails)?
    /// The files of ``RunRequest/outputFiles`` that the program left, by the names in the request. Untrusted
    /// content.
    public var files: [ByteString: OutputFile]
    /// The other files of ``RunRequest/outputFiles``, each with the reason why it is not in `files`:
    /// `.fileNotFound`, `.notRegularFile` (a link, directory, FIFO, …), `.fileTooLarge` or `.fileAccess`.
    public var uncollected: [ByteString: SandboxError.Code]
    /// How the interpreter came to be, where the runner has a choice: ``WarmPythonRunner``; `nil` elsewhere.
    public var start: Start?

    /// How an interpreter came to be.
    public enum Start: Sendable, Hashable {
        /// Its memory was restored.
        case warm
        /// It was started for this run; why, in words for people.
        case cold(reason: String)
    }

    public init(
        compile: CompileReport? = nil, result: RunResult? = nil, details: (any RunDetails)? = nil,
        files: [ByteString: OutputFile] = [:], uncollected: [ByteString: SandboxError.Code] = [:]
    ) {
        self.compile = compile
        self.result = result
        self.details = details
        self.files = files
        self.uncollected = uncollected
    }
}

/// What a runner recognized in a program's output: a traceback, a panic. Each runner has types of its own.
public protocol RunDetails: Sendable, Hashable, CustomStringConvertible {}

extension RunReport {
    public static func == (a: RunReport, b: RunReport) -> Bool {
        a.compile == b.compile && a.result == b.result && a.files == b.files
            && a.uncollected == b.uncollected && a.start == b.start
            && a.details.map { AnyHashable($0) } == b.details.map { AnyHashable($0) }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(compile)
        hasher.combine(result)
        hasher.combine(files)
        hasher.combine(uncollected)
        hasher.combine(start)
        hasher.combine(details.map { AnyHashable($0) })
    }
}
