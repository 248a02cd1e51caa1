/// Tests the names in an archive: their places, and the refused ones.

import SandboxAPI
import Testing

@testable import SandboxImages

@Suite("Names of entries") struct EntryPathTests {
    private func path(_ name: String) throws(ImageFailure) -> EntryPath {
        try EntryPath(Array(name.utf8), limits: .standard)
    }

    @Test(arguments: [
        ("a", "", "a"), ("./a", "", "a"), ("a/", "", "a"), ("a//b", "a", "b"), ("./a/./b/.", "a", "b"),
        ("a/b/c", "a/b", "c"), (".", "", ""), ("./", "", ""), ("...", "", "..."), ("..a/b..", "..a", "b.."),
    ])
    func accepts(_ name: String, _ parent: String, _ last: String) throws {
        let path = try path(name)
        #expect(path.parent == Array(parent.utf8))
        #expect(path.name == Array(last.utf8))
        #expect(path.isRoot == last.isEmpty)
    }

    @Test(arguments: [
        "", "/", "/etc/passwd", "//a", "..", "../a", "a/..", "a/../b", "./../a", "a/b/../../../c", "a\0b",
        String(repeating: "n", count: 256), String(repeating: "a/", count: 257),
        String(repeating: "long/", count: 820),
    ])
    func refuses(_ name: String) {
        #expect(throws: ImageFailure.self) { try path(name) }
    }

    @Test func bytesThatAreNotText() throws {
        let path = try EntryPath([0x61, 0x2f, 0xff, 0xfe, 0x0a], limits: .standard)
        #expect(path.name == [0xff, 0xfe, 0x0a])
        #expect(ByteName.quoted(path.name) == #""\xff\xfe\n""#)
        #expect(ByteName.quoted(Array("ü\u{1b}\"".utf8)) == #""ü\u{1B}\"""#)
    }

    @Test(arguments: [
        ("a", "b"), ("a", "/etc/passwd"), ("a/b", ".."), ("a/b", "../c"), ("a/b/c", "../../d"), ("a", "."),
        ("a", "b/../c"), ("a", "/../../x"),
    ])
    func acceptsLink(_ name: String, _ target: String) throws {
        try path(name).checkLink(to: Array(target.utf8), limits: .standard)
    }

    @Test(arguments: [
        ("a", ".."), ("a", "../etc/passwd"), ("a/b", "../../x"), ("a/b", "c/../../../x"), ("a", ""),
        ("a", "b\0c"),
        ("a", String(repeating: "x", count: 4096)),
    ])
    func refusesLink(_ name: String, _ target: String) {
        #expect(throws: ImageFailure.self) {
            try path(name).checkLink(to: Array(target.utf8), limits: .standard)
        }
    }

    @Test(arguments: [
        ("a/.wh.b", Whiteout.remove(name: Array("b".utf8))), ("a/.wh..wh..opq", .opaque),
        (".wh.b", .remove(name: Array("b".utf8))), ("a/.wh...x", .remove(name: Array("..x".utf8))),
        (".wh..wh.aufs", .ignored), (".wh..wh.plnk/1.2", .ignored), ("a/wh.b", nil), ("a/.whb", nil),
        ("a.wh.b", nil),
    ])
    func whiteouts(_ name: String, _ expected: Whiteout?) throws {
        #expect(try Whiteout(try path(name)) == expected)
    }

    @Test(arguments: ["a/.wh.", "a/.wh..", "a/.wh...", ".wh.dir/file"])
    func refusesWhiteout(_ name: String) {
        #expect(throws: ImageFailure.self) { try Whiteout(try path(name)) }
    }
}
