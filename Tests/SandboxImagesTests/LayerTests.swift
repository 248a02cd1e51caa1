/// Tests layers over layers: whiteouts, opaque directories, links across layers.

import Foundation
import SandboxAPI
import Testing

@testable import SandboxImages

@Suite("Layers") struct LayerTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private static let base = TarBuilder.make { tar in
        tar.directory("a/")
        tar.directory("a/b/")
        tar.directory("a/b/c/")
        tar.file("a/b/c/bar", "bar")
        tar.file("a/x", "x")
        tar.directory("usr/bin/")
        tar.link("bin", to: "usr/bin")
        tar.file("usr/bin/tool", "tool")
    }

    private func merge(_ layers: ((inout TarBuilder) -> Void)...) throws -> [String: String] {
        let (path, _) = try unpack([Self.base] + layers.map(TarBuilder.make), asLayers: true, in: scratch)
        return try listing(path).filter { !$0.value.hasPrefix("d ") }
    }

    private static let untouched = [
        "a/b/c/bar": "f 644 bar", "a/x": "f 644 x", "bin": "l usr/bin", "usr/bin/tool": "f 644 tool",
    ]

    @Test("A whiteout removes a file, a directory, a link, and not what the link points to") func whiteouts()
        throws
    {
        let tree = try merge { tar in
            tar.file("a/.wh.b")
            tar.file("a/.wh.nothing")
            tar.file("gone/.wh.nothing")
            tar.file(".wh.bin")
        }
        #expect(tree == ["a/x": "f 644 x", "usr/bin/tool": "f 644 tool"])
    }

    @Test("A whiteout reaches through a linked directory, inside the root") func throughLink() throws {
        #expect(try merge { $0.file("bin/.wh.tool") }["usr/bin/tool"] == nil)
    }

    /// However many whiteouts a layer has, and wherever: together they visit each name a few times at most.
    @Test("Many markers over many files cost no more than both together", arguments: [1, 2, 3])
    func manyMarkers(_ shape: Int) throws {
        let (files, markers) = (2_000, shape == 3 ? 40 : 200)
        let lower = TarBuilder.make { tar in
            var path = "d/"
            for _ in 0..<40 {
                tar.directory(path)
                path += "n/"
            }
            tar.file("d/old", "old")
            tar.link("linked", to: "d")
        }
        let upper = TarBuilder.make { tar in
            var chain = ["d/"]
            if shape == 3 { for _ in 1..<markers { chain.append(chain.last! + "n/") } }
            for path in chain { tar.directory(path) }
            for number in 0..<files { tar.file(chain.last! + "f\(number)") }
            for number in 0..<markers {
                switch shape {
                case 1: tar.file("d/.wh..wh..opq")
                case 2: tar.file(number % 2 == 0 ? "linked/.wh..wh..opq" : ".wh.d")
                default: tar.file(chain[number] + ".wh..wh..opq")
                }
            }
        }
        let (path, unpacker) = try unpack([lower, upper], asLayers: true, in: scratch)
        let tree = try listing(path)
        #expect(tree["d/old"] == nil)
        #expect(tree.values.filter { $0.hasPrefix("f ") }.count == files)
        #expect(unpacker.looks <= 3 * (files + 2 * markers), "\(unpacker.looks)")
    }

    @Test("The example of the OCI specification, in both orders", arguments: [true, false])
    func opaque(_ markerFirst: Bool) throws {
        let tree = try merge { tar in
            tar.directory("a/")
            if markerFirst { tar.file("a/.wh..wh..opq") }
            tar.directory("a/b/")
            tar.directory("a/b/c/")
            tar.file("a/b/c/foo", "foo")
            if !markerFirst { tar.file("a/.wh..wh..opq") }
        }
        #expect(tree == ["a/b/c/foo": "f 644 foo", "bin": "l usr/bin", "usr/bin/tool": "f 644 tool"])
    }

    @Test(
        "A whiteout spares what its own layer made, in both orders, under whatever name",
        arguments: [true, false])
    func ownLayer(_ markerFirst: Bool) throws {
        let tree = try merge { tar in
            if markerFirst { tar.file("a/.wh.b") }
            tar.file("a/b/new", "new")
            tar.file("bin/own", "own")
            tar.file("a/x", "changed")
            if !markerFirst { tar.file("a/.wh.b") }
            tar.file("a/.wh.x")
            tar.file("usr/bin/.wh.own")
        }
        var expected = Self.untouched
        expected["a/b/c/bar"] = nil
        expected["a/b/new"] = "f 644 new"
        expected["a/x"] = "f 644 changed"
        expected["usr/bin/own"] = "f 644 own"
        #expect(tree == expected)
    }

    @Test("What one layer made, the next may remove") func nextLayer() throws {
        let tree = try merge({ $0.file("a/new") }, { $0.file("a/.wh.new") }, { $0.file("a/b/.wh..wh..opq") })
        var expected = Self.untouched
        expected["a/b/c/bar"] = nil
        #expect(tree == expected)
    }

    @Test("The first layer has nothing to remove, aufs' own files are none") func firstLayer() throws {
        let first = TarBuilder.make { tar in
            tar.file("a", "a")
            tar.file(".wh.a")
            tar.directory(".wh..wh.plnk/")
            tar.file(".wh..wh.plnk/1.2", "x")
            tar.file(".wh..wh.aufs")
        }
        let (path, _) = try unpack([first], asLayers: true, in: scratch)
        #expect(try listing(path) == ["a": "f 644 a"])
        // In a root file system such names are ordinary ones.
        let plain = TarBuilder.make { $0.file(".wh.a") }
        #expect(try listing(unpack([plain], in: scratch).path) == [".wh.a": "f 644 "])
    }

    @Test("Directories become files, links become directories, and the other way round") func changesOfKind()
        throws
    {
        let tree = try merge { tar in
            tar.file("a", "file")
            tar.directory("bin/")
            tar.file("bin/own", "own")
            tar.link("usr/bin/tool", to: "/bin/own")
        }
        #expect(
            tree == ["a": "f 644 file", "bin/own": "f 644 own", "usr/bin/tool": "l /bin/own"])
    }

    @Test("Hard links across layers, also of what the same layer then removes") func hardLinks() throws {
        let tree = try merge { tar in
            tar.hardLink("usr/bin/second", to: "usr/bin/tool")
            tar.file("usr/bin/.wh.tool")
            tar.hardLink("third", to: "bin/second")
        }
        var expected = Self.untouched
        expected["usr/bin/tool"] = nil
        expected["usr/bin/second"] = "f 644 tool"
        expected["third"] = "f 644 tool"
        #expect(tree == expected)
    }

    @Test("A replaced file leaves the hard links of its predecessor alone") func replacedHardLink() throws {
        let tree = try merge({ $0.hardLink("keep", to: "a/x") }, { $0.file("a/x", "other") })
        #expect(tree["keep"] == "f 644 x")
        #expect(tree["a/x"] == "f 644 other")
    }

    @Test(
        "A whiteout cannot name its own directory or the one above",
        arguments: ["a/.wh..", "a/.wh...", "a/.wh."])
    func hostile(_ name: String) throws {
        let outside = try scratch.write([1], "outside")
        let layer = TarBuilder.make { $0.file(name) }
        let failure = failure { try unpack([Self.base, layer], asLayers: true, in: scratch) }
        #expect(failure?.entry == Array(name.utf8))
        #expect(FileManager.default.fileExists(atPath: outside))
    }

    @Test("A whiteout behind a link out of the root removes nothing there") func linkOut() throws {
        let outside = try scratch.makeDirectory("outside")
        _ = try scratch.write([1], "outside/precious")
        let first = TarBuilder.make { $0.link("out", to: outside) }
        let second = TarBuilder.make { tar in
            tar.file("out/.wh.precious")
            tar.file("out/.wh..wh..opq")
        }
        try unpack([first, second], asLayers: true, in: scratch)
        #expect(try listing(outside).count == 1)
    }
}
