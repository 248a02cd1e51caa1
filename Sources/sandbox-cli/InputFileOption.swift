/// Reads `--in FILE[:NAME]` and `--out NAME`.

#if CLI
import Runners
import Sandbox
import SandboxRuntime

/// A file or directory of the host to be put into `/work`, as written: where FILE ends depends on which files exist.
struct InputFileOption: Hashable {
    var text: ByteString

    static func parse(_ argument: String) throws(BadValue) -> InputFileOption {
        let text = ArgumentText.bytes(of: argument)
        if text.isEmpty || text.bytes.first == colon { throw BadValue("FILE or FILE:NAME is needed") }
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

    /// Reads the files of all options; refuses directories, and two files with the same name.
    static func load(
        _ options: [InputFileOption], option name: String = "--in", limit: Int
    ) throws(SandboxError) -> [InputFile] {
        var files: [InputFile] = []
        for (file, path) in try resolve(options, name) {
            files.append(try read(file, as: path, limit: limit))
        }
        return files
    }

    /// Reads the files of all options, and looks through the directories; refuses two with the same name.
    ///
    /// - Parameter limit: how many bytes a file may have, or the files of a directory together.
    static func loadAll(
        _ options: [InputFileOption], limit: Int
    ) throws(SandboxError) -> (files: [InputFile], trees: [InputTree]) {
        var files: [InputFile] = []
        var trees: [InputTree] = []
        for (file, path) in try resolve(options, "--in") {
            guard HostFile.isDirectory(file) else {
                files.append(try read(file, as: path, limit: limit))
                continue
            }
            let place = try Validation.directoryPath(path)
            let limits = TreeLimits(bytes: limit)
            let tree = try HostTree(file, limits: limits)
            trees.append(InputTree(place, limits: limits) { tree.archive() })
        }
        return (files, trees)
    }

    private static func resolve(
        _ options: [InputFileOption], _ name: String
    ) throws(SandboxError) -> [(file: ByteString, path: ByteString)] {
        var found: [(file: ByteString, path: ByteString)] = []
        for option in options {
            let (file, path) = option.resolve(exists: HostFile.exists)
            if found.contains(where: { $0.path == path }) {
                throw SandboxError(
                    .invalidArgument, message: "two `\(name)` files have the name '\(path)'",
                    hint: "name them with `\(name) FILE:NAME`")
            }
            found.append((file, path))
        }
        return found
    }

    private static func read(
        _ file: ByteString, as path: ByteString, limit: Int
    ) throws(SandboxError) -> InputFile {
        let content = try HostFile.read(file, what: "the input file", limit: limit)
        return InputFile(path, content.bytes, executable: content.isExecutable)
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
