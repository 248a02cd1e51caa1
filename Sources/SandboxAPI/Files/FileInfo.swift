/// What stands at a path of a sandbox.

/// What a file is. Untrusted: the program made it.
public struct FileInfo: Sendable, Hashable {
    public var kind: FileKind
    /// The size of a regular file, in bytes. Of a symbolic link the length of its target; of others whatever the file system says.
    public var bytes: Int
    /// The permission bits, `0o000` to `0o777`.
    public var permissions: UInt16
    /// When its content was last changed, since 1970-01-01T00:00:00Z. The program may have set it.
    public var modified: Duration
    /// Where a symbolic link points to, as it stands there; `nil` for all other kinds.
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

    /// True when its owner may execute it.
    public var executable: Bool { permissions & 0o100 != 0 }
}

/// A kind of file; there may be more than those named here.
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
    /// The last part of its path: any bytes but NUL and `/`.
    public var name: ByteString
    public var info: FileInfo

    public init(name: ByteString, info: FileInfo) {
        self.name = name
        self.info = info
    }
}

/// A part of a regular file. Untrusted content.
public struct FilePart: Sendable, Hashable {
    /// Fewer than were asked for at the file's end, and only there.
    public var bytes: [UInt8]
    /// The size of the whole file when this part was read, in bytes.
    public var size: Int
    /// Two parts of one file have the same; of a file that was replaced between them they do not.
    public var identity: UInt64

    public init(bytes: [UInt8], size: Int, identity: UInt64) {
        self.bytes = bytes
        self.size = size
        self.identity = identity
    }
}

/// How much a tree of files may hold that is read or written as one archive.
public struct TreeLimits: Sendable, Hashable {
    /// Files, directories and links, at most; 65,536.
    public var entries = 65_536
    /// The bytes of all files together, at most; 256 MiB.
    public var bytes = 256 << 20

    public static let standard = TreeLimits()

    public init(entries: Int = 65_536, bytes: Int = 256 << 20) {
        self.entries = entries
        self.bytes = bytes
    }
}
