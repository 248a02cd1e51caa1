/// The source of a root file system.

/// An image, by its name. Each backend defines what a name means, backends of other packages included.
///
/// Names are compared byte by byte, as file systems and engines compare them.
public struct Image: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
    public let rawValue: ByteString
    public init(rawValue: ByteString) { self.rawValue = rawValue }
    public var description: String { rawValue.description }

    /// The host's own `/usr` with a minimal `/etc`, for the local backend; for Docker the configured image.
    /// An engine's image that has this name itself is `host:latest`.
    public static let host = Image(rawValue: "host")

    /// A named image: a directory, an archive or a Docker image name. `acquire` throws `.imageUnavailable`
    /// where the backend cannot get it.
    public static func reference(_ name: String) -> Image { Image(rawValue: ByteString(name)) }
}
