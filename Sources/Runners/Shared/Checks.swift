/// The checks of a caller's arguments before anything starts.

public import SandboxAPI
import SandboxRuntime

extension RunRequest {
    /// For runners: throws `.fileTooLarge` for a source beyond `Language.maximumSourceBytes`.
    ///
    /// - Parameter bytes: the source's size.
    public static func check(sourceOf bytes: Int) throws(SandboxError) {
        guard bytes > Language.maximumSourceBytes else { return }
        throw SandboxError(
            .fileTooLarge,
            message: "the source has \(bytes) bytes; at most \(Language.maximumSourceBytes) are accepted",
            hint: "pass large data through stdin or inputFiles")
    }

    /// For runners: throws `.invalidArgument` for a tool that cannot be run or flags that cannot be passed.
    ///
    /// - Parameters:
    ///   - tool: a path of the image, or a name in `PATH`.
    ///   - name: what the tool is, for messages: a compiler, an interpreter.
    ///   - flags: its arguments.
    public static func check(tool: String, named name: String, flags: [ByteString]) throws(SandboxError) {
        if tool.isEmpty || tool.utf8.contains(0) {
            throw SandboxError(.invalidArgument, message: "the \(name) is empty or has a NUL in its name")
        }
        for flag in flags where flag.bytes.contains(0) {
            throw SandboxError(
                .invalidArgument,
                message: "a flag for the \(name) has a NUL in it: \(Validation.quoted(flag))")
        }
    }

    /// For runners: throws `.invalidPath` or `.invalidArgument` for files whose names are invalid or already
    /// taken.
    ///
    /// The backend checks names too, but only once the source is compiled or even run.
    /// - Parameter reserved: names in `/work` that the runner itself writes.
    public func checkFiles(reserved: Set<ByteString>) throws(SandboxError) {
        try Self.check(inputs: inputFiles, outputs: outputFiles, reserved: reserved)
    }

    static func check(
        inputs: [InputFile], outputs: [ByteString] = [], reserved: Set<ByteString>
    ) throws(SandboxError) {
        for file in inputs where reserved.contains(try Validation.workPath(file.path)) {
            throw SandboxError(
                .invalidArgument,
                message: "the input file \(file.path) has the name of the runner's own file",
                hint: "rename it")
        }
        for path in outputs { _ = try Validation.workPath(path) }
    }
}
