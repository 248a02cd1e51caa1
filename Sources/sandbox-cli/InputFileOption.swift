/// Reads `--in FILE[:NAME]` and `--env K=V`.

#if CLI
    import Sandbox

    /// A file of the host to be put into `/work`, as written: only a look at the host tells where FILE ends.
    struct InputFileOption: Hashable {
        var text: String

        static func parse(_ text: String) throws(BadValue) -> InputFileOption {
            if text.isEmpty || text.hasPrefix(":") { throw BadValue("FILE or FILE:NAME is needed") }
            if text.hasSuffix("/") { throw BadValue("a file is needed, not a directory") }
            return InputFileOption(text: text)
        }

        /// The file on the host and its name in `/work`.
        ///
        /// A file whose own name is the whole text comes first, then the longest one before a colon.
        func resolve(exists: (String) -> Bool) -> (file: String, name: String) {
            if exists(text) { return (text, Self.lastComponent(text)) }
            let splits = text.indices.reversed().filter { text[$0] == ":" }.map { colon in
                (file: String(text[..<colon]), name: String(text[text.index(after: colon)...]))
            }
            let usable = splits.filter { !$0.file.isEmpty && !$0.name.isEmpty }
            return usable.first { exists($0.file) } ?? usable.first ?? (text, Self.lastComponent(text))
        }

        /// Reads the files of all options; two of one name are refused.
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

        private static func lastComponent(_ path: String) -> String {
            path.split(separator: "/").last.map(String.init) ?? path
        }
    }

    /// One variable for the program.
    struct EnvironmentOption: Hashable {
        var name: String
        var value: String

        static func parse(_ text: String) throws(BadValue) -> EnvironmentOption {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw BadValue("NAME=VALUE is needed")
            }
            return EnvironmentOption(
                name: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
        }
    }

    /// The name of a file to be collected: relative to `/work`, and to the directory it is collected into.
    struct OutputName: Hashable {
        /// As it was asked for.
        var text: String
        var components: [String]

        static func parse(_ text: String) throws(BadValue) -> OutputName {
            // At bytes, as the kernel does: with a combining mark behind it, a slash is another Character.
            let slash = UInt8(ascii: "/")
            let components = text.utf8.split(separator: slash).map { String(Substring($0)) }
                .filter { $0 != "." }
            if text.utf8.first == slash || components.contains("..") {
                throw BadValue("a name relative to /work is needed, without '..'")
            }
            if components.isEmpty || text.utf8.last == slash { throw BadValue("a file name is needed") }
            return OutputName(text: text, components: components)
        }

        /// Without `.` and doubled slashes.
        var path: String { components.joined(separator: "/") }
    }
#endif
