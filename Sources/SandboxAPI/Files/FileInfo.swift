/// Descriptions of files and directories of a sandbox.

/// The description of a file. Untrusted, because the program made the file.
public struct FileInfo: Sendable, Hashable {
    public var kind: FileKind
    /// The size of a regular file, in bytes. For a symbolic link the length of its target; for other kinds
    /// the number that the file system reports.
    public var bytes: Int
    /// The permission bits, `0o000` to `0o777`.
    public var permissions: UInt16
    /// When the content was last changed, since 1970-01-01T00:00:00Z. The program may have set it.
    public var modified: Duration
    /// The target of a symbolic link, as the link contains it; `nil` for all other kinds.
    public var target: ByteString?

    public init(
        kind: FileKind, bytes: Int, permissions: UInt16, modified: Duration, target: ByteString? = nil
    ) {
        self.kind = kind
        self.bytes = bytes
        self.permissions = permissions
        self.modified = modified
        self.target = target
    }

    /// Whether the file's owner may execute it.
    public var executable: Bool { permissions & 0o100 != 0 }
}

/// A kind of file. A later version may have more than those named here.
public struct FileKind: RawRepresentable, Sendable, Hashable {
    public var rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public static let regular = FileKind(rawValue: "regular")
    public static let directory = FileKind(rawValue: "directory")
    public static let symbolicLink = FileKind(rawValue: "symbolicLink")
    /// A FIFO, a socket or a device.
    public static let special = FileKind(rawValue: "special")
}

/// An entry of a directory.
public struct DirectoryEntry: Sendable, Hashable {
    /// The last part of the entry's path: any bytes except NUL and `/`.
    public var name: ByteString
    public var info: FileInfo

    public init(name: ByteString, info: FileInfo) {
        self.name = name
        self.info = info
    }
}

/// A part of a regular file. Untrusted content.
public struct FilePart: Sendable, Hashable {
    /// The content of the part. It is shorter than requested only at the end of the file.
    public var bytes: [UInt8]
    /// The size of the whole file when this part was read, in bytes.
    public var size: Int
    /// Identifies the file: two parts of one file have the same identity, and a file that replaced it between
    /// them has another.
    public var identity: UInt64

    public init(bytes: [UInt8], size: Int, identity: UInt64) {
        self.bytes = bytes
        self.size = size
        self.identity = identity
    }
}

/// Limits for a tree of files that is read or written as one archive.
public struct TreeLimits: Sendable, Hashable {
    /// The most files, directories and links together; 65,536 by default.
    public var entries = 65_536
    /// The most bytes in all files together; 256 MiB by default.
    public var bytes = 256 << 20

    public static let standard = TreeLimits()

    public init(entries: Int = 65_536, bytes: Int = 256 << 20) {
        self.entries = entries
        self.bytes = bytes
    }
}
