/// Compiles Python sources to byte code, inside a sandbox.

import SandboxAPI
import SandboxRuntime

/// What the interpreter is told to compile, and what it left. The sandbox has only the sources, of which nothing is
/// executed, but they are hostile all the same (a constant too large to fold, nesting too deep), so nothing is
/// believed: the tag that the interpreter wrote must be a short word, and byte code is only read from the expected
/// places. What is in it concerns nobody but the program itself.
struct ByteCompiler {
    /// The first source, which runs start from.
    let main: ByteString
    /// The sources that `import` finds, by their paths.
    let imported: [ByteString]

    /// Where the interpreter leaves its output. No source can be here: their names do not begin with a dot.
    private static let directory: ByteString = ".byte-code"
    private static let longestTag = 64

    /// `sys.argv` has the first source and then the imported ones. Sources that have the name of a module of the
    /// standard library must not be executed in its place, so the first entry of `sys.path` goes at once. The reason
    /// of a failure is printed as for a program that does not compile: without frames of this script.
    private static let script = """
        import sys
        del sys.path[0]
        import importlib.util, os
        from importlib._bootstrap_external import _code_to_hash_pyc
        directory, names = sys.argv[1], sys.argv[2:]
        os.mkdir(directory)
        for number, name in enumerate(names):
            with open(name, "rb") as file:
                source = file.read()
            try:
                code = compile(source, os.path.abspath(name), "exec", dont_inherit=True)
            except Exception as error:
                sys.excepthook(type(error), error.with_traceback(None), None)
                sys.exit(1)
            if number > 0:
                path = os.path.join(directory, str(number))
                with open(path, "wb") as file:
                    file.write(_code_to_hash_pyc(code, importlib.util.source_hash(source), True))
        with open(os.path.join(directory, "tag"), "w") as file:
            file.write(os.path.basename(importlib.util.cache_from_source("x.py")))
        """

    init(main: ByteString, sources: [InputFile]) {
        self.main = main
        imported = sources.map(\.path).filter { SourceName.suffix(of: $0) == "py" }
    }

    /// What the interpreter is started with.
    var arguments: [ByteString] {
        ["-c", ByteString(ByteCompiler.script), ByteCompiler.directory, main] + imported
    }

    /// Reads the byte code that the interpreter left.
    ///
    /// - Parameters:
    ///   - sandbox: where it ran.
    ///   - limits: all files together may have `fileSize` bytes; what is beyond is left out, since a program runs
    ///     without its byte code, too.
    /// - Returns: files for the `__pycache__` directories beside the sources; none when the interpreter has no such
    ///   cache.
    func byteCode(
        from sandbox: any SandboxLease, within limits: Limits
    ) async throws(SandboxError) -> [InputFile] {
        guard !imported.isEmpty else { return [] }
        let directory = ByteCompiler.directory
        let written = try await sandbox.read(directory + "/tag", maxBytes: ByteCompiler.longestTag)
        guard let suffix = ByteCompiler.suffix(written) else { return [] }
        var room = limits.fileSize
        var files: [InputFile] = []
        for (index, source) in imported.enumerated() {
            do {
                let bytes = try await sandbox.read(directory + ByteString("/\(index + 1)"), maxBytes: room)
                room -= bytes.count
                files.append(InputFile(ByteCompiler.cachePath(of: source, suffix), bytes))
            } catch  where error.code == .fileTooLarge {
                continue
            }
        }
        return files
    }

    /// `cpython-311.pyc` of `x.cpython-311.pyc`, or `nil` for anything that no interpreter would write.
    static func suffix(_ written: [UInt8]) -> ByteString? {
        guard written.starts(with: "x.".utf8) else { return nil }
        let suffix = written.dropFirst(2)
        guard suffix.count <= longestTag, suffix.reversed().starts(with: ".pyc".utf8.reversed()),
            suffix.allSatisfy({ byte in
                let scalar = Unicode.Scalar(byte)
                return ("a"..."z" ~= scalar) || ("A"..."Z" ~= scalar) || ("0"..."9" ~= scalar)
                    || scalar == "-" || scalar == "." || scalar == "_"
            })
        else { return nil }
        return ByteString(suffix)
    }

    /// `pkg/__pycache__/mod.cpython-311.pyc` for `pkg/mod.py`.
    static func cachePath(of source: ByteString, _ suffix: ByteString) -> ByteString {
        var parts = source.parts
        let stem = ByteString(parts.removeLast().bytes.dropLast("py".utf8.count))
        parts += ["__pycache__", stem + suffix]
        return ByteString(path: parts)
    }

    /// The interpreter's message as a diagnostic.
    static func diagnostics(of result: RunResult) -> [Diagnostic] {
        guard !result.outcome.isSuccess, let error = PythonTraceback.parse(result.stderr) else { return [] }
        let place = error.frames.last
        return [
            Diagnostic(
                file: place?.file ?? "", line: place?.line, severity: .error, message: error.description)
        ]
    }
}
