/// The files of a fake sandbox. Pure.

import SandboxAPI
import SandboxRuntime

/// A tree below `/work`. Its paths are in their shortest form; `.` is `/work` itself.
struct FakeFiles: Sendable {
    private enum Node: Sendable {
        case file(OutputFile, identity: UInt64)
        case directory
        case link(ByteString)
    }

    private var nodes: [ByteString: Node] = [:]
    private var lastIdentity: UInt64 = 0

    /// All regular files, by path.
    var regular: [ByteString: OutputFile] {
        nodes.compactMapValues { if case .file(let file, _) = $0 { file } else { nil } }
    }

    // MARK: Files

    func file(_ path: ByteString) throws(SandboxError) -> OutputFile {
        guard case .file(let file, _) = try node(path) else { throw Self.error(.notRegularFile, path) }
        return file
    }

    func part(of path: ByteString, from offset: Int, maxBytes: Int) throws(SandboxError) -> FilePart {
        guard case .file(let file, let identity) = try node(path) else {
            throw Self.error(.notRegularFile, path)
        }
        return FilePart(
            bytes: Array(file.bytes.dropFirst(offset).prefix(maxBytes)), size: file.bytes.count,
            identity: identity)
    }

    mutating func write(_ file: OutputFile, to path: ByteString) throws(SandboxError) {
        try makeParents(path)
        if case .directory? = nodes[path] { throw Self.error(.notRegularFile, path) }
        put(file, at: path)
    }

    mutating func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) throws(SandboxError) {
        guard case .file(var file, let identity) = try node(path) else {
            throw Self.error(.notRegularFile, path)
        }
        guard file.bytes.count >= offset else { throw Self.error(.fileChanged, path) }
        let end = min(offset + bytes.count, file.bytes.count)
        file.bytes.replaceSubrange(offset..<end, with: bytes)
        nodes[path] = .file(file, identity: identity)
    }

    /// Puts a file there as a program or a command does, replacing what is at its path.
    mutating func put(_ file: OutputFile, at path: ByteString) {
        lastIdentity += 1
        nodes[path] = .file(file, identity: lastIdentity)
        var parts = path.parts.dropLast()
        while !parts.isEmpty {
            nodes[ByteString(path: parts)] = .directory
            parts = parts.dropLast()
        }
    }

    // MARK: Directories and links

    func info(of path: ByteString) throws(SandboxError) -> FileInfo { Self.info(try node(path)) }

    func list(_ path: ByteString) throws(SandboxError) -> [DirectoryEntry] {
        switch try node(path) {
        case .directory: break
        case .file: throw Self.error(.notDirectory, path)
        case .link: throw Self.error(.notRegularFile, path)
        }
        let above = path == "." ? [] : path.parts
        return nodes.compactMap { child, node in
            let parts = child.parts
            guard parts.count == above.count + 1, parts.starts(with: above) else { return nil }
            return DirectoryEntry(name: parts[above.count], info: Self.info(node))
        }.sorted { $0.name < $1.name }
    }

    mutating func makeDirectory(_ path: ByteString) throws(SandboxError) {
        try makeParents(path)
        switch nodes[path] {
        case .directory?: break
        case nil: nodes[path] = .directory
        default: throw Self.error(.notDirectory, path)
        }
    }

    mutating func makeLink(_ path: ByteString, to target: ByteString) throws(SandboxError) {
        try makeParents(path)
        if case .directory? = nodes[path] { throw Self.error(.notRegularFile, path) }
        nodes[path] = .link(target)
    }

    mutating func remove(_ path: ByteString) throws(SandboxError) {
        _ = try node(path)
        let below = path.bytes + [ByteString.slash]
        nodes = nodes.filter { child, _ in child != path && !child.bytes.starts(with: below) }
    }

    private mutating func makeParents(_ path: ByteString) throws(SandboxError) {
        let parts = path.parts
        for count in 1..<max(1, parts.count) {
            let parent = ByteString(path: parts.prefix(count))
            switch nodes[parent] {
            case .directory?: break
            case nil: nodes[parent] = .directory
            case .file?: throw Self.error(.fileNotFound, path)
            case .link?: throw Self.error(.notRegularFile, path)
            }
        }
    }

    /// Returns the node at the path; does not follow links.
    private func node(_ path: ByteString) throws(SandboxError) -> Node {
        if path == "." { return .directory }
        let parts = path.parts
        for count in 1..<parts.count {
            if case .link? = nodes[ByteString(path: parts.prefix(count))] {
                throw Self.error(.notRegularFile, path)
            }
        }
        guard let node = nodes[path] else { throw Self.error(.fileNotFound, path) }
        return node
    }

    private static func info(_ node: Node) -> FileInfo {
        switch node {
        case .file(let file, _):
            FileInfo(
                kind: .regular, bytes: file.bytes.count, permissions: file.executable ? 0o755 : 0o644,
                modified: .zero)
        case .directory: FileInfo(kind: .directory, bytes: 0, permissions: 0o755, modified: .zero)
        case .link(let target):
            FileInfo(
                kind: .symbolicLink, bytes: target.bytes.count, permissions: 0o777, modified: .zero,
                target: target)
        }
    }

    private static func error(_ code: SandboxError.Code, _ path: ByteString) -> SandboxError {
        let name = Validation.quoted(path)
        let message =
            switch code {
            case .fileNotFound: "\(name) does not exist"
            case .notRegularFile: "\(name) is not a regular file"
            case .notDirectory: "\(name) is not a directory"
            default: "\(name) is shorter than that"
            }
        return SandboxError(code, stage: "file", message: message)
    }
}
