/// Archives made to do harm: each is refused by its name, and changes nothing outside its folder.

import Foundation
import SandboxAPI
import Testing

@testable import SandboxImages

/// A class of hostile archives: the entry, and what the archive tries.
struct HostileArchive: CustomTestStringConvertible, Sendable {
    var name: String
    var entry: String
    var build: @Sendable (inout TarBuilder, _ outside: String) -> Void
    var testDescription: String { name }
}

let hostileArchives = [
    HostileArchive(name: "..", entry: "../escaped") { tar, _ in tar.file("../escaped", "x") },
    HostileArchive(name: ".. inside", entry: "a/../../escaped") { tar, _ in tar.file("a/../../escaped", "x")
    },
    HostileArchive(name: "absolute name", entry: "/tmp/escaped") { tar, _ in tar.file("/tmp/escaped", "x") },
    HostileArchive(name: "NUL in a pax name", entry: "a\0b") { tar, _ in
        tar.pax("path", "a\0b")
        tar.file("x")
    },
    HostileArchive(name: "link out, relative", entry: "out") { tar, _ in tar.link("out", to: "../../../etc")
    },
    HostileArchive(name: "through an absolute link", entry: "out/escaped") { tar, outside in
        tar.link("out", to: outside)
        tar.file("out/escaped", "x")
    },
    HostileArchive(name: "through a link to the root's parent", entry: "b/escaped") { tar, outside in
        tar.directory("d/")
        tar.link("d/up", to: "..")
        tar.link("b", to: "d/up" + outside)
        tar.file("b/escaped", "x")
    },
    HostileArchive(name: "loop of links", entry: "l/x") { tar, _ in
        tar.link("l", to: "m")
        tar.link("m", to: "l")
        tar.file("l/x")
    },
    HostileArchive(name: "below a file", entry: "f/x") { tar, _ in
        tar.file("f")
        tar.file("f/x")
    },
    HostileArchive(name: "hard link, absolute", entry: "passwd") { tar, _ in
        tar.hardLink("passwd", to: "/etc/passwd")
    },
    HostileArchive(name: "hard link, ..", entry: "passwd") { tar, _ in
        tar.hardLink("passwd", to: "../../../../etc/passwd")
    },
    HostileArchive(name: "hard link through a link", entry: "victim") { tar, outside in
        tar.link("out", to: outside)
        tar.hardLink("victim", to: "out/precious")
    },
    HostileArchive(name: "hard link to nothing", entry: "h") { tar, _ in tar.hardLink("h", to: "nothing") },
    HostileArchive(name: "hard link to a directory", entry: "h") { tar, _ in
        tar.directory("d")
        tar.hardLink("h", to: "d")
    },
    HostileArchive(name: "character device", entry: "etc/null") { tar, _ in tar.entry("etc/null", type: "3")
    },
    HostileArchive(name: "block device", entry: "devil") { tar, _ in tar.entry("devil", type: "4") },
    HostileArchive(name: "FIFO", entry: "run/fifo") { tar, _ in tar.entry("run/fifo", type: "6") },
    HostileArchive(name: "the root as a file", entry: "./.") { tar, _ in tar.file("./.") },
    HostileArchive(name: "long part", entry: String(repeating: "n", count: 256)) { tar, _ in
        tar.pax("path", String(repeating: "n", count: 256))
        tar.file("x")
    },
    HostileArchive(name: "deep", entry: String(repeating: "d/", count: 257)) { tar, _ in
        tar.pax("path", String(repeating: "d/", count: 257))
        tar.directory("x")
    },
    HostileArchive(name: "link to nothing", entry: "l") { tar, _ in tar.link("l", to: "") },
]

@Suite("Hostile archives") struct HostileArchiveTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test(
        "Hostile archives are refused, the entry is named, nothing is touched outside",
        arguments: hostileArchives)
    func refused(_ hostile: HostileArchive) throws {
        let outside = try scratch.makeDirectory("outside")
        let precious = try scratch.write(Array("precious".utf8), "outside/precious")
        var before = stat()
        #expect(stat(precious, &before) == 0)
        let archive = TarBuilder.make { hostile.build(&$0, outside) }
        let failure = failure { try unpack([archive], in: scratch) }
        #expect(failure?.entry == Array(hostile.entry.utf8))
        let message = failure.map { SandboxError($0, image: "hostile.tar").description } ?? ""
        #expect(message.hasPrefix("imageUnavailable: image \"hostile.tar\", entry \""))
        #expect(try listing(outside) == ["precious": "f 644 precious"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).count == 2)
        var after = stat()
        #expect(
            stat(precious, &after) == 0 && after.st_nlink == 1
                && after.st_ctim.tv_nsec == before.st_ctim.tv_nsec)
        for path in ["/tmp/escaped", scratch.path + "/escaped"] {
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }
}
