/// Where a root file system comes from.

/// An image, by its name. What a name means is the backend's: a backend of somebody else's may have names of its own.
///
/// Names are compared byte by byte, as file systems and engines do.
public struct Image: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
    public let rawValue: ByteString
    public init(rawValue: ByteString) { self.rawValue = rawValue }
    public var description: String { rawValue.description }

    /// The host's own `/usr` with a minimal `/etc`, for the local backend; for Docker the configured image. An image of an
    /// engine that is really called so is `host:latest`.
    public static let host = Image(rawValue: "host")

    /// A named image: a directory, an archive or a Docker image name; `acquire` throws `.imageUnavailable` where it cannot be
    /// had.
    public static func reference(_ name: String) -> Image { Image(rawValue: ByteString(name)) }
}
