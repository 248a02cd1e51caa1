/// Tests archives of all forms, from the file to the tree.

import Foundation
import SandboxAPI
import SandboxRuntime
import TestSupport
import Testing

@testable import SandboxImages

@Suite("Image archives") struct ImageArchiveTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Unpacks a file with these bytes.
    @discardableResult
    private func open(
        _ archive: [UInt8], limits: ImageLimits = .standard
    ) throws -> (tree: [String: String], contents: ImageArchive.Contents) {
        let file = try opened(scratch.write(archive, "archive"))
        let number = UInt64.random(in: 0...(.max))
        let path = try scratch.makeDirectory("root-\(number)")
        let spool = try opened(scratch.makeDirectory("spool-\(number)"))
        let root = try opened(path)
        let image = ImageArchive(
            file.number, size: archive.count, limits: limits, cancellation: Cancellation())
        let contents = try image.unpack(into: root.number, scratch: spool.number)
        let left = try TreeWalk.names(spool.number)
        #expect(left.isEmpty)
        return (try listing(path), contents)
    }

    private static let layers = [
        TarBuilder.rootfs { $0.file("usr/gone", "g") },
        TarBuilder.make { tar in
            tar.file("usr/.wh.gone")
            tar.file("bin/second", "2")
        },
        TarBuilder.make { $0.file("etc/third", "3") },
    ]
    private static let merged = [
        "usr": "d 755", "usr/bin": "d 755", "bin": "l usr/bin", "usr/bin/tool": "f 755 tool",
        "usr/bin/second": "f 644 2", "etc": "d 755", "etc/third": "f 644 3",
    ]

    @Test(
        "A root file system, plain and compressed",
        arguments: ["cat", "gzip", "zstd", "sh -c 'gzip -9; gzip </dev/null'"])
    func rootfs(_ tool: String) throws {
        let plain = TarBuilder.rootfs { $0.file("etc/os", String(repeating: "linux", count: 1000)) }
        let archive = tool.hasPrefix("sh") ? try members(plain) : try scratch.compress(plain, tool)
        let tree = try open(archive).tree
        #expect(tree["usr/bin/tool"] == "f 755 tool")
        #expect(tree["etc/os"] == "f 644 " + String(repeating: "linux", count: 1000).prefix(64))
        #expect(tree.count == 6)
    }

    /// gzip in two members with zeros after them, as tapes and block devices leave them.
    private func members(_ plain: [UInt8]) throws -> [UInt8] {
        try scratch.compress(Array(plain.prefix(1000)), "gzip")
            + scratch.compress(Array(plain.dropFirst(1000)), "gzip") + [UInt8](repeating: 0, count: 512)
    }

    @Test("An OCI layout, with its layers in each form", arguments: ["cat", "gzip", "zstd"])
    func layout(_ tool: String) throws {
        var image = ImageBuilder()
        let layers = try Self.layers.map { try scratch.compress($0, tool) }
        image.layout([try image.image(layers, env: ["PATH=/opt/bin", "EMPTY=", "NOTHING", "=x", "A=b=c"])])
        let (tree, contents) = try open(image.archive)
        #expect(tree == Self.merged)
        #expect(contents.environment == ["PATH": "/opt/bin", "EMPTY": "", "A": "b=c"])
    }

    @Test("docker save, plain and compressed as a whole", arguments: ["cat", "gzip", "zstd"])
    func dockerSave(_ tool: String) throws {
        var image = ImageBuilder()
        try image.dockerSave(Self.layers, env: ["PATH=/x"])
        let (tree, contents) = try open(try scratch.compress(image.archive, tool))
        #expect(tree == Self.merged)
        #expect(contents.environment == ["PATH": "/x"])
    }

    @Test("A layer that docker save stored once, and an empty one") func linkedLayer() throws {
        var image = ImageBuilder()
        let empty = [UInt8](repeating: 0, count: 1024)
        try image.dockerSave([Self.layers[0], empty, empty])
        let archive = TarBuilder.make { tar in
            for file in image.files {
                if file.name.hasPrefix("2222") {
                    tar.link(file.name, to: "../\(String(repeating: "1", count: 64))/layer.tar")
                } else {
                    tar.entry(Array(file.name.utf8), type: "0", data: file.bytes)
                }
            }
        }
        #expect(try open(archive).tree["usr/gone"] == "f 644 g")
    }

    @Test("Of several architectures this machine's is taken, through an index of indexes")
    func architectures() throws {
        var image = ImageBuilder()
        let own = ImageBuilder.ownArchitecture
        let manifests = [
            try image.image(
                [TarBuilder.rootfs { $0.file("etc/foreign") }], architecture: "s390x",
                more: ImageBuilder.platform("s390x")),
            try image.image([TarBuilder.rootfs { $0.file("etc/own") }], more: ImageBuilder.platform(own)),
            try image.image(
                [TarBuilder.rootfs()], architecture: "unknown", more: ImageBuilder.platform("unknown")),
        ]
        let inner = try image.blob(
            ImageBuilder.index(manifests), type: "application/vnd.oci.image.index.v1+json")
        image.layout([inner])
        let tree = try open(image.archive).tree
        #expect(tree["etc/own"] != nil)
        #expect(tree["etc/foreign"] == nil)
    }

    @Test("Only for other architectures") func foreign() throws {
        var image = ImageBuilder()
        image.layout([
            try image.image(
                [TarBuilder.rootfs()], architecture: "s390x", more: ImageBuilder.platform("s390x"))
        ])
        let first = failure { try open(image.archive) }
        #expect(first?.reason.contains("s390x") == true)
        var bare = ImageBuilder()
        bare.layout([try bare.image([TarBuilder.rootfs()], architecture: "s390x")])
        let second = failure { try open(bare.archive) }
        #expect(second?.reason.contains("s390x") == true)
        #expect(second?.hint?.contains("--platform") == true)
    }

    @Test("Two images in one archive") func twoImages() throws {
        var image = ImageBuilder()
        let name = #","annotations":{"io.containerd.image.name":"NAME"}"#
        let first = try image.image([TarBuilder.rootfs()], more: name)
        let second = try image.image([TarBuilder.rootfs { $0.file("etc/x") }], more: name)
        var twice = image
        image.layout([first, second])
        #expect(failure { try open(image.archive) }?.reason.contains("2 images") == true)
        twice.layout([second, second])
        #expect(try open(twice.archive).tree["etc/x"] != nil)
    }

    @Test("A layer or a document that is not what its digest says", arguments: [0, 1, 2, 3, 4])
    func digests(_ number: Int) throws {
        var image = ImageBuilder()
        image.layout([try image.image(Self.layers)])
        let blob = image.files[number]
        var changed = blob.bytes
        changed[changed.count / 2] ^= 1
        image.files[number].bytes = changed
        let failure = failure { try open(image.archive) }
        #expect(failure != nil)
        if number < 4, failure?.reason.contains("digest") == true {
            #expect(failure?.entry == Array(blob.name.utf8))
        }
    }

    @Test("The digest is checked to the last byte behind the layer's end") func trailing() throws {
        var image = ImageBuilder()
        image.layout([try image.image([TarBuilder.rootfs() + [UInt8](repeating: 0, count: 512)])])
        let layer = try #require(image.files.firstIndex { $0.bytes.count > 3000 })
        image.files[layer].bytes[image.files[layer].bytes.count - 1] = 1
        let failure = failure { try open(image.archive) }
        #expect(failure?.entry == Array(image.files[layer].name.utf8))
        #expect(failure?.layer == 1)
    }

    @Test("docker save's digests are those of the decompressed layers") func diffIDs() throws {
        var image = ImageBuilder()
        try image.dockerSave(Self.layers)
        image.files[2].bytes[700] ^= 1
        let damaged = failure { try open(image.archive) }
        #expect(damaged?.layer == 2)
        var configuration = ImageBuilder()
        try configuration.dockerSave(Self.layers)
        configuration.files[0].bytes[3] ^= 1
        #expect(failure { try open(configuration.archive) }?.entry == Array(configuration.files[0].name.utf8))
    }

    @Test("A missing layer, a missing manifest, a hostile digest") func missing() throws {
        var image = ImageBuilder()
        image.layout([try image.image(Self.layers)])
        let layer = image.files.remove(at: 2)
        #expect(failure { try open(image.archive) }?.entry == Array(layer.name.utf8))
        var nothing = ImageBuilder()
        nothing.files = [("blobs/sha256/x", [1])]
        #expect(failure { try open(nothing.archive) }?.reason.contains("neither") == true)
        for digest in [
            "sha256:../../../../etc/passwd", "sha512:00", "sha256:" + String(repeating: "A", count: 64),
        ] {
            var hostile = ImageBuilder()
            hostile.layout([#"{"digest":"\#(digest)","size":1}"#])
            #expect(failure { try open(hostile.archive) }?.reason.contains("sha256") == true)
        }
    }

    @Test(
        "Documents that are none",
        arguments: ["", "[]", "{}", "null", "{\"manifests\":[]}", "{\"manifests\":1}", "\u{0}"])
    func documents(_ text: String) {
        var image = ImageBuilder()
        image.files = [("oci-layout", [1]), ("index.json", Array(text.utf8))]
        #expect(failure { try open(image.archive) } != nil)
    }

    @Test("Nested without end") func nested() throws {
        var image = ImageBuilder()
        let type = "application/vnd.oci.image.index.v1+json"
        var inner = try image.image([TarBuilder.rootfs()])
        for _ in 0..<5 { inner = try image.blob(ImageBuilder.index([inner]), type: type) }
        image.layout([inner])
        #expect(failure { try open(image.archive) }?.reason.contains("nested") == true)
        var loop = ImageBuilder()
        loop.files = [("manifest.json", Array(#"[{"Config":"a","Layers":["a"]}]"#.utf8))]
        let archive = TarBuilder.make { tar in
            tar.file("manifest.json", #"[{"Config":"a","Layers":["a"]}]"#)
            tar.link("a", to: "b")
            tar.link("b", to: "a")
        }
        #expect(failure { try open(archive) }?.reason.contains("loop") == true)
    }

    @Test("A hostile layer is refused by layer and entry") func hostileLayer() throws {
        var image = ImageBuilder()
        image.layout([try image.image([Self.layers[0], TarBuilder.make { $0.file("../x") }])])
        let failure = try #require(failure { try open(image.archive) })
        #expect(failure.layer == 2)
        let message = SandboxError(failure, image: "i.tar").message
        #expect(message.hasPrefix(#"image "i.tar", layer 2, entry "../x": "#))
    }

    @Test("Bombs", arguments: ["gzip", "zstd"]) func bombs(_ tool: String) throws {
        var limits = ImageLimits.standard
        limits.ratioFreeBytes = 1 << 20
        let bomb = try scratch.compress(
            TarBuilder.make { $0.entry("etc/zeros", type: "0", data: [UInt8](repeating: 0, count: 8 << 20)) },
            tool)
        #expect(bomb.count < 20_000)
        #expect(failure { try open(bomb, limits: limits) }?.reason.contains("bomb") == true)
        // As a layer, and as a whole image archive.
        var image = ImageBuilder()
        image.layout([try image.image([bomb])])
        #expect(failure { try open(image.archive, limits: limits) }?.layer == 1)
        var zeros = ImageBuilder()
        zeros.files = [("blobs/sha256/zeros", [UInt8](repeating: 0, count: 8 << 20))]
        let outer = try scratch.compress(zeros.archive, tool)
        #expect(failure { try open(outer, limits: limits) }?.reason.contains("bomb") == true)
        // Within its bounds; by default a stream of this size is no bomb.
        #expect(try open(bomb).tree["etc/zeros"] != nil)
    }

    @Test("Layers share the bounds of one image") func sharedBounds() throws {
        var image = ImageBuilder()
        let layer = TarBuilder.make { $0.file("etc/x", String(repeating: "x", count: 1000)) }
        image.layout([try image.image([layer, layer])])
        var limits = ImageLimits.standard
        limits.bytes = 1999
        let failure = failure { try open(image.archive, limits: limits) }
        #expect(failure?.layer == 2)
        #expect(failure?.entry == Array("etc/x".utf8))
    }

    @Test("Truncated at many places", arguments: ["cat", "gzip", "zstd"]) func truncated(_ tool: String)
        throws
    {
        let archive = try scratch.compress(TarBuilder.rootfs { $0.file("usr/x", "x") }, tool)
        for length in stride(from: 0, to: archive.count - 1024, by: tool == "cat" ? 97 : 1) {
            #expect(failure { try open(Array(archive.prefix(length))) } != nil, "\(length)")
        }
        let cut = tool == "cat" ? 1024 : 1
        #expect(failure { try open(archive.dropLast(cut)) } != nil)
    }

    @Test("Damage in compressed data", arguments: ["gzip", "zstd"]) func damaged(_ tool: String) throws {
        let archive = try scratch.compress(TarBuilder.rootfs(), tool == "zstd" ? "zstd --check" : tool)
        let whole = try open(archive).tree
        var failed = 0
        var random = SeededGenerator(seed: 7)
        for _ in 0..<100 {
            var changed = archive
            let position = Int.random(in: archive.count / 3..<archive.count, using: &random)
            changed[position] ^= UInt8(1) << Int.random(in: 0..<8, using: &random)
            // Compressors can encode the same bytes in two ways that differ by a bit; no other damage may
            // pass.
            do {
                #expect(try open(changed).tree == whole, "\(position)")
            } catch {
                #expect(error is ImageFailure)
                failed += 1
            }
        }
        #expect(failed > 80)
        #expect(failure { try open(archive + [1, 2, 3]) } != nil)
    }

    @Test("Other compressions are named") func otherCompressions() {
        let xz = failure { try open([0xfd] + Array("7zXZ\u{0}".utf8) + [UInt8](repeating: 0, count: 100)) }
        #expect(xz?.reason.contains("xz") == true)
        #expect(failure { try open(Array("BZh91AY".utf8)) }?.reason.contains("bzip2") == true)
        #expect(failure { try open([]) }?.reason == "the file is empty")
    }
}
