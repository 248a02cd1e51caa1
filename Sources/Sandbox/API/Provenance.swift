/// Who answered: carried by every result and every error.

/// The kinds of backend.
public enum BackendKind: String, Sendable, Hashable {
    case local, docker
}

/// Who answered.
public struct Provenance: Sendable, Hashable {
    /// The backend that did the work.
    public var kind: BackendKind
    /// The backend that was asked for; `auto` for a fallback.
    public var requested: String
    /// Why the first choice was not used, for a fallback.
    public var fallbackReason: String?
    /// This backend object: host name, process and a counter.
    public var instance: String
    /// The sandbox (a cell's slot, or a container's id); empty in an error before there was one.
    public var sandbox: String
    /// The image as it was asked for.
    public var image: String
    public var imageDigest: String?
    /// 1 for the first try.
    public var attempt: Int
    /// The library's version.
    public var library: String
    /// The embedding process.
    public var hostPID: Int32

    public init(
        kind: BackendKind, requested: String, fallbackReason: String? = nil, instance: String,
        sandbox: String,
        image: String, imageDigest: String? = nil, attempt: Int = 1, library: String = libraryVersion,
        hostPID: Int32
    ) {
        self.kind = kind
        self.requested = requested
        self.fallbackReason = fallbackReason
        self.instance = instance
        self.sandbox = sandbox
        self.image = image
        self.imageDigest = imageDigest
        self.attempt = attempt
        self.library = library
        self.hostPID = hostPID
    }
}

/// The version of this library.
public let libraryVersion = "0.1.0"
