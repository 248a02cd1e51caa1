/// Which files a compiler leaves as its program, and reading them out of its sandbox.

import SandboxAPI
import SandboxRuntime

/// One entry of ``LanguageDescription/Compilation/artifacts``.
enum Artifact: Hashable {
    case file(ByteString)
    /// All files in it, at any depth.
    case directory(ByteString)
    /// All files of `/work` whose names end so, at any depth: `*.class`.
    case suffix([UInt8])

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.starts(with: "*.".utf8) {
            let suffix = Array(bytes.dropFirst())
            guard suffix.count > 1, suffix.count <= 40, !suffix.contains(ByteString.slash),
                !suffix.contains(0),
                !suffix.contains(UInt8(ascii: "*"))
            else { return nil }
            self = .suffix(suffix)
            return
        }
        guard !bytes.contains(UInt8(ascii: "*")), bytes.count <= 200,
            let path = try? Validation.workPath(
                ByteString(bytes.last == ByteString.slash ? Array(bytes.dropLast()) : bytes)),
            path.parts.allSatisfy(SourceName.isPlain)
        else { return nil }
        self = bytes.last == ByteString.slash ? .directory(path) : .file(path)
    }

    /// The name that no source may have.
    var reserved: ByteString? {
        switch self {
        case .file(let path), .directory(let path): path
        case .suffix: nil
        }
    }
}

/// Reads a program's files out of the sandbox in which it was compiled.
struct ArtifactReader {
    let sandbox: any SandboxLease
    /// The compiler's: bound the program's size.
    let limits: Limits
    private var files: [ByteString: InputFile] = [:]
    private var room: Int
    /// How many more entries of directories are looked at.
    private var entries = 10_000
    /// The most files of a program.
    private static let mostFiles = 4096

    init(_ sandbox: any SandboxLease, _ limits: Limits) {
        (self.sandbox, self.limits, room) = (sandbox, limits, limits.disk)
    }

    /// What the source is to blame for: the compiler did not leave the program that it was to leave.
    struct NoProgram: Error { var reason: String }

    /// - Returns: the files, sorted by their paths.
    /// - Throws: ``NoProgram``, and the sandbox's errors.
    mutating func read(_ artifacts: [Artifact]) async throws -> [InputFile] {
        for artifact in artifacts {
            switch artifact {
            case .file(let path): try await take(path)
            case .directory(let path): try await walk(path) { _ in true }
            case .suffix(let suffix): try await walk(".") { $0.bytes.ends(with: suffix) }
            }
        }
        if files.isEmpty { throw NoProgram(reason: "the compiler succeeded and left no program") }
        return files.keys.sorted().map { files[$0]! }
    }

    private mutating func walk(_ top: ByteString, _ isWanted: (ByteString) -> Bool) async throws {
        var directories = [top]
        while let directory = directories.popLast() {
            let found = try await blaming(directory) { [entries, sandbox] () async throws(SandboxError) in
                try await sandbox.list(directory, maxEntries: entries)
            }
            entries -= found.count
            for entry in found {
                let path = directory == "." ? entry.name : directory + "/" + entry.name
                if entry.info.kind == .directory {
                    directories.append(path)
                } else if entry.info.kind == .regular, isWanted(entry.name) {
                    try await take(path)
                }
            }
        }
    }

    private mutating func take(_ path: ByteString) async throws {
        if files[path] != nil { return }
        guard files.count < Self.mostFiles else {
            throw NoProgram(reason: "the program has more than \(Self.mostFiles) files")
        }
        let most = min(room, limits.fileSize)
        let file = try await blaming(path) { [sandbox] () async throws(SandboxError) in
            // A name that cannot be written again is refused before anything is read.
            _ = try Validation.workPath(path)
            return try await sandbox.readFile(path, maxBytes: most)
        }
        room -= file.bytes.count
        files[path] = InputFile(path, file.bytes, executable: file.executable)
    }

    /// Turns errors about the compiler's files into ``NoProgram``.
    private func blaming<Value>(
        _ path: ByteString, _ body: () async throws(SandboxError) -> Value
    ) async throws -> Value {
        do throws(SandboxError) {
            return try await body()
        } catch {
            switch error.code {
            case .fileNotFound, .notRegularFile, .notDirectory, .fileAccess, .invalidPath:
                throw NoProgram(reason: "the compiler succeeded and left no usable \(path.quoted)")
            case .fileTooLarge, .tooManyFiles:
                throw NoProgram(reason: "the program is too large: \(error.message)")
            default: throw error
            }
        }
    }
}

extension SandboxLease {
    /// All files of `/work` that a build has left, for a program.
    ///
    /// - Parameter limits: the build's: bound the program's size.
    /// - Returns: the files, or why they are no program.
    /// - Throws: the sandbox's errors.
    package func artifacts(
        atMost limits: Limits
    ) async throws(SandboxError) -> Result<[InputFile], NoArtifacts> {
        var reader = ArtifactReader(self, limits)
        do {
            return .success(try await reader.read([.directory(".")]))
        } catch let error as ArtifactReader.NoProgram {
            return .failure(NoArtifacts(reason: error.reason))
        } catch let error as SandboxError {
            throw error
        } catch {
            throw SandboxError(.internalError, message: "\(error)")
        }
    }
}

/// Why what a build left is no program.
package struct NoArtifacts: Error {
    package var reason: String
}

extension [UInt8] {
    fileprivate func ends(with suffix: [UInt8]) -> Bool {
        count > suffix.count && self[(count - suffix.count)...].elementsEqual(suffix)
    }
}
