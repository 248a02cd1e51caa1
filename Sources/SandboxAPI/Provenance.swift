/// Which backend, sandbox and process answered: part of every result and every error.

/// The kind of backend that answered. A backend of another package defines its own: `BackendKind(rawValue:
/// "mine")`.
public struct BackendKind: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    public static let local = BackendKind(rawValue: "local")
    public static let docker = BackendKind(rawValue: "docker")
}

/// Which backend, sandbox and process answered.
public struct Provenance: Sendable, Hashable {
    /// The backend that did the work.
    public var kind: BackendKind
    /// The backend that the caller requested; `auto` for a fallback.
    public var requested: String
    /// Why the first choice was not used, for a fallback.
    public var fallbackReason: String?
    /// This backend object: host name, process and a counter.
    public var instance: String
    /// The sandbox (a cell's slot, or a container's id); empty in an error before there was one.
    public var sandbox: String
    /// The image as the caller requested it.
    public var image: String
    public var imageDigest: String?
    /// The engine that the sandbox is in, for a backend that has one.
    public var engine: Engine?
    /// 1 for the first try.
    public var attempt: Int
    /// The library's version.
    public var library: String
    /// The embedding process.
    public var hostPID: Int32

    /// An engine.
    public struct Engine: Sendable, Hashable {
        /// The engine's own identifier; empty where it gave none, or was not reached.
        public var id: String
        /// The address at which this process reaches it.
        public var address: String

        public init(id: String, address: String) {
            self.id = id
            self.address = address
        }
    }

    public init(
        kind: BackendKind, requested: String, fallbackReason: String? = nil, instance: String,
        sandbox: String,
        image: String, imageDigest: String? = nil, engine: Engine? = nil, attempt: Int = 1,
        library: String = libraryVersion,
        hostPID: Int32
    ) {
        self.kind = kind
        self.requested = requested
        self.fallbackReason = fallbackReason
        self.instance = instance
        self.sandbox = sandbox
        self.image = image
        self.imageDigest = imageDigest
        self.engine = engine
        self.attempt = attempt
        self.library = library
        self.hostPID = hostPID
    }
}

/// The version of this library.
public let libraryVersion = "0.1.0"
