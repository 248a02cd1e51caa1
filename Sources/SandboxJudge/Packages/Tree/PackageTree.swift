/// Walks a package's directory, with bounds and without leaving it by a link.

#if Judge
import Glibc
import SandboxAPI
import SandboxRuntime

/// The bounds of what is read of a package.
struct PackageBounds: Sendable {
    /// Files and directories together.
    var entries = 100_000
    var submissions = 10_000
    /// Directories inside one another.
    var depth = 24
    /// A file of settings: problem.yaml, problem.xml, …, in bytes.
    var settings = 256 << 10
    /// A source file, in bytes.
    var source = 1 << 20
    /// Bytes of a path, relative to the package.
    var path = 1024

    static let standard = PackageBounds()
}

/// The files and directories of a package, as they were when it was walked.
struct PackageTree: Sendable {
    enum Kind: Sendable, Hashable {
        case directory
        case file(size: Int, isExecutable: Bool)
    }

    struct Entry: Sendable, Hashable {
        var kind: Kind
        /// Absolute and without links.
        var hostPath: ByteString
    }

    /// Absolute and without links.
    let root: ByteString
    let bounds: PackageBounds
    private(set) var entries: [ByteString: Entry] = [:]
    /// The names in each directory, sorted by their bytes; `""` is the package.
    private(set) var names: [ByteString: [ByteString]] = [:]

    /// Walks a package. Its special files, links that lead out of it and what lies beyond the bounds are issues, and not
    /// part of the tree.
    ///
    /// - Throws: ``InvalidPackage`` when the directory itself cannot be read.
    init(
        _ path: ByteString, bounds: PackageBounds = .standard, issues: inout IssueList
    ) throws(InvalidPackage) {
        self.bounds = bounds
        guard let real = Self.resolved(path) else { throw Self.unreadable(path, errno) }
        root = real
        var status = stat()
        guard stat(root.cString, &status) == 0 else { throw Self.unreadable(path, errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw Self.unreadable(path, ENOTDIR) }
        var left = bounds.entries
        walk("", root, depth: 0, left: &left, issues: &issues)
    }

    private static func unreadable(_ path: ByteString, _ number: Int32) -> InvalidPackage {
        let reason = number == ENOTDIR ? "it is not a directory" : describe(errno: number)
        return InvalidPackage(
            directory: path,
            issues: [
                PackageIssue(.error, "", .unreadable, "cannot read the package \(path.quoted): \(reason)")
            ])
    }

    // MARK: Looking up

    subscript(path: ByteString) -> Entry? { entries[path] }

    func isDirectory(_ path: ByteString) -> Bool { path.isEmpty || entries[path]?.kind == .directory }

    func isFile(_ path: ByteString) -> Bool {
        if case .file = entries[path]?.kind { return true }
        return false
    }

    /// The entries of a directory, by their paths; empty when there is none.
    func children(of directory: ByteString) -> [ByteString] {
        (names[directory] ?? []).map { Self.join(directory, $0) }
    }

    static func join(_ directory: ByteString, _ name: ByteString) -> ByteString {
        directory.isEmpty ? name : directory + "/" + name
    }

    /// A file of the tree.
    ///
    /// - Parameter directory: what its path is to be relative to.
    func file(_ path: ByteString, in directory: ByteString = "") -> PackageFile? {
        guard let entry = entries[path], case .file(let size, let isExecutable) = entry.kind else {
            return nil
        }
        let prefix = directory.isEmpty ? 0 : directory.bytes.count + 1
        return PackageFile(
            path: ByteString(path.bytes.dropFirst(prefix)), packagePath: path, hostPath: entry.hostPath,
            size: size, isExecutable: isExecutable)
    }

    /// All files below a directory, sorted by path.
    func files(below directory: ByteString) -> [PackageFile] {
        var found: [PackageFile] = []
        var queue = Array(children(of: directory).reversed())
        while let path = queue.popLast() {
            if let file = file(path, in: directory) { found.append(file) }
            if isDirectory(path) { queue += children(of: path).reversed() }
        }
        return found
    }

    /// Leaves out what a format has a judge ignore.
    ///
    /// - Parameter isAllowed: whether a name may be part of the package.
    /// - Returns: the paths that were left out, without those below them.
    mutating func removeNames(unless isAllowed: (ByteString) -> Bool) -> [ByteString] {
        var removed: [ByteString] = []
        var queue: [ByteString] = [""]
        while let directory = queue.popLast() {
            let all = names[directory] ?? []
            for name in all {
                let path = Self.join(directory, name)
                if !isAllowed(name) {
                    removed.append(path)
                    entries[path] = nil
                } else if isDirectory(path) {
                    queue.append(path)
                }
            }
            names[directory] = all.filter(isAllowed)
        }
        return removed.sorted()
    }

    // MARK: Walking

    private mutating func walk(
        _ path: ByteString, _ hostPath: ByteString, depth: Int, left: inout Int, issues: inout IssueList
    ) {
        names[path] = []
        guard let stream = opendir(hostPath.cString) else {
            issues.error(path, .unreadable, "cannot read the directory: \(describe(errno: errno))")
            return
        }
        let hadRoom = left >= 0
        var found: [ByteString] = []
        while left >= 0, let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { ByteString($0.prefix { $0 != 0 }) }
            if name == "." || name == ".." || Self.isAuxiliary(name, in: path) { continue }
            left -= 1
            if left >= 0 { found.append(name) }
        }
        closedir(stream)
        if hadRoom, left < 0 {
            issues.error(
                path, .unreadable, "the package has more than \(bounds.entries) files and directories")
        }
        for name in found.sorted() {
            add(name, in: path, hostPath, depth: depth, left: &left, issues: &issues)
        }
    }

    private mutating func add(
        _ name: ByteString, in directory: ByteString, _ hostDirectory: ByteString, depth: Int,
        left: inout Int, issues: inout IssueList
    ) {
        let path = Self.join(directory, name)
        var hostPath = hostDirectory + "/" + name
        guard path.bytes.count <= bounds.path else {
            issues.error(directory, .invalidName, "a path in it is longer than \(bounds.path) bytes")
            return
        }
        var status = stat()
        guard lstat(hostPath.cString, &status) == 0 else {
            issues.error(path, .unreadable, "cannot examine it: \(describe(errno: errno))")
            return
        }
        if status.st_mode & S_IFMT == S_IFLNK {
            guard let target = Self.target(of: hostPath, within: root), stat(target.cString, &status) == 0
            else {
                issues.error(path, .linkOutside, "a link must lead to a file or directory of the package")
                return
            }
            hostPath = target
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            entries[path] = Entry(
                kind: .file(size: Int(status.st_size), isExecutable: status.st_mode & 0o111 != 0),
                hostPath: hostPath)
        case S_IFDIR:
            guard depth < bounds.depth else {
                issues.error(
                    path, .unreadable, "more than \(bounds.depth) directories are inside one another")
                return
            }
            entries[path] = Entry(kind: .directory, hostPath: hostPath)
            walk(path, hostPath, depth: depth + 1, left: &left, issues: &issues)
        default:
            issues.error(path, .unreadable, "neither a regular file nor a directory")
            return
        }
        names[directory]!.append(name)
    }

    /// Files for other tools, which the formats have a judge ignore; `.timelimit` alone is one of ours.
    private static func isAuxiliary(_ name: ByteString, in directory: ByteString) -> Bool {
        guard let first = name.bytes.first else { return true }
        if directory.isEmpty, name == ".timelimit" { return false }
        if name == "__pycache__" { return true }
        return first == UInt8(ascii: ".") || first == UInt8(ascii: "-")
    }

    /// Where a link leads, all links on the way resolved; `nil` when that is nowhere, or outside.
    private static func target(of link: ByteString, within root: ByteString) -> ByteString? {
        guard let real = resolved(link) else { return nil }
        return real.bytes.starts(with: root.bytes + [ByteString.slash]) ? real : nil
    }

    /// The path, absolute and with all links on the way resolved; `nil` with `errno` when it leads nowhere.
    static func resolved(_ path: ByteString) -> ByteString? {
        guard let real = realpath(path.cString, nil) else { return nil }
        defer { free(real) }
        return ByteString((0..<strlen(real)).map { UInt8(bitPattern: real[$0]) })
    }
}

#endif
