/// Lists the files of an image archive and the places of their bytes, so that layers can be read in their
/// order.

import Glibc
import SandboxAPI
import SandboxRuntime

/// The kind of archive that a tar file holds.
enum ArchiveKind {
    /// The files of a root file system.
    case rootfs
    /// An OCI image layout, or what `docker save` writes.
    case image

    private static let rootDirectories = Set(
        [
            "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt",
            "proc",
            "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var",
        ])
    private static let imageFiles = Set([
        "blobs", "oci-layout", "index.json", "manifest.json", "repositories",
    ])

    /// Reads entries until one decides; an archive without such an entry counts as a root file system.
    init(of archive: TarStream, limits: ImageLimits) throws(ImageFailure) {
        var seen = 0
        while let entry = try archive.next() {
            seen += 1
            // Too many entries before a deciding one: a root file system, within whose bounds the archive is
            // unpacked.
            guard seen <= limits.archiveFiles else { break }
            // The unpacker reports invalid names.
            let parts = entry.path.split(separator: UInt8(ascii: "/")).filter {
                !$0.elementsEqual([UInt8(ascii: ".")])
            }
            guard let first = parts.first else { continue }
            let top = String(decoding: first, as: UTF8.self)
            let isInside = parts.count > 1 || entry.kind == .directory || entry.kind == .symbolicLink
            if Self.rootDirectories.contains(top), isInside {
                self = .rootfs
                return
            }
            if Self.imageFiles.contains(top) {
                self = .image
                return
            }
        }
        self = .rootfs
    }
}

/// The files of a plain tar archive, found without reading their data. Does not own the archive's descriptor.
struct ArchiveIndex {
    private enum Location {
        case data(offset: Int, size: Int)
        case link(to: [UInt8])
    }

    private static let maximumLinks = 8

    private let fd: Int32
    private let limits: ImageLimits
    private let cancellation: Cancellation
    private var locations: [[UInt8]: Location] = [:]

    /// - Parameters:
    ///   - fd: the archive, which the caller keeps open while this is used.
    ///   - size: bytes of the file.
    init(
        _ fd: Int32, size: Int, limits: ImageLimits, cancellation: Cancellation
    ) throws(ImageFailure) {
        self.fd = fd
        self.limits = limits
        self.cancellation = cancellation
        let source = FileSource(fd, count: size, cancellation: cancellation)
        let archive = TarStream(source, limits: limits, chunk: 16 << 10)
        var entries = 0
        while let entry = try archive.next() {
            do throws(ImageFailure) {
                entries += 1
                guard entries + archive.metaHeaders <= limits.entries else {
                    throw ImageFailure("the archive has more than \(limits.entries) entries")
                }
                let path = try EntryPath(entry.path, limits: limits)
                switch entry.kind {
                case .directory: continue
                case .file: locations[Self.key(path)] = .data(offset: archive.offset, size: entry.size)
                // Older versions of docker save write a repeated layer as a link.
                case .symbolicLink:
                    locations[Self.key(path)] = .link(to: Self.target(entry.linkTarget, from: path))
                case .hardLink:
                    locations[Self.key(path)] = .link(to: try Self.key(of: entry.linkTarget, limits))
                case .characterDevice, .blockDevice, .fifo:
                    throw ImageFailure("an image archive holds files only")
                }
                guard locations.count <= limits.archiveFiles else {
                    throw ImageFailure("the archive has more than \(limits.archiveFiles) files")
                }
            } catch {
                throw error.at(entry: entry.path)
            }
        }
    }

    func contains(_ name: String) -> Bool { locations[Array(name.utf8)] != nil }

    /// The bytes of a file, with a bounded number of links inside the archive followed.
    func source(_ name: String) throws(ImageFailure) -> (source: FileSource, size: Int) {
        let entry = Array(name.utf8)
        var key = try Self.key(of: entry, limits)
        for _ in 0...Self.maximumLinks {
            switch locations[key] {
            case .data(let offset, let size):
                return (
                    FileSource(fd, offset: offset, count: size, cancellation: cancellation), size
                )
            case .link(let target): key = target
            case nil:
                throw ImageFailure(
                    "the archive refers to this file but does not hold it", entry: entry,
                    hint: "make the archive anew; all layers must be in it")
            }
        }
        throw ImageFailure("it is a loop of links", entry: entry)
    }

    /// A whole JSON document.
    func document(_ name: String) throws(ImageFailure) -> [UInt8] {
        let (source, size) = try source(name)
        guard size <= limits.document else {
            throw ImageFailure("the document has more than \(limits.document) bytes", entry: Array(name.utf8))
        }
        guard size > 0 else { return [] }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: size)
        while bytes.count < size {
            let count = try source.read(into: &buffer)
            bytes += buffer.prefix(count)
        }
        return bytes
    }

    private static func key(of entry: [UInt8], _ limits: ImageLimits) throws(ImageFailure) -> [UInt8] {
        do throws(ImageFailure) {
            return key(try EntryPath(entry, limits: limits))
        } catch {
            throw error.at(entry: entry)
        }
    }

    private static func key(_ path: EntryPath) -> [UInt8] {
        path.parent.isEmpty ? path.name : path.parent + [UInt8(ascii: "/")] + path.name
    }

    /// A link's target below the root; a target outside matches nothing.
    private static func target(_ target: [UInt8], from path: EntryPath) -> [UInt8] {
        var parts = target.first == UInt8(ascii: "/") ? [] : path.parentParts
        for part in target.split(separator: UInt8(ascii: "/")) where !part.elementsEqual([UInt8(ascii: ".")])
        {
            if part.elementsEqual("..".utf8) {
                if parts.popLast() == nil { return [] }
            } else {
                parts.append(part)
            }
        }
        return Array(parts.joined(separator: [UInt8(ascii: "/")]))
    }
}
