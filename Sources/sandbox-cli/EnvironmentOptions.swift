/// Reads `--env NAME[=VALUE]` and `--env-file FILE`: the variables of the program.

#if CLI
import Glibc
import Sandbox
import SandboxRuntime

/// One variable for the program.
struct EnvironmentOption: Hashable {
    var name: ByteString
    /// `nil`: the command's own value is passed on.
    var value: ByteString?

    static func parse(_ argument: String) throws(BadValue) -> EnvironmentOption {
        try EnvironmentOption(ArgumentText.bytes(of: argument))
    }

    init(name: ByteString, value: ByteString?) {
        self.name = name
        self.value = value
    }

    /// - Parameter text: `NAME=VALUE` or `NAME`.
    init(_ text: ByteString) throws(BadValue) {
        let bytes = text.bytes
        let equals = bytes.firstIndex(of: UInt8(ascii: "="))
        name = ByteString(bytes[..<(equals ?? bytes.endIndex)])
        value = equals.map { ByteString(bytes[($0 + 1)...]) }
        if name.isEmpty { throw BadValue("NAME=VALUE or NAME is needed") }
        if bytes.contains(0) { throw BadValue("a variable has no NUL in it") }
    }

    /// The value for the program.
    ///
    /// A variable that is to be passed on and is not set is a mistake of the caller: left out, the program would run
    /// without what it was meant to get.
    ///
    /// - Parameters:
    ///   - unset: what the message says is not set here.
    ///   - own: looks up the command's own variables.
    fileprivate func resolve(
        _ unset: @autoclosure () -> String, _ own: (ByteString) -> ByteString?
    ) throws(SandboxError) -> ByteString {
        if let value { return value }
        if let value = own(name) { return value }
        throw SandboxError(
            .invalidArgument, message: "\(unset()) is not set here",
            hint: "set it, give a value as NAME=VALUE, or leave it out")
    }
}

/// A file of variables in the format of `docker run --env-file`.
///
/// One variable on a line, `NAME=VALUE` or `NAME`; the value is taken as it is, with quotes and blanks. Blanks before
/// the name, empty lines, lines that begin with `#`, and a byte order mark are passed over; a line may end with CR LF.
///
/// A value has no line ends. Where someone puts one with several lines into a file all the same, a key for example,
/// each further line is taken for a name. So a message has a line's number and no part of it: messages end in logs.
enum EnvironmentFile {
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private static let blanks: Set<UInt8> = [0x20, 0x09]

    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - path: for messages.
    /// - Returns: the variables, each with its line, counted from 1.
    static func parse(
        _ bytes: [UInt8], path: ByteString
    ) throws(SandboxError) -> [(line: Int, variable: EnvironmentOption)] {
        let text = bytes.starts(with: byteOrderMark) ? bytes[3...] : bytes[...]
        var found: [(line: Int, variable: EnvironmentOption)] = []
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, whole) in lines.enumerated() {
            var line = whole.drop { blanks.contains($0) }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            do throws(BadValue) {
                let variable = try EnvironmentOption(ByteString(line))
                if variable.name.bytes.contains(where: blanks.contains) {
                    throw BadValue("the variable's name has a blank in it")
                }
                found.append((index + 1, variable))
            } catch {
                throw SandboxError(
                    .invalidArgument, message: "line \(index + 1) of '\(path)': \(error.description)",
                    hint: "each line of an `--env-file` is NAME=VALUE, NAME or a # comment")
            }
        }
        return found
    }
}

/// The variables of all options, as one environment.
enum ProgramEnvironment {
    /// Reads the files and the command's own variables.
    static func load(
        files paths: [ByteString], options: [EnvironmentOption]
    ) throws(SandboxError) -> [ByteString: ByteString] {
        var files: [(path: ByteString, bytes: [UInt8])] = []
        for path in paths {
            // More than this the kernel passes to no program.
            let bytes = try HostFile.readAny(
                path, what: "the file of variables", limit: Validation.maximumStrings)
            files.append((path, bytes))
        }
        return try combine(files, options) { name in
            getenv(name.cString).map { ByteString(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
        }
    }

    /// A later variable replaces an earlier one of its name, and one of the command line one of a file.
    ///
    /// - Parameters:
    ///   - files: paths and contents.
    ///   - options: of the command line.
    ///   - own: looks up the command's own variables.
    static func combine(
        _ files: [(path: ByteString, bytes: [UInt8])], _ options: [EnvironmentOption],
        own: (ByteString) -> ByteString?
    ) throws(SandboxError) -> [ByteString: ByteString] {
        var environment: [ByteString: ByteString] = [:]
        for (path, bytes) in files {
            for (line, variable) in try EnvironmentFile.parse(bytes, path: path) {
                environment[variable.name] = try variable.resolve(
                    "the variable on line \(line) of '\(path)'", own)
            }
        }
        for variable in options {
            environment[variable.name] = try variable.resolve(
                "the variable '\(variable.name)' of `--env`", own)
        }
        return environment
    }
}
#endif
