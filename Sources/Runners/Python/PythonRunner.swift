/// Runs Python programs with the image's own interpreter.
import SandboxAPI
import SandboxRuntime

/// The runner for Python.
///
/// The source is written to `/work/main.py`, or under ``RunRequest/sourceName``, and run as
/// `python3 -B -X utf8 -u main.py` in a fresh sandbox: no bytecode files, UTF-8 for files and streams in any locale,
/// and a random hash seed. These are flags and not variables, so `os.environ` shows none of them, and `-I` or `-E` in
/// `flags` does not undo them. An empty source is a valid Python program.
///
/// ``RunRequest/sources`` stand beside it, and it imports them. As always in Python, a source with the name of a
/// module hides that module from the program: `random.py`, say.
public struct PythonRunner: LanguageRunner {
    /// How Python buffers the program's stdout.
    public enum Buffering: Sendable, Hashable {
        /// `python3 -u`: every `print` is written at once.
        case unbuffered
        /// Python's own choice for pipes: blocks of 8 KiB, the last one at a normal exit.
        case block
    }

    public var language: Language { .python }

    /// An absolute path of the image, or a name in the sandbox's `PATH`.
    public var interpreter: String
    /// Flags after the runner's own and before `main.py`, so that `-X utf8=0` overrides.
    public var flags: [ByteString]
    /// Default `.unbuffered`.
    ///
    /// With `.block` a program that is ended by a limit, a signal or `os._exit` loses what it printed last,
    /// up to all of it, and stdout and stderr of a live stream come out of order. Unbuffered, nothing is
    /// lost; a `print` costs about 1.1 µs more (measured: 1,000,000 `print(i)` in 1.25 s instead of 0.17 s;
    /// text joined first costs the same), which the output limit bounds: 1 MiB of short lines is some 0.2 s.
    /// A judge whose programs print more can choose `.block`.
    public var buffering: Buffering

    /// The bounds of the interpreter's run that compiles to byte code (``build(_:_:on:)``).
    public var compileLimits: Limits

    static let sourceName: ByteString = "main.py"

    public init(
        interpreter: String = "/usr/bin/python3", flags: [ByteString] = [],
        buffering: Buffering = .unbuffered, compileLimits: Limits = .compile
    ) {
        self.interpreter = interpreter
        self.flags = flags
        self.buffering = buffering
        self.compileLimits = compileLimits
    }

    /// Runs the source; a traceback in stderr is parsed when the run did not succeed.
    public func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        let name = try check(source, request)
        var request = request
        request.options.language = request.options.language ?? language
        do {
            return try await performance.run(
                program(name, source, with: request.sources), request, on: backend,
                details: { PythonTraceback.parse($0) })
        } catch let error as SandboxError {
            throw namingInterpreter(error, image: request.options.image)
        }
    }

    /// Compiles the sources to byte code once; the program can be run many times.
    ///
    /// A source that does not compile is a result without a program, not an error; its report has the interpreter's
    /// own message. The byte code of imported sources stays with the program (`__pycache__`, by the hash of the
    /// source, so that a program that changes its sources sees the change). The first source is only checked: its
    /// runs start from its text, as Python does, so that `__file__`, `sys.argv`, tracebacks, `multiprocessing` and
    /// `inspect` see what they always see. Compiling that one file again costs a run some 0.8 ms for each 100 lines (measured).
    ///
    /// No line of the program is executed. Byte code of another version of Python than the image's is passed over.
    /// - Throws: `SandboxError`: `.invalidArgument` for a NUL in a flag and for names of sources that are taken or
    ///   could be misread; `.fileTooLarge` for a source that is too long; `.toolchainNotFound` when the image lacks
    ///   the interpreter; and the sandbox's own errors.
    public func build(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> BuildResult {
        let name = try check(source, request)
        var options = request.options
        options.language = options.language ?? language
        options.firstLimits = compileLimits
        let program = program(name, source, with: request.sources)
        let compiler = ByteCompiler(main: name, sources: request.sources)
        let command = Command(
            ByteString(interpreter),
            ["-B", "-X", "utf8"] + flags.filter { $0 == "-O" || $0 == "-OO" }
                + compiler.arguments,
            inputFiles: program.files)
        return try await throwingSandboxErrors {
            try await backend.withSandbox(options) { [options] sandbox in
                let result: RunResult
                do throws(SandboxError) {
                    result = try await sandbox.run(command, stdin: .none, limits: compileLimits)
                } catch {
                    throw namingInterpreter(error, image: options.image)
                }
                let report = CompileReport(
                    result: result, diagnostics: ByteCompiler.diagnostics(of: result))
                guard result.outcome.isSuccess else { return BuildResult(compile: report, program: nil) }
                var built = program
                let byteCode = try await compiler.byteCode(from: sandbox, within: compileLimits)
                built.files = byteCode.map { $0.reused() } + built.files
                return BuildResult(compile: report, program: built)
            }
        }
    }

    func program(_ name: ByteString, _ source: [UInt8], with others: [InputFile]) -> Program {
        let ours: [ByteString] = ["-B", "-X", "utf8"] + (buffering == .unbuffered ? ["-u"] : [])
        return Program(
            language: language, files: others + [InputFile(name, source)],
            executable: ByteString(interpreter), arguments: ours + flags + [name])
    }

    /// Checks what the caller gave, before anything starts.
    ///
    /// - Returns: the source's name.
    func check(_ source: [UInt8], _ request: RunRequest) throws(SandboxError) -> ByteString {
        try RunRequest.check(sourceOf: source.count)
        try RunRequest.check(tool: interpreter, named: "interpreter", flags: flags)
        let name = request.name(else: PythonRunner.sourceName)
        try request.checkFiles(reserved: try request.checkSources(beside: name))
        return name
    }

    func namingInterpreter(_ error: SandboxError, image: Image) -> SandboxError {
        error.namingToolchain(
            interpreter, kind: "interpreter", image: image,
            hint: "install one in the image (Debian, Ubuntu: apt-get install python3), "
                + "or give PythonRunner(interpreter:) one that is there")
    }
}
