/// The checks on a caller's arguments that are made before anything starts.
import Sandbox

/// Throws `.fileTooLarge` for a source beyond ``Language/maximumSourceBytes``.
func checkSize(ofSource bytes: Int) throws(SandboxError) {
    guard bytes > Language.maximumSourceBytes else { return }
    throw SandboxError(
        .fileTooLarge,
        message: "the source has \(bytes) bytes; at most \(Language.maximumSourceBytes) are accepted",
        hint: "pass large data through stdin or inputFiles")
}

/// Throws `.invalidArgument` for a tool that cannot be run or flags that cannot be passed.
func checkTool(_ tool: String, named name: String, flags: [String]) throws(SandboxError) {
    if tool.isEmpty || tool.utf8.contains(0) {
        throw SandboxError(.invalidArgument, message: "the \(name) is empty or has a NUL in its name")
    }
    for flag in flags where flag.utf8.contains(0) {
        throw SandboxError(
            .invalidArgument, message: "a flag for the \(name) has a NUL in it: \(flag.debugDescription)")
    }
}

/// Throws `.invalidPath` or `.invalidArgument` for files whose names are bad or already taken.
///
/// The backend checks names too, but only once the source is compiled or even run.
/// - Parameter reserved: names in `/work` that the runner itself writes.
func checkPaths(
    inputs: [InputFile], outputs: [String] = [], reserved: Set<String>
) throws(SandboxError) {
    for file in inputs where reserved.contains(try workPath(file.path)) {
        throw SandboxError(
            .invalidArgument, message: "the input file \(file.path) has the name of the runner's own file",
            hint: "rename it")
    }
    for path in outputs { _ = try workPath(path) }
}

/// A path without `.`, `..` and the leading `/work`.
///
/// - Throws: `.invalidPath` when it is empty, leaves `/work` or has a NUL or a newline in it.
func workPath(_ path: String) throws(SandboxError) -> String {
    var relative = path[...]
    if path.hasPrefix("/work/") { relative = path.dropFirst("/work/".count) }
    var parts: [Substring] = []
    var leaves = relative.hasPrefix("/")
    for part in relative.split(separator: "/") where part != "." {
        if part != ".." {
            parts.append(part)
        } else if parts.popLast() == nil {
            leaves = true
        }
    }
    guard !leaves, !parts.isEmpty, !path.utf8.contains(0), !path.utf8.contains(UInt8(ascii: "\n")) else {
        throw SandboxError(
            .invalidPath, message: "\(path.debugDescription) is not a path of a file below /work",
            hint: "give a path relative to /work")
    }
    return parts.joined(separator: "/")
}
