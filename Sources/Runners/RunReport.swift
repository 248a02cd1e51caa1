/// What became of a source: compiling, running, files.
import SandboxAPI
import SandboxRuntime

/// What a ``LanguageRunner`` gives back.
public struct RunReport: Sendable, Hashable {
    /// What the compiler did; `nil` when there was nothing to compile.
    public var compile: CompileReport?
    /// What the program did; `nil` when it was not run because compiling did not succeed.
    public var result: RunResult?
    /// The Python traceback in stderr, when the run did not succeed and there is one.
    ///
    /// Untrusted: the program wrote that text and can have made it up. Never judge a run by it; judge by
    /// `result`.
    public var traceback: PythonTraceback?
    /// The files of ``RunRequest/outputFiles`` that the program left, by the name asked for. Untrusted
    /// content.
    public var files: [ByteString: OutputFile]
    /// The other files of ``RunRequest/outputFiles``, each with why it is not in `files`: `.fileNotFound`,
    /// `.notRegularFile` (a link, directory, FIFO, …), `.fileTooLarge` or `.fileAccess`.
    public var uncollected: [ByteString: SandboxError.Code]

    public init(
        compile: CompileReport? = nil, result: RunResult? = nil, traceback: PythonTraceback? = nil,
        files: [ByteString: OutputFile] = [:], uncollected: [ByteString: SandboxError.Code] = [:]
    ) {
        self.compile = compile
        self.result = result
        self.traceback = traceback
        self.files = files
        self.uncollected = uncollected
    }
}
