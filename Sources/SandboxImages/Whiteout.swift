/// The whiteouts by which a layer removes entries of lower layers. Pure.

import SandboxAPI
import SandboxRuntime

/// The meaning of a layer's entry for the layers below it.
enum Whiteout: Hashable {
    /// `.wh.NAME`: the sibling of that name is removed.
    case remove(name: [UInt8])
    /// `.wh..wh..opq`: everything of lower layers in its directory is removed.
    case opaque
    /// Another of aufs' own files, which are not part of the image.
    case ignored

    private static let prefix = Array(".wh.".utf8)
    private static let metaPrefix = Array(".wh..wh.".utf8)
    private static let opaqueName = Array(".wh..wh..opq".utf8)

    /// - Returns: `nil` for an ordinary entry.
    /// - Throws: when a whiteout names its own directory or the one above, or has an entry below it.
    init?(_ path: EntryPath) throws(ImageFailure) {
        if path.name == Self.opaqueName {
            self = .opaque
        } else if path.name.starts(with: Self.metaPrefix) {
            self = .ignored
        } else if path.name.starts(with: Self.prefix) {
            let victim = Array(path.name.dropFirst(Self.prefix.count))
            guard !victim.isEmpty, victim != Array(".".utf8), victim != Array("..".utf8) else {
                throw ImageFailure("the whiteout names no file")
            }
            self = .remove(name: victim)
        } else {
            for part in path.parentParts where part.starts(with: Self.prefix) {
                guard part.starts(with: Self.metaPrefix) else {
                    throw ImageFailure("a whiteout cannot be a directory")
                }
                self = .ignored
                return
            }
            return nil
        }
    }
}
