/// Unpacks an archive of any supported form: a root file system, an OCI image layout, or `docker save`.

import Glibc
import SandboxAPI
import SandboxRuntime

/// One archive, open for reading. Does not own the archive's descriptor.
struct ImageArchive {
    /// The result of unpacking an archive.
    struct Contents {
        var count: Unpacker.Count
        /// The image's `Env`; empty for the archive of a root file system.
        var environment: [String: String]
    }

    private struct Layer {
        var name: String
        /// Of the layer's bytes in the archive.
        var digest: String?
        /// Of the decompressed bytes; checked when there is no `digest`.
        var diffID: String?
    }

    private let fd: Int32
    private let size: Int
    private let limits: ImageLimits
    private let cancellation: Cancellation

    private struct PlainFile: ~Copyable {
        let file: OwnedDescriptor
        var size = 0
    }

    /// - Parameters:
    ///   - fd: the archive, which the caller keeps open while this is used.
    ///   - size: bytes of the file.
    init(_ fd: Int32, size: Int, limits: ImageLimits, cancellation: Cancellation) {
        self.fd = fd
        self.size = size
        self.limits = limits
        self.cancellation = cancellation
    }

    /// Unpacks everything into `root`, an empty directory that no other process changes.
    ///
    /// - Parameter scratch: a directory for the decompressed form of an image archive; the file there has no
    ///   name.
    func unpack(into root: Int32, scratch: Int32) throws(ImageFailure) -> Contents {
        let compression = try compression()
        switch try kind() {
        case .rootfs:
            let unpacker = Unpacker(root: root, limits: limits, cancellation: cancellation)
            let source = try opened(whole(), compression)
            try unpacker.unpack(TarStream(source, limits: limits), asLayer: false)
            try source.drain()
            return Contents(count: unpacker.count, environment: [:])
        case .image:
            guard compression != .none else { return try unpackImage(fd, size: size, into: root) }
            let plain = try decompress(compression, into: scratch)
            cancellation.meter?.begin(.unpacking, total: plain.size)
            return try unpackImage(plain.file.number, size: plain.size, into: root)
        }
    }

    /// Reads the first entries to find the archive's kind.
    func kind() throws(ImageFailure) -> ArchiveKind {
        try ArchiveKind(of: TarStream(try opened(whole(), compression()), limits: limits), limits: limits)
    }

    private func compression() throws(ImageFailure) -> Compression {
        guard size > 0 else { throw ImageFailure("the file is empty") }
        return try Compression(try whole().peek(Compression.magicBytes))
    }

    private func whole() -> FileSource { FileSource(fd, count: size, cancellation: cancellation) }

    private func opened(_ source: any ByteSource, _ compression: Compression) throws(ImageFailure)
        -> any ByteSource
    {
        compression == .none ? source : try Decompressor(source, compression, limits: limits)
    }

    /// Decompresses the archive, since its layers are not stored in the order in which they are applied.
    private func decompress(
        _ compression: Compression, into scratch: Int32
    ) throws(ImageFailure) -> PlainFile {
        let name = "archive.tar"
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        guard let file = OwnedDescriptor(owning: openat(scratch, name, flags, 0o600)),
            unlinkat(scratch, name, 0) == 0
        else {
            throw ImageFailure(errno: errno, "make a temporary file")
        }
        var plain = PlainFile(file: file)
        let source = try Decompressor(whole(), compression, limits: limits)
        var buffer = [UInt8](repeating: 0, count: FileSource.chunk)
        while case let count = try source.read(into: &buffer), count > 0 {
            plain.size += count
            guard plain.size <= limits.bytes else {
                throw ImageFailure("the decompressed archive has more than \(limits.bytes) bytes")
            }
            try Unpacker.write(buffer, 0..<count, to: plain.file.number)
        }
        return plain
    }

    // MARK: Images

    private func unpackImage(
        _ fd: Int32, size: Int, into root: Int32
    ) throws(ImageFailure) -> Contents {
        let index = try ArchiveIndex(fd, size: size, limits: limits, cancellation: cancellation)
        let (layers, config): ([Layer], ImageDocuments.Config)
        if index.contains("index.json"), index.contains("oci-layout") {
            (layers, config) = try layout(index)
        } else if index.contains("manifest.json") {
            (layers, config) = try saved(index)
        } else {
            throw ImageFailure(
                "it looks like an image archive, but has neither index.json with oci-layout nor manifest.json",
                hint: "give what docker save or an OCI tool wrote, as it is")
        }
        try check(config, layers)
        let unpacker = Unpacker(root: root, limits: limits, cancellation: cancellation)
        for (number, layer) in layers.enumerated() {
            do throws(ImageFailure) {
                try unpack(layer, of: index, unpacker)
            } catch {
                throw error.at(layer: number + 1)
            }
        }
        return Contents(count: unpacker.count, environment: config.environment)
    }

    private func check(_ config: ImageDocuments.Config, _ layers: [Layer]) throws(ImageFailure) {
        let own = ImageDocuments.ownArchitecture
        if let architecture = config.architecture, !architecture.isEmpty, architecture != own {
            throw ImageFailure(
                "the image is for \(Validation.quoted(architecture)), this machine is \(own)",
                hint: "pull it with --platform linux/\(own)")
        }
        if let os = config.os, !os.isEmpty, os != "linux" {
            throw ImageFailure("the image is for \(Validation.quoted(os)), not for linux")
        }
        guard !layers.isEmpty else { throw ImageFailure("the image has no layers") }
        guard layers.count <= limits.layers else {
            throw ImageFailure("the image has \(layers.count) layers, more than \(limits.layers)")
        }
    }

    private func unpack(_ layer: Layer, of index: ArchiveIndex, _ unpacker: Unpacker) throws(ImageFailure) {
        let file = try index.source(layer.name).source
        let compression = try Compression(try file.peek(Compression.magicBytes))
        let raw: any ByteSource = layer.digest == nil ? file : try HashingSource(file)
        let plain = try opened(raw, compression)
        let top = layer.digest == nil && layer.diffID != nil ? try HashingSource(plain) : plain
        // A digest already shows whether a layer is whole.
        let isVouchedFor = layer.digest != nil || layer.diffID != nil
        try unpacker.unpack(
            TarStream(top, limits: limits, requiresEndMarker: !isVouchedFor), asLayer: true)
        try top.drain()
        try raw.drain()
        if let digest = layer.digest, let raw = raw as? HashingSource {
            try Self.check(raw.digest(), is: digest, layer.name)
        } else if let diffID = layer.diffID, let top = top as? HashingSource {
            try Self.check(top.digest(), is: diffID, layer.name)
        }
    }

    private static func check(_ found: String, is digest: String, _ name: String) throws(ImageFailure) {
        guard found == digest else {
            throw ImageFailure(
                "its digest is \(found), not \(digest)", entry: Array(name.utf8),
                hint: "the archive is damaged or was changed; make it anew")
        }
    }

    // MARK: OCI image layouts

    private static let maximumIndexes = 4

    private func layout(_ index: ArchiveIndex) throws(ImageFailure) -> ([Layer], ImageDocuments.Config) {
        let name = "index.json"
        let top = try ImageDocuments.decode(
            ImageDocuments.Index.self, from: try index.document(name), name: Array(name.utf8))
        var chosen = try Self.choose(top.manifests)
        var depth = 0
        while chosen.isIndex {
            depth += 1
            guard depth <= Self.maximumIndexes else { throw ImageFailure("its indexes are nested too deep") }
            chosen = try Self.choose(try document(ImageDocuments.Index.self, chosen, index).manifests)
        }
        let manifest = try document(ImageDocuments.Manifest.self, chosen, index)
        let config = try document(ImageDocuments.Config.self, manifest.config, index)
        var layers: [Layer] = []
        for layer in manifest.layers {
            layers.append(Layer(name: try Self.path(layer.digest), digest: layer.digest))
        }
        return (layers, config)
    }

    /// The one image for this machine's architecture.
    private static func choose(
        _ all: [ImageDocuments.Descriptor]
    ) throws(ImageFailure) -> ImageDocuments.Descriptor {
        let images = all.filter { !$0.isAttestation }
        let own = ImageDocuments.ownArchitecture
        let fitting = images.filter { image in
            guard let platform = image.platform, let architecture = platform.architecture else { return true }
            return architecture == own && (platform.os ?? "linux") == "linux"
        }
        guard let first = fitting.first else {
            let others = images.compactMap { $0.platform?.architecture }.joined(separator: ", ")
            throw ImageFailure(
                images.isEmpty
                    ? "there is no image in it"
                    : "it has no image for \(own), only for \(Validation.quoted(others))",
                hint: "pull it with --platform linux/\(own) and save it again")
        }
        // One image under several names counts once.
        guard fitting.allSatisfy({ $0.digest == first.digest }) else {
            let names = fitting.map(\.name).joined(separator: ", ")
            throw ImageFailure(
                "it holds \(fitting.count) images: \(Validation.quoted(names))",
                hint: "save one image into one archive")
        }
        return first
    }

    private func document<Document: Decodable>(
        _ type: Document.Type, _ descriptor: ImageDocuments.Descriptor, _ index: ArchiveIndex
    ) throws(ImageFailure) -> Document {
        let name = try Self.path(descriptor.digest)
        let bytes = try index.document(name)
        try Self.check(try SHA256.digest(of: bytes), is: descriptor.digest, name)
        return try ImageDocuments.decode(type, from: bytes, name: Array(name.utf8))
    }

    /// The path of a digest's blob in a layout.
    private static func path(_ digest: String) throws(ImageFailure) -> String {
        guard isDigest(digest) else {
            throw ImageFailure(
                "its digest \(Validation.quoted(digest)) is not of sha256",
                hint: "other kinds are not supported")
        }
        return "blobs/sha256/" + digest.dropFirst("sha256:".count)
    }

    static func isDigest(_ text: String) -> Bool {
        text.hasPrefix("sha256:") && isHash(text.dropFirst("sha256:".count))
    }

    private static func isHash(_ text: Substring) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }

    // MARK: docker save

    private func saved(_ index: ArchiveIndex) throws(ImageFailure) -> ([Layer], ImageDocuments.Config) {
        let name = "manifest.json"
        let images = try ImageDocuments.decode(
            [ImageDocuments.DockerManifest].self, from: try index.document(name), name: Array(name.utf8))
        guard let image = images.first else { throw ImageFailure("there is no image in it") }
        guard images.count == 1 else {
            let names = images.map { $0.repoTags?.first ?? $0.config }.joined(separator: ", ")
            throw ImageFailure(
                "it holds \(images.count) images: \(Validation.quoted(names))",
                hint: "save one image into one archive")
        }
        let bytes = try index.document(image.config)
        // docker save names the configuration by its digest, in one form or another; that digest covers the
        // layers.
        let stem = image.config.split(separator: "/").last.map { $0.split(separator: ".").first ?? $0 } ?? ""
        let hash = stem.hasPrefix("sha256:") ? stem.dropFirst("sha256:".count) : stem
        if Self.isHash(hash) {
            try Self.check(try SHA256.digest(of: bytes), is: "sha256:" + hash, image.config)
        }
        let config = try ImageDocuments.decode(
            ImageDocuments.Config.self, from: bytes, name: Array(image.config.utf8))
        let digests = config.rootfs?.diffIDs ?? []
        guard digests.isEmpty || digests.count == image.layers.count else {
            throw ImageFailure(
                "the image has \(image.layers.count) layers and \(digests.count) digests",
                entry: Array(image.config.utf8))
        }
        for digest in digests where !Self.isDigest(digest) { _ = try Self.path(digest) }
        let layers = image.layers.enumerated().map { number, name in
            Layer(name: name, diffID: digests.isEmpty ? nil : digests[number])
        }
        return (layers, config)
    }
}
