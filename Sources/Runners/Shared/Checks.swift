/// The checks on a caller's arguments that are made before anything starts.
import SandboxAPI
import SandboxRuntime

/// Throws `.fileTooLarge` for a source beyond `Language.maximumSourceBytes`.
func checkSize(ofSource bytes: Int) throws(SandboxError) {
    guard bytes > Language.maximumSourceBytes else { return }
    throw SandboxError(
        .fileTooLarge,
        message: "the source has \(bytes) bytes; at most \(Language.maximumSourceBytes) are accepted",
        hint: "pass large data through stdin or inputFiles")
}

/// Throws `.invalidArgument` for a tool that cannot be run or flags that cannot be passed.
func checkTool(_ tool: String, named name: String, flags: [ByteString]) throws(SandboxError) {
    if tool.isEmpty || tool.utf8.contains(0) {
        throw SandboxError(.invalidArgument, message: "the \(name) is empty or has a NUL in its name")
    }
    for flag in flags where flag.bytes.contains(0) {
        throw SandboxError(
            .invalidArgument,
            message: "a flag for the \(name) has a NUL in it: \(Validation.quoted(flag))")
    }
}

/// Throws `.invalidPath` or `.invalidArgument` for files whose names are bad or already taken.
///
/// The backend checks names too, but only once the source is compiled or even run.
/// - Parameter reserved: names in `/work` that the runner itself writes.
func checkPaths(
    inputs: [InputFile], outputs: [ByteString] = [], reserved: Set<ByteString>
) throws(SandboxError) {
    for file in inputs where reserved.contains(try Validation.workPath(file.path)) {
        throw SandboxError(
            .invalidArgument, message: "the input file \(file.path) has the name of the runner's own file",
            hint: "rename it")
    }
    for path in outputs { _ = try Validation.workPath(path) }
}
