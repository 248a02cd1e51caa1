/// A program that was compiled once and can be run many times.
import SandboxAPI
import SandboxRuntime

/// The bytes of an executable; each run has a fresh sandbox.
///
/// It runs in images whose C++ library is at least as new as that of the image in which it was compiled (in
/// any image, if linked with `-static`).
public struct CompiledProgram: Sendable, Hashable {
    /// The executable file.
    public let bytes: [UInt8]

    /// A program kept from an earlier compilation.
    public init(bytes: [UInt8]) { self.bytes = bytes }

    /// Runs the program as `./main` in a fresh sandbox. Runs may be concurrent.
    ///
    /// - Returns: a report whose `compile` is `nil`.
    /// - Throws: `SandboxError` when the sandbox failed or an argument is not acceptable.
    public func run(
        _ request: RunRequest = RunRequest(), on backend: any SandboxBackend
    ) async throws(SandboxError) -> RunReport {
        try await throwingSandboxErrors { try await run(request, on: backend, by: .collecting) }
    }

    /// Runs the program as `./main` in a fresh sandbox, and hands its output to `body` while it runs; see
    /// ``LanguageRunner``.
    public func run<Value>(
        _ request: RunRequest = RunRequest(), on backend: any SandboxBackend,
        body: @escaping (Execution) async throws -> Value
    ) async throws -> (report: RunReport, value: Value?) {
        try await Performance.streaming(to: body) { try await run(request, on: backend, by: $0) }
    }

    func run(
        _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        try request.checkFiles(reserved: [CppRunner.programName])
        return try await performance.run(
            "./" + CppRunner.programName, program: InputFile(CppRunner.programName, bytes, executable: true),
            request, on: backend)
    }

    /// Runs the program with every part of the request a named argument; see ``RunRequest``.
    public func run(
        arguments: [String] = [], stdin: StandardInput = .none, limits: Limits = .standard,
        environment: [String: String] = [:], inputFiles: [InputFile] = [], outputFiles: [String] = [],
        options: SandboxOptions = SandboxOptions(), on backend: any SandboxBackend
    ) async throws(SandboxError) -> RunReport {
        let request = RunRequest(
            arguments: arguments, stdin: stdin, limits: limits, environment: environment,
            inputFiles: inputFiles,
            outputFiles: outputFiles, options: options)
        return try await run(request, on: backend)
    }

    /// Whether the kernel can execute the bytes: an ELF executable or shared object, or a script.
    ///
    /// With `-c`, `-S` and `-E` the compiler leaves an object file or text under the same name.
    var isExecutable: Bool {
        if bytes[...].starts(with: "#!") { return true }
        guard bytes.count > 17, bytes[...].starts(with: "\u{7f}ELF") else { return false }
        // e_type, in either byte order: ET_EXEC is 2, ET_DYN is 3.
        return bytes[16] | bytes[17] == 2 || bytes[16] | bytes[17] == 3
    }
}
