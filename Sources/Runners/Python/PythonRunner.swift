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

    static let sourceName: ByteString = "main.py"

    public init(
        interpreter: String = "/usr/bin/python3", flags: [ByteString] = [], buffering: Buffering = .unbuffered
    ) {
        self.interpreter = interpreter
        self.flags = flags
        self.buffering = buffering
    }

    /// Runs the source; a traceback in stderr is parsed when the run did not succeed.
    public func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        try RunRequest.check(sourceOf: source.count)
        try RunRequest.check(tool: interpreter, named: "interpreter", flags: flags)
        let name = request.name(else: PythonRunner.sourceName)
        try request.checkFiles(reserved: try request.checkSources(beside: name))
        var request = request
        request.options.language = request.options.language ?? language
        let ours: [ByteString] = ["-B", "-X", "utf8"] + (buffering == .unbuffered ? ["-u"] : [])
        do {
            return try await performance.run(
                ByteString(interpreter), ours + flags + [name], program: InputFile(name, source),
                with: request.sources, request, on: backend,
                details: { PythonTraceback.parse($0) })
        } catch let error as SandboxError {
            throw error.namingToolchain(
                interpreter, kind: "interpreter", image: request.options.image,
                hint: "install one in the image (Debian, Ubuntu: apt-get install python3), "
                    + "or give PythonRunner(interpreter:) one that is there")
        }
    }
}
