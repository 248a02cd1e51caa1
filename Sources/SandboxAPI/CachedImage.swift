/// An image of the local cache, as its list shows it.

/// An archive that this user has had unpacked: an entry of the image cache that all processes of the user share.
public struct CachedImage: Sendable, Hashable {
    /// What became of an entry that was to be removed.
    public enum Removal: Sendable, Hashable {
        case removed
        /// A sandbox of a live process uses it; it stays.
        case inUse
        /// The cache has no such entry.
        case missing
    }

    /// `sha256:` and 64 hexadecimal digits: the SHA-256 of the archive's bytes, and the entry's name.
    public let digest: String
    /// The archive as the caller named it that had it unpacked: a path, perhaps relative to a directory of
    /// that time, or a name in the image folders. `nil` where the entry is not complete. May contain any
    /// character: make it harmless before you print it on a terminal.
    public let source: String?
    /// The approximate size on disk in bytes: that of all files, and 4096 for each name. 0 where the entry is
    /// not complete.
    public let bytes: Int
    /// How many files, directories and links it has. 0 where the entry is not complete.
    public let names: Int
    /// When a sandbox pool last took it, as the time since 1970-01-01 00:00 UTC.
    public let lastUsed: Duration
    /// Whether a live process uses it at this moment.
    public let isInUse: Bool
    /// Whether this version of the library can use it: `false` for an entry that is damaged or that another
    /// version made. Its next use unpacks the archive again.
    public let isComplete: Bool

    package init(
        digest: String, source: String?, bytes: Int, names: Int, lastUsed: Duration, isInUse: Bool,
        isComplete: Bool
    ) {
        self.digest = digest
        self.source = source
        self.bytes = bytes
        self.names = names
        self.lastUsed = lastUsed
        self.isInUse = isInUse
        self.isComplete = isComplete
    }
}
