/// Compiles C++ in one sandbox and runs the program in another.
import SandboxAPI
import SandboxRuntime

/// The runner for C++.
///
/// `main.cpp`, or the source under ``RunRequest/sourceName``, is compiled in a sandbox of its own as
/// `g++ -std=c++20 -O2 main.cpp -o main`, together with ``RunRequest/sources``; the program runs as `./main` in a fresh
/// sandbox, which has nothing of the compilation (source, headers, processes), and with limits and usage of its own.
public struct CppRunner: LanguageRunner {
    public var language: Language { .cpp }

    public var standard: CppStandard
    /// Flags before the source. A `-std=` here overrides `standard`.
    public var flags: [ByteString]
    /// Flags after the source, where linkers look for libraries: `-lgmp`.
    public var linkFlags: [ByteString]
    /// A name in the sandbox's `PATH` (`g++`, `clang++`), or an absolute path of the image.
    public var compiler: String
    /// The bounds of the compiler's run. The program may have at most `compileLimits.fileSize` bytes.
    public var compileLimits: Limits
    /// Files put beside the sources of every request while they are compiled, and not compiled by themselves:
    /// headers such as `testlib.h`. Those of one program are ``RunRequest/sources``.
    public var headers: [InputFile]

    static let sourceName: ByteString = "main.cpp"
    static let programName: ByteString = "main"

    public init(
        standard: CppStandard = .cpp20, flags: [ByteString] = ["-O2"], compiler: String = "g++",
        compileLimits: Limits = .compile, linkFlags: [ByteString] = [], headers: [InputFile] = []
    ) {
        self.standard = standard
        self.flags = flags
        self.linkFlags = linkFlags
        self.compiler = compiler
        self.compileLimits = compileLimits
        self.headers = headers
    }

    /// With flags of text, which is UTF-8 in the sandbox.
    @_disfavoredOverload
    public init(
        standard: CppStandard = .cpp20, flags: [String], compiler: String = "g++",
        compileLimits: Limits = .compile, linkFlags: [String] = [], headers: [InputFile] = []
    ) {
        self.init(
            standard: standard, flags: flags.map { ByteString($0) }, compiler: compiler,
            compileLimits: compileLimits, linkFlags: linkFlags.map { ByteString($0) }, headers: headers)
    }

    /// Compiles the source and, when that succeeded, runs the program.
    ///
    /// - Throws: `SandboxError`, as for every ``LanguageRunner``; also `.invalidArgument` for flags with which the
    ///   compiler makes no program.
    public func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        try request.checkFiles(reserved: [CppRunner.programName])
        let built = try await build(source, request, on: backend)
        guard let program = built.program else { return RunReport(compile: built.compile) }
        do {
            var report = try await program.run(request, on: backend, by: performance)
            report.compile = built.compile
            return report
        } catch let error as SandboxError where error.code == .executableNotRunnable {
            // A source can make the linker write an executable that the kernel refuses: with an invalid
            // interpreter, say.
            var compile = built.compile
            compile?.diagnostics.append(
                Diagnostic(file: CppRunner.programName.text, severity: .fatalError, message: error.message))
            return RunReport(compile: compile)
        }
    }

    /// Compiles a program of one or several sources once; it can be run many times, as `./main`.
    ///
    /// A source that does not compile is a result without a program, not an error.
    /// - Parameters:
    ///   - source: in any encoding, at most `Language.maximumSourceBytes`.
    ///   - request: the program's name and other sources, and the sandbox to compile in; the rest is for its runs.
    ///   - backend: makes that sandbox.
    /// - Throws: `SandboxError`: `.invalidArgument` for a NUL in a flag, for flags with which the compiler
    ///   makes no program, and for names of sources that are taken or that the compiler could misread;
    ///   `.fileTooLarge` for a source that is too long; `.toolchainNotFound` when the image
    ///   lacks the compiler; and the sandbox's own errors.
    public func build(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> BuildResult {
        let name = request.name(else: CppRunner.sourceName, where: CppRunner.isSource)
        try check(source, name, request)
        let units = [name] + request.sources.map(\.path).filter(CppRunner.isSource)
        let command = Command(
            ByteString(compiler),
            [ByteString("-std=" + standard.rawValue)] + flags + units + ["-o", CppRunner.programName]
                + linkFlags,
            inputFiles: headers + request.sources + [InputFile(name, source)])
        var options = request.options
        options.language = options.language ?? language
        options.firstLimits = compileLimits
        return try await throwingSandboxErrors {
            try await backend.withSandbox(options) { [options] sandbox in
                let result: RunResult
                do throws(SandboxError) {
                    result = try await sandbox.run(command, stdin: .none, limits: compileLimits)
                } catch {
                    throw error.namingToolchain(
                        compiler, kind: "compiler", image: options.image, hint: installHint)
                }
                let report = CompileReport(result: result, diagnostics: Diagnostic.parse(result.stderr))
                guard result.outcome.isSuccess else { return BuildResult(compile: report, program: nil) }
                return BuildResult(compile: report, program: try await readProgram(from: sandbox))
            }
        }
    }

    private func check(
        _ source: [UInt8], _ name: ByteString, _ request: RunRequest
    ) throws(SandboxError) {
        try RunRequest.check(sourceOf: source.count)
        try RunRequest.check(tool: compiler, named: "compiler", flags: flags + linkFlags)
        try RunRequest.check(inputs: headers, reserved: [name, CppRunner.programName])
        try request.checkSources(beside: name, and: headers, reserved: [CppRunner.programName])
    }

    /// Whether the compiler takes a file of this name for C++.
    private static func isSource(_ path: ByteString) -> Bool {
        Language(fileSuffix: SourceName.suffix(of: path)) == .cpp
    }

    private func readProgram(from sandbox: any SandboxLease) async throws(SandboxError) -> Program {
        do {
            let bytes = try await sandbox.read(CppRunner.programName, maxBytes: compileLimits.fileSize)
            if CppRunner.isExecutable(bytes) {
                return Program(
                    language: language, files: [InputFile(CppRunner.programName, bytes, executable: true)],
                    executable: "./" + CppRunner.programName)
            }
        } catch {
            guard error.code == .fileNotFound else { throw error }
        }
        throw SandboxError(
            .invalidArgument,
            message:
                "\(compiler) succeeded but made no program; its flags were "
                + (flags + linkFlags).map(\.description).debugDescription,
            hint: "leave out flags such as -fsyntax-only, -c, -S, -E and --version",
            provenance: sandbox.provenance)
    }

    /// Whether the kernel can execute the bytes: an ELF executable or shared object, or a script.
    ///
    /// With `-c`, `-S` and `-E` the compiler leaves an object file or text under the same name.
    static func isExecutable(_ bytes: [UInt8]) -> Bool {
        if bytes[...].starts(with: "#!") { return true }
        guard bytes.count > 17, bytes[...].starts(with: "\u{7f}ELF") else { return false }
        // e_type, in either byte order: ET_EXEC is 2, ET_DYN is 3.
        return bytes[16] | bytes[17] == 2 || bytes[16] | bytes[17] == 3
    }

    private var installHint: String {
        let name = compiler.split(separator: "/").last ?? ""
        let package = name.hasPrefix("clang") ? "clang" : "g++"
        return "install one in the image (Debian, Ubuntu: apt-get install \(package)), "
            + "or give CppRunner(compiler:) a compiler that is there"
    }
}
