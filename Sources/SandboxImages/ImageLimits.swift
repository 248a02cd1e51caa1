/// The bounds within which an image is unpacked.

import SandboxAPI
import SandboxRuntime

/// The largest cost of one archive; an archive beyond a bound is refused with an error that names the entry.
struct ImageLimits: Sendable {
    /// Bytes of all files together, over all layers.
    var bytes = 16 << 30
    /// Entries, whiteouts and missing parent directories included, over all layers.
    var entries = 2_000_000
    /// Bytes of one path, and of a link's target.
    var path = 4096
    /// Parts of one path.
    var depth = 256
    /// How many times larger than its compressed form a stream may be, once it is larger than
    /// `ratioFreeBytes`. gzip reaches 1,000, zstd far more; ordinary images stay below 20.
    var ratio = 200
    /// Bytes that a compressed stream may give before its ratio is checked.
    var ratioFreeBytes = 256 << 20
    /// Bytes that are left free on the cache's file system.
    var freeBytes = 512 << 20
    /// Bytes of one JSON document of an image.
    var document = 4 << 20
    /// Files of an image archive, layers and documents together.
    var archiveFiles = 100_000
    /// Layers of one image.
    var layers = 1024

    static let standard = ImageLimits()
}
