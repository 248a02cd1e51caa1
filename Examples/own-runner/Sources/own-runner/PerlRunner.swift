/// Runs Perl programs with the image's own interpreter.

import Runners

extension Language {
    static let perl = Language(rawValue: "perl")
}

/// Where a Perl program died, parsed from its stderr. Untrusted, as all output of a program.
struct PerlDeath: RunDetails {
    var message: String
    var line: Int
    var description: String { "\(message) (line \(line))" }

    /// The last line of the form `MESSAGE at main.pl line N.`
    init?(_ stderr: [UInt8]) {
        let lines = String(decoding: stderr, as: UTF8.self).split(separator: "\n")
        let marker = " at \(PerlRunner.source) line "
        for text in lines.reversed() {
            let parts = text.split(separator: marker, maxSplits: 1)
            if parts.count == 2, let line = Int(parts[1].prefix { $0.isNumber }) {
                (message, self.line) = (String(parts[0]), line)
                return
            }
        }
        return nil
    }
}

struct PerlRunner: LanguageRunner {
    static let source: ByteString = "main.pl"
    var language: Language { .perl }
    var interpreter = "/usr/bin/perl"

    func build(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> BuildResult {
        BuildResult(compile: nil, program: try program(source, request))  // There is nothing to compile.
    }

    func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        let program = try program(source, request)
        do {
            return try await performance.run(program, request, on: backend, details: { PerlDeath($0) })
        } catch let error as SandboxError {
            throw error.namingToolchain(
                interpreter, kind: "interpreter", image: request.options.image, hint: "install perl in it")
        }
    }

    private func program(_ source: [UInt8], _ request: RunRequest) throws(SandboxError) -> Program {
        try RunRequest.check(sourceOf: source.count)
        try request.checkFiles(reserved: [Self.source])
        return Program(
            language: language, files: [InputFile(Self.source, source)],
            executable: ByteString(interpreter), arguments: [Self.source])
    }
}
