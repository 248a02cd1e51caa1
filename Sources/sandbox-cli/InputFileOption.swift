/// Reads `--in FILE[:NAME]` and `--env K=V`.

#if CLI
import Sandbox

/// A file of the host to be put into `/work`, as written: where FILE ends depends on which files exist.
struct InputFileOption: Hashable {
    var text: ByteString

    static func parse(_ argument: String) throws(BadValue) -> InputFileOption {
        let text = ArgumentText.bytes(of: argument)
        if text.isEmpty || text.bytes.first == colon { throw BadValue("FILE or FILE:NAME is needed") }
        if text.bytes.last == ByteString.slash { throw BadValue("a file is needed, not a directory") }
        return InputFileOption(text: text)
    }

    private static let colon = UInt8(ascii: ":")

    /// The file on the host and its name in `/work`.
    ///
    /// A file whose own name is the whole text comes first, then the longest name before a colon.
    func resolve(exists: (ByteString) -> Bool) -> (file: ByteString, name: ByteString) {
        let whole = (file: text, name: text.parts.last ?? text)
        if exists(text) { return whole }
        let bytes = text.bytes
        let splits = bytes.indices.reversed().filter { bytes[$0] == Self.colon }.map { colon in
            (file: ByteString(bytes[..<colon]), name: ByteString(bytes[(colon + 1)...]))
        }
        let usable = splits.filter { !$0.file.isEmpty && !$0.name.isEmpty }
        return usable.first { exists($0.file) } ?? usable.first ?? whole
    }

    /// Reads the files of all options; refuses two with the same name.
    static func load(
        _ options: [InputFileOption], option name: String = "--in", limit: Int
    ) throws(SandboxError) -> [InputFile] {
        var files: [InputFile] = []
        for option in options {
            let (file, path) = option.resolve(exists: HostFile.exists)
            if files.contains(where: { $0.path == path }) {
                throw SandboxError(
                    .invalidArgument, message: "two `\(name)` files have the name '\(path)'",
                    hint: "name them with `\(name) FILE:NAME`")
            }
            let content = try HostFile.read(file, what: "the input file", limit: limit)
            files.append(InputFile(path, content.bytes, executable: content.isExecutable))
        }
        return files
    }
}

/// One variable for the program.
struct EnvironmentOption: Hashable {
    var name: ByteString
    var value: ByteString

    static func parse(_ argument: String) throws(BadValue) -> EnvironmentOption {
        let bytes = ArgumentText.bytes(of: argument).bytes
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > 0 else {
            throw BadValue("NAME=VALUE is needed")
        }
        return EnvironmentOption(
            name: ByteString(bytes[..<equals]), value: ByteString(bytes[(equals + 1)...]))
    }
}

/// The name of an output file: relative to `/work`, and to the directory in which it is stored.
struct OutputName: Hashable {
    /// The name as the option gives it.
    var text: ByteString
    var components: [ByteString]

    static func parse(_ argument: String) throws(BadValue) -> OutputName {
        let text = ArgumentText.bytes(of: argument)
        let components = text.parts.filter { $0 != "." }
        if text.isAbsolute || components.contains("..") {
            throw BadValue("a name relative to /work is needed, without '..'")
        }
        if components.isEmpty || text.bytes.last == ByteString.slash {
            throw BadValue("a file name is needed")
        }
        return OutputName(text: text, components: components)
    }

    /// Without `.` and doubled slashes.
    var path: ByteString { ByteString(path: components) }
}
#endif
