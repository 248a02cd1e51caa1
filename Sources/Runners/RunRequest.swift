/// The request of a run in any language.
import SandboxAPI
import SandboxRuntime

/// All that a run needs besides the program itself.
public struct RunRequest: Sendable {
    /// The program's arguments, its own name not included.
    public var arguments: [ByteString]
    /// The program's standard input; a `.stream` can serve one run only.
    public var stdin: StandardInput
    /// The bounds of the run itself; a compiler has its own, ``CppRunner/compileLimits``.
    public var limits: Limits
    /// Variables added to the sandbox's own, or replacing them. The compiler does not see them.
    public var environment: [ByteString: ByteString]
    /// Files put below `/work` before the program starts. The compiler does not see them; see
    /// ``CppRunner/headers``.
    public var inputFiles: [InputFile]
    /// Paths relative to `/work` to read back after the run, however it ended; see ``RunReport/files``.
    ///
    /// A file may have at most `limits.fileSize` bytes, all together at most `limits.disk`.
    public var outputFiles: [ByteString]
    /// The image, the root file system's mode and the least isolation accepted, for compiling too.
    public var options: SandboxOptions
    /// The name of the source file, as the tools' messages and tracebacks show it: `primes.cpp`. `nil` is the
    /// runner's own, `main.cpp` or `main.py`.
    ///
    /// A name that a tool could misread is replaced by the runner's own: one that is longer than 100 bytes, does not
    /// begin with a letter, a digit or `_`, is not UTF-8, has control characters or any of `/ : " \` in it, or, for
    /// a compiler, lacks the language's suffix.
    public var sourceName: ByteString?
    /// The program's other files, which stand beside its source by their paths.
    ///
    /// A compiler compiles those that have the language's suffix and links all together; the others are headers.
    /// Python's programs import them. Their names are as in ``sourceName``; others throw `.invalidArgument`.
    public var sources: [InputFile]
    /// Trees put below `/work` before the program starts, before `inputFiles`. The compiler does not see them.
    public var inputTrees: [InputTree]

    /// A request with text, which is UTF-8 in the sandbox.
    @_disfavoredOverload
    public init(
        arguments: [String] = [], stdin: StandardInput = .none, limits: Limits = .standard,
        environment: [String: String] = [:], inputFiles: [InputFile] = [], outputFiles: [String] = [],
        options: SandboxOptions = SandboxOptions(), sourceName: String? = nil, sources: [InputFile] = [],
        inputTrees: [InputTree] = []
    ) {
        self.init(
            arguments: arguments.map { ByteString($0) }, stdin: stdin, limits: limits,
            environment: environment.asBytes, inputFiles: inputFiles,
            outputFiles: outputFiles.map { ByteString($0) }, options: options,
            sourceName: sourceName.map { ByteString($0) }, sources: sources, inputTrees: inputTrees)
    }

    /// A request with bytes, which stay as they are.
    public init(
        arguments: [ByteString] = [], stdin: StandardInput = .none, limits: Limits = .standard,
        environment: [ByteString: ByteString] = [:], inputFiles: [InputFile] = [],
        outputFiles: [ByteString] = [], options: SandboxOptions = SandboxOptions(),
        sourceName: ByteString? = nil, sources: [InputFile] = [], inputTrees: [InputTree] = []
    ) {
        self.arguments = arguments
        self.stdin = stdin
        self.limits = limits
        self.environment = environment
        self.inputFiles = inputFiles
        self.outputFiles = outputFiles
        self.options = options
        self.sourceName = sourceName
        self.sources = sources
        self.inputTrees = inputTrees
    }
}
