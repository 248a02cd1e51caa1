/// A program that was built once and can be run many times.
public import SandboxAPI
import SandboxRuntime

/// What a runner built: files, and how to start them. A compiled program is an executable; an interpreted one is
/// its sources.
///
/// Each run has a fresh sandbox, and runs may be concurrent. It runs in images that have what it needs: the
/// interpreter, or libraries as new as those of the image in which it was compiled (linked with `-static`: none).
public struct Program: Sendable, Hashable {
    public var language: Language
    /// The program's files, by their paths below `/work`. They are marked as reused, so that a backend need not write
    /// them for each run.
    public var files: [InputFile]
    /// What is started: a path (`./main`) or a name in the sandbox's `PATH` (`python3`).
    public var executable: ByteString
    /// Arguments before those of a run: an interpreter's flags and the name of the source.
    public var arguments: [ByteString]
    /// Variables that the language needs; a run's own replace those of the same name.
    public var environment: [ByteString: ByteString]
    /// Whether `arguments` are templates in which a run's limits are filled in: `-Xmx{memory-mib-64}m`; see
    /// ``ArgumentTemplate``. Braces that stand for themselves are doubled then.
    public var argumentsHaveLimits: Bool

    public init(
        language: Language, files: [InputFile], executable: ByteString, arguments: [ByteString] = [],
        environment: [ByteString: ByteString] = [:], argumentsHaveLimits: Bool = false
    ) {
        self.language = language
        self.files = files.map { $0.reused() }
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.argumentsHaveLimits = argumentsHaveLimits
    }
}

extension Program {
    /// Runs the program in a fresh sandbox and collects its output.
    ///
    /// - Parameters:
    ///   - request: arguments, stdin, limits and files. Its `sourceName` and `sources` were for the build.
    ///   - backend: where to run it, also another one than built it.
    /// - Returns: a report whose `compile` is `nil`.
    /// - Throws: `SandboxError`: `.invalidArgument` and `.invalidPath` for files of the request that have an invalid
    ///   name, or that of a file of the program; `.toolchainNotFound` when the image lacks the interpreter;
    ///   `.executableNotRunnable` when the kernel refuses to execute the program; and the sandbox's own errors.
    public func run(
        _ request: RunRequest = RunRequest(), on backend: any SandboxBackend
    ) async throws(SandboxError) -> RunReport {
        try await throwingSandboxErrors { try await run(request, on: backend, by: .collecting) }
    }

    /// Runs the program in a fresh sandbox, and hands its output to `body` while it runs; see
    /// ``LanguageRunner``.
    public func run<Value>(
        _ request: RunRequest = RunRequest(), on backend: any SandboxBackend,
        body: @escaping (Execution) async throws -> Value
    ) async throws -> (report: RunReport, value: Value?) {
        try await Performance.streaming(to: body) { try await run(request, on: backend, by: $0) }
    }

    /// Runs the program with every part of the request a named argument; see ``RunRequest``.
    public func run(
        arguments: [String] = [], stdin: StandardInput = .none, limits: Limits = .standard,
        environment: [String: String] = [:], inputFiles: [InputFile] = [], outputFiles: [String] = [],
        options: SandboxOptions = SandboxOptions(), on backend: any SandboxBackend
    ) async throws(SandboxError) -> RunReport {
        let request = RunRequest(
            arguments: arguments, stdin: stdin, limits: limits, environment: environment,
            inputFiles: inputFiles, outputFiles: outputFiles, options: options)
        return try await run(request, on: backend)
    }

    func run(
        _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        var own: Set<ByteString> = []
        for file in files { own.insert(try Validation.workPath(file.path)) }
        try request.checkFiles(reserved: own)
        var request = request
        request.options.language = request.options.language ?? language
        do {
            return try await performance.run(
                sized(for: request.limits), request, on: backend, details: detailsParser)
        } catch let error as SandboxError where isInterpreted(with: own) {
            throw error.namingToolchain(
                "\(executable)", kind: "interpreter", image: request.options.image,
                hint: "run the program in an image that has it")
        }
    }

    /// What the library knows of the messages of the program's language.
    private var detailsParser: ((_ stderr: [UInt8]) -> (any RunDetails)?)? {
        language == .python ? { PythonTraceback.parse($0) } : nil
    }

    /// Whether what is started is a file of the image and none of the program's own.
    private func isInterpreted(with own: Set<ByteString>) -> Bool {
        guard executable.bytes.contains(UInt8(ascii: "/")) else { return true }
        guard let path = try? Validation.workPath(executable) else { return true }
        return !own.contains(path)
    }
}
