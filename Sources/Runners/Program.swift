/// A program that was built once and can be run many times.
import SandboxAPI
import SandboxRuntime

/// What a runner built: files, and how to start them. A compiled program is an executable; an interpreted one is
/// its sources.
///
/// Each run has a fresh sandbox, and runs may be concurrent. It runs in images that have what it needs: the
/// interpreter, or libraries as new as those of the image in which it was compiled (linked with `-static`: none).
public struct Program: Sendable, Hashable {
    public var language: Language
    /// The program's files, by their paths below `/work`.
    public var files: [InputFile]
    /// What is started: a path (`./main`) or a name in the sandbox's `PATH` (`python3`).
    public var executable: ByteString
    /// Arguments before those of a run: an interpreter's flags and the name of the source.
    public var arguments: [ByteString]
    /// Variables that the language needs; those of a run come after them.
    public var environment: [ByteString: ByteString]

    public init(
        language: Language, files: [InputFile], executable: ByteString, arguments: [ByteString] = [],
        environment: [ByteString: ByteString] = [:]
    ) {
        self.language = language
        self.files = files
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }
}
