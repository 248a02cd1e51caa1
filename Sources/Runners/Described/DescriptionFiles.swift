/// Where descriptions come from: those built in, and files of the host.

#if Languages
import Glibc
public import SandboxAPI
import SandboxRuntime

extension LanguageCatalog {
    /// The built-in languages.
    ///
    /// They are part of the library; no file is looked for.
    public init() throws(SandboxError) { self = try Self.builtIn.get() }

    /// The names of the built-in languages, sorted, without parsing their descriptions: each file has its language's name.
    package static var builtInNames: [String] {
        BuiltInLanguages.files.map { String($0.name.dropLast(".yaml".count)) }.sorted()
    }

    /// Parsed once in a process.
    private static let builtIn: Result<LanguageCatalog, SandboxError> = parseBuiltIn()

    private static func parseBuiltIn() -> Result<LanguageCatalog, SandboxError> {
        do throws(SandboxError) {
            var languages: [LanguageDescription] = []
            for (file, bytes) in BuiltInLanguages.files {
                var language = try LanguageDescription(yaml: bytes, file: file)
                language.origin = "built in"
                languages.append(language)
            }
            return .success(try LanguageCatalog(languages))
        } catch {
            return .failure(error)
        }
    }

    /// The languages of a directory's files, or of one file.
    ///
    /// - Parameters:
    ///   - directory: its regular files whose names end in `.yaml` or `.yml` are read, links followed, not those in
    ///     directories below; at most ``mostLanguages`` of 64 KiB each. Or the path of one such file.
    ///   - base: what they are added to: see ``adding(_:)``; `nil` is the built-in languages.
    /// - Throws: `SandboxError`: `.fileNotFound`, `.fileAccess`, `.tooManyFiles`; `.invalidArgument` with file, line, key and rule
    ///   for a description that breaks one; `.invalidArgument` for a directory without any.
    public init(directory: String, over base: LanguageCatalog? = nil) throws(SandboxError) {
        var languages: [LanguageDescription] = []
        for path in try DescriptionFile.paths(in: directory) {
            languages.append(try LanguageDescription(yaml: try DescriptionFile.read(path), file: path))
        }
        guard !languages.isEmpty else {
            throw SandboxError(
                .invalidArgument,
                message: "the directory \(Validation.quoted(directory)) has no description of a language",
                hint: "put files there whose names end in .yaml; docs/languages.md has the format")
        }
        let below: LanguageCatalog
        if let base { below = base } else { below = try LanguageCatalog() }
        self = try below.adding(languages)
    }
}

/// Reading descriptions from the host's file system.
private enum DescriptionFile {
    /// The files of a directory, sorted; a path that is no directory stands for itself.
    static func paths(in directory: String) throws(SandboxError) -> [String] {
        var status = stat()
        guard stat(directory, &status) == 0 else { throw failure(errno, directory) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return [directory] }
        guard let stream = opendir(directory) else { throw failure(errno, directory) }
        defer { closedir(stream) }
        var names: [String] = []
        var looked = 0
        while let entry = readdir(stream) {
            looked += 1
            let name = withUnsafeBytes(of: entry.pointee.d_name) { ByteString($0.prefix { $0 != 0 }) }
            guard let text = name.exactText, text.hasSuffix(".yaml") || text.hasSuffix(".yml"),
                !text.hasPrefix(".")
            else {
                if looked > 100_000 { throw tooMany(directory) }
                continue
            }
            names.append(text)
            if names.count > LanguageCatalog.mostLanguages { throw tooMany(directory) }
        }
        return names.sorted().map { directory + (directory.hasSuffix("/") ? "" : "/") + $0 }
    }

    static func read(_ path: String) throws(SandboxError) -> [UInt8] {
        // Without O_NONBLOCK the open of a FIFO would wait for a writer.
        guard let file = OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK))
        else {
            throw failure(errno, path)
        }
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw failure(errno, path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SandboxError(
                .notRegularFile, message: "the description \(Validation.quoted(path)) is no regular file",
                hint: "only files can be read")
        }
        // One byte more than is allowed: the parser tells that it is too much.
        do throws(ErrorNumber) {
            return try FileBytes.read(file.number, upTo: DescriptionNode.largest + 1)
        } catch {
            throw failure(error.value, path)
        }
    }

    private static func tooMany(_ directory: String) -> SandboxError {
        SandboxError(
            .tooManyFiles,
            message:
                "the directory \(Validation.quoted(directory)) has more than \(LanguageCatalog.mostLanguages) descriptions or 100,000 entries",
            hint: "put the descriptions into a directory of their own")
    }

    private static func failure(_ number: Int32, _ path: String) -> SandboxError {
        SandboxError(
            number == ENOENT || number == ENOTDIR ? .fileNotFound : .fileAccess, errno: number,
            message:
                "cannot read the descriptions of languages in \(Validation.quoted(path)): \(describe(errno: number))",
            hint: "give a directory with .yaml files, or one such file")
    }
}
#endif
