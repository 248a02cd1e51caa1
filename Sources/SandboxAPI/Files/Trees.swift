/// Directories of a sandbox as tar archives, read and written.

/// A directory of a sandbox as the bytes of a tar archive, read as the consumer requests them. For one
/// consumer.
///
/// The archive has regular files with their permissions and times, directories and symbolic links, sorted by
/// name. Other kinds (FIFOs, sockets) are left out. A hard link becomes a file of its own. No descriptor is
/// held open between two pieces.
public struct TreeArchive: AsyncSequence, Sendable {
    public typealias Failure = SandboxError
    let sandbox: any SandboxLease
    let path: ByteString
    let limits: TreeLimits

    public struct AsyncIterator: AsyncIteratorProtocol {
        public typealias Failure = SandboxError

        /// A directory of which some entries are not read yet.
        private struct Directory {
            /// The directory's path in the sandbox, and its name in the archive.
            var path, name: ByteString
            /// The entries left to read, in reverse order.
            var entries: [DirectoryEntry]
        }

        private let sandbox: any SandboxLease
        private let limits: TreeLimits
        private var start: ByteString?
        private var directories: [Directory] = []
        private var entries = 0
        private var bytes = 0
        private var isAtEnd = false
        private var file: (path: ByteString, size: Int, offset: Int, identity: UInt64?)?

        init(_ archive: TreeArchive) {
            (sandbox, limits, start) = (archive.sandbox, archive.limits, archive.path)
        }

        /// The next piece, not empty; `nil` at the end.
        ///
        /// - Throws: `.fileNotFound`, `.notDirectory`; `.fileTooLarge` and `.tooManyFiles` beyond the limits;
        ///   `.fileChanged` when a program changed a file while it was read; `.fileAccess` for files that the
        ///   program's user may not read; `.invalidPath` for a path of more than 3,800 bytes.
        public mutating func next() async throws(SandboxError) -> [UInt8]? {
            if let start {
                try await enter(start, as: "")
                self.start = nil
            }
            var piece: [UInt8] = []
            while piece.count < FileChunks.size, !isAtEnd {
                if file != nil {
                    piece += try await more()
                } else if let directory = directories.last {
                    guard let entry = directory.entries.last else {
                        directories.removeLast()
                        continue
                    }
                    directories[directories.count - 1].entries.removeLast()
                    piece += try await begin(entry, in: directory)
                } else {
                    isAtEnd = true
                    piece += TarWriter.end
                }
            }
            return piece.isEmpty ? nil : piece
        }

        private mutating func enter(_ path: ByteString, as name: ByteString) async throws(SandboxError) {
            let found = try await sandbox.list(path, maxEntries: limits.entries - entries)
            entries += found.count
            directories.append(Directory(path: path, name: name, entries: found.reversed()))
        }

        /// Returns the header of an entry. A file's content comes next.
        private mutating func begin(
            _ entry: DirectoryEntry, in directory: Directory
        ) async throws(SandboxError) -> [UInt8] {
            let path = directory.path + "/" + entry.name
            let name = directory.name + entry.name
            let info = entry.info
            let seconds = Int(info.modified.components.seconds)
            var made = TarEntry(
                path: name.bytes, kind: .file, mode: UInt32(info.permissions), modified: (seconds, 0))
            switch info.kind {
            case .regular:
                guard info.bytes <= limits.bytes - bytes else {
                    throw SandboxError(
                        .fileTooLarge, stage: "file",
                        message:
                            "the files below \(directories[0].path.quoted) hold more than \(limits.bytes) bytes",
                        hint: "raise the limit of bytes")
                }
                bytes += info.bytes
                made.size = info.bytes
                file = (path, info.bytes, 0, nil)
            case .directory:
                made.kind = .directory
                made.path.append(ByteString.slash)
                try await enter(path, as: name + "/")
            case .symbolicLink:
                made.kind = .symbolicLink
                made.linkTarget = info.target?.bytes ?? []
            default: return []
            }
            return TarWriter.header(made)
        }

        /// Returns the next part of the present file, or after the last one the padding.
        private mutating func more() async throws(SandboxError) -> [UInt8] {
            guard let (path, size, offset, identity) = file else { return [] }
            guard offset < size else {
                file = nil
                return TarWriter.padding(after: size)
            }
            let part = try await sandbox.read(
                path, from: offset, maxBytes: Swift.min(FileChunks.size, size - offset))
            // The header has the file's size already, so a file that became shorter or was replaced cannot be
            // continued.
            guard !part.bytes.isEmpty, identity == nil || identity == part.identity else {
                throw SandboxError(
                    .fileChanged, stage: "file", message: "\(path.quoted) was changed while it was read",
                    hint: "read it while no program runs")
            }
            file = (path, size, offset + part.bytes.count, part.identity)
            return part.bytes
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}

extension SandboxLease {
    /// Reads a directory with everything in it, as the bytes of a tar archive (ustar and pax) in pieces of
    /// some 256 KiB.
    ///
    /// Names in the archive are relative to the directory, which has no entry of its own.
    ///
    /// - Parameters:
    ///   - path: a directory below `/work`, or `.` for all of it.
    ///   - limits: a larger directory makes the sequence throw; the archive is never cut.
    public func readTree(_ path: ByteString = ".", limits: TreeLimits = .standard) -> TreeArchive {
        TreeArchive(sandbox: self, path: path, limits: limits)
    }

    /// Writes the files, directories and symbolic links of a tar archive below a directory.
    ///
    /// Files belong to the program, with mode 0755 where their owner may execute them and 0644 otherwise, and
    /// replace those that are there; hard links become copies. Symbolic links are not followed, neither the
    /// archive's nor the program's. When this fails, the files that are written already stay.
    ///
    /// - Parameters:
    ///   - archive: a plain tar archive in pieces of any size: ustar, pax or GNU tar, with its end marker. It
    ///     may be untrusted.
    ///   - path: a directory below `/work`, which is made if it is missing, or `.` for `/work` itself.
    ///   - limits: a larger archive throws `.fileTooLarge` or `.tooManyFiles`.
    /// - Throws: the errors of `archive`; `.invalidArchive` for bytes that are no tar archive, for names that
    ///   are absolute or lead upwards with `..`, and for devices and FIFOs; the errors of writing.
    public func writeTree<Archive: AsyncSequence>(
        _ archive: Archive, to path: ByteString = ".", limits: TreeLimits = .standard
    ) async throws where Archive.Element: Sequence<UInt8> {
        var tree = TreeAssembly(below: path, limits: limits)
        do {
            try await tree.begin(in: self)
            for try await piece in archive { try await tree.add(Array(piece), in: self) }
            if Task.isCancelled {
                throw SandboxError(.cancelled, stage: "archive", message: "writing an archive was cancelled")
            }
            try await tree.finish(in: self)
        } catch {
            await tree.discard(in: self)
            throw error
        }
    }

    /// Writes the files, directories and symbolic links of a tar archive that is complete in memory.
    public func writeTree(
        _ archive: [UInt8], to path: ByteString = ".", limits: TreeLimits = .standard
    ) async throws(SandboxError) {
        var tree = TreeAssembly(below: path, limits: limits)
        do throws(SandboxError) {
            try await tree.begin(in: self)
            try await tree.add(archive, in: self)
            try await tree.finish(in: self)
        } catch {
            await tree.discard(in: self)
            throw error
        }
    }
}

/// Writes a tree while the bytes of its archive arrive.
struct TreeAssembly {
    private let root: ByteString
    private let limits: TreeLimits
    private var reader = TarReader()
    private var file: FileAssembly?
    private var entries = 0
    private var bytes = 0

    init(below root: ByteString, limits: TreeLimits) {
        self.root = root
        self.limits = limits
    }

    func begin(in sandbox: any SandboxLease) async throws(SandboxError) {
        if root != "." { try await sandbox.makeDirectory(root) }
    }

    /// Removes an incomplete file after a failure, so that it is not mistaken for a complete one.
    mutating func discard(in sandbox: any SandboxLease) async {
        await file?.discard(in: sandbox)
        file = nil
    }

    mutating func add(_ piece: [UInt8], in sandbox: any SandboxLease) async throws(SandboxError) {
        var position = 0
        while true {
            let event: TarReader.Event
            do throws(TarFailure) {
                event = try reader.next(piece, &position, end: piece.count)
            } catch {
                throw SandboxError(error)
            }
            switch event {
            case .needsInput:
                try count(reader.metaHeaders, "extended headers")
                return
            case .end: return
            case .entry(let entry): try await begin(entry, in: sandbox)
            case .data(let range): try await file?.add(piece[range], in: sandbox)
            }
        }
    }

    /// Checks and writes what is left at the end of the archive.
    mutating func finish(in sandbox: any SandboxLease) async throws(SandboxError) {
        do throws(TarFailure) {
            try reader.finish(requiresEndMarker: true)
        } catch {
            throw SandboxError(error)
        }
        try await endFile(in: sandbox)
    }

    private mutating func endFile(in sandbox: any SandboxLease) async throws(SandboxError) {
        try await file?.finish(in: sandbox)
        file = nil
    }

    private func count(_ number: Int, _ what: String) throws(SandboxError) {
        guard number <= limits.entries else {
            throw SandboxError(
                .tooManyFiles, stage: "archive",
                message: "the archive has more than \(limits.entries) \(what)",
                hint: "raise the limit of entries")
        }
    }

    private mutating func hold(_ size: Int) throws(SandboxError) {
        guard size <= limits.bytes - bytes else {
            throw SandboxError(
                .fileTooLarge, stage: "archive",
                message: "the files of the archive hold more than \(limits.bytes) bytes",
                hint: "raise the limit of bytes")
        }
        bytes += size
    }

    private mutating func begin(
        _ entry: TarEntry, in sandbox: any SandboxLease
    ) async throws(SandboxError) {
        try await endFile(in: sandbox)
        entries += 1
        try count(entries, "entries")
        guard let path = try place(entry.path, of: entry) else { return }
        switch entry.kind {
        case .directory: try await sandbox.makeDirectory(path)
        case .symbolicLink:
            try await sandbox.makeSymbolicLink(path, to: ByteString(entry.linkTarget))
        case .file:
            try hold(entry.size)
            file = FileAssembly(path: path, executable: entry.mode & 0o100 != 0)
        case .hardLink:
            guard let source = try place(entry.linkTarget, of: entry) else {
                throw Self.refusal(entry, "it is a hard link to a directory")
            }
            try await copy(source, to: path, in: sandbox)
        case .characterDevice, .blockDevice, .fifo:
            throw Self.refusal(entry, "it is neither a file, a directory nor a link")
        }
    }

    private mutating func copy(
        _ source: ByteString, to path: ByteString, in sandbox: any SandboxLease
    ) async throws(SandboxError) {
        guard source != path else { return }
        let info = try await sandbox.info(of: source)
        try hold(info.bytes)
        let file = FileAssembly(path: path, executable: info.executable)
        var chunks = sandbox.chunks(of: source, maxBytes: info.bytes).makeAsyncIterator()
        self.file = file
        while let chunk = try await chunks.next() { try await self.file?.add(chunk, in: sandbox) }
        try await endFile(in: sandbox)
    }

    /// Returns the path in the sandbox for a name of the archive; `nil` for the root of the tree itself.
    private func place(_ name: [UInt8], of entry: TarEntry) throws(SandboxError) -> ByteString? {
        guard !name.isEmpty, name[0] != ByteString.slash else {
            throw Self.refusal(entry, name.isEmpty ? "a name is empty" : "a name is absolute")
        }
        let parts = name.split(separator: ByteString.slash).filter { $0 != [UInt8(ascii: ".")] }
        guard !parts.contains(Array("..".utf8)[...]) else {
            throw Self.refusal(entry, "a name has \"..\" in it")
        }
        guard !parts.isEmpty else { return nil }
        return root + "/" + ByteString(parts.joined(separator: [ByteString.slash]))
    }

    private static func refusal(_ entry: TarEntry, _ reason: String) -> SandboxError {
        SandboxError(
            TarFailure(reason, entry: entry.path, hint: "names in an archive stay below its root"))
    }
}

extension SandboxError {
    init(_ failure: TarFailure) {
        let entry = failure.entry.map { ", entry \(ByteString($0).quoted)" } ?? ""
        self.init(
            .invalidArchive, stage: "archive", message: "the archive\(entry): \(failure.reason)",
            hint: failure.hint)
    }
}
