/// Tests unpacking: the trees that ordinary archives make, and that hostile ones change nothing outside their
/// folder.

import Foundation
import SandboxAPI
import SandboxRuntime
import Testing

@testable import SandboxImages

@Suite("Unpacking") struct UnpackerTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("Kinds, permissions, times and owner") func attributes() throws {
        let archive = TarBuilder.make { tar in
            tar.directory("./", mode: 0o700)
            tar.directory("bin/", mode: 0o555)
            tar.file("bin/su", "x", mode: 0o4755)
            tar.file("secret", "x", mode: 0o000)
            tar.directory("tmp/", mode: 0o1777)
            tar.directory("mail/", mode: 0o2775)
            tar.link("etc", to: "/absolute/../link")
            tar.hardLink("again", to: "./bin/su")
        }
        let (path, unpacker) = try unpack([archive], in: scratch)
        #expect(
            try listing(path) == [
                "bin": "d 755", "bin/su": "f 755 x", "secret": "f 600 x", "tmp": "d 1777", "mail": "d 775",
                "etc": "l /absolute/../link", "again": "f 755 x",
            ])
        var (root, first, second) = (stat(), stat(), stat())
        #expect(stat(path, &root) == 0 && root.st_mode & 0o777 == 0o755)
        #expect(stat(path + "/bin/su", &first) == 0 && stat(path + "/again", &second) == 0)
        #expect(first.st_ino == second.st_ino)
        #expect(first.st_mtim.tv_sec == 1_000_000_000)
        #expect(first.st_uid == geteuid())
        #expect(unpacker.count == .init(entries: 8, bytes: 2, skippedDevices: 0))
    }

    @Test("Extended headers count as entries, also where no entry ever comes")
    func extendedHeaders() throws {
        var limits = ImageLimits.standard
        limits.entries = 10
        let headers = { (count: Int, tar: inout TarBuilder) in
            for _ in 0..<count { tar.pax("comment", "x") }
        }
        let fitting = TarBuilder.make { tar in
            headers(9, &tar)
            tar.file("f")
        }
        #expect(try unpack([fitting], limits: limits, in: scratch).unpacker.count.entries == 10)
        let many = TarBuilder.make { tar in
            headers(10, &tar)
            tar.file("f")
        }
        #expect(
            failure { try unpack([many], limits: limits, in: scratch) }?.reason.contains("10 entries") == true
        )
        let endless = TarBuilder.make { headers(1_000, &$0) }
        let error = failure {
            _ = try TarStream(MemorySource(endless), limits: limits, chunk: 512).next()
        }
        #expect(error?.reason == "the archive has more than 10 extended headers")
    }

    @Test("A file larger than all buffers") func largeFile() throws {
        let data = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let (path, _) = try unpack([TarBuilder.make { $0.entry("big", type: "0", data: data) }], in: scratch)
        #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: path + "/big"))) == data)
    }

    @Test("Names that are not UTF-8 survive") func bytes() throws {
        let name: [UInt8] = [0xff, 0x80, 0x20]
        let (path, _) = try unpack([TarBuilder.make { $0.entry(name, type: "0", data: [1]) }], in: scratch)
        let root = try opened(path)
        let names = try TreeWalk.names(root.number)
        #expect(names == [name])
    }

    @Test("Missing parents are made, later entries replace earlier ones") func replacing() throws {
        let archive = TarBuilder.make { tar in
            tar.file("a/b/c", "1")
            tar.file("x", "old")
            tar.file("x", "new")
            tar.directory("y/")
            tar.file("y/inner", "i")
            tar.file("y", "now a file")
            tar.link("z", to: "x")
            tar.file("z", "not through the link")
            tar.link("d", to: "a")
            tar.directory("d/")
            tar.hardLink("x", to: "x")
        }
        let (path, _) = try unpack([archive], in: scratch)
        #expect(
            try listing(path) == [
                "a": "d 755", "a/b": "d 755", "a/b/c": "f 644 1", "x": "f 644 new", "y": "f 644 now a file",
                "z": "f 644 not through the link", "d": "d 755",
            ])
    }

    @Test("Links to directories are followed, as in a merged /usr, but never out of the root")
    func linkedDirectories() throws {
        let outside = try scratch.makeDirectory("outside")
        let archive = TarBuilder.make { tar in
            tar.directory("usr/bin/")
            tar.link("bin", to: "usr/bin")
            tar.link("sbin", to: "/usr/bin")
            tar.link("usr/up", to: "../usr/../usr/bin")
            tar.file("bin/a", "a")
            tar.file("sbin/b", "b")
            tar.file("usr/up/c", "c")
            tar.hardLink("sbin/d", to: "bin/a")
            tar.directory(String(outside.dropFirst()) + "/")
            tar.link("trap", to: outside)
            tar.file("trap/x", "stays inside")
        }
        let (path, _) = try unpack([archive], in: scratch)
        for name in ["a", "b", "c", "d"] {
            #expect(FileManager.default.fileExists(atPath: path + "/usr/bin/" + name), "\(name)")
        }
        #expect(try listing(outside).isEmpty)
        #expect(FileManager.default.fileExists(atPath: path + outside + "/x"))
    }

    @Test("Devices below dev are left out") func devices() throws {
        let archive = TarBuilder.make { tar in
            tar.directory("dev/")
            tar.entry("dev/null", type: "3")
            tar.entry("./dev/disk/sda", type: "4")
            tar.entry("dev/initctl", type: "6")
            tar.link("dev/fd", to: "/proc/self/fd")
        }
        let (path, unpacker) = try unpack([archive], in: scratch)
        #expect(try listing(path) == ["dev": "d 755", "dev/fd": "l /proc/self/fd"])
        #expect(unpacker.count.skippedDevices == 3)
    }

    @Test("Bounds: bytes, entries, free space") func bounds() throws {
        let archive = TarBuilder.make { tar in
            tar.file("first", String(repeating: "x", count: 1000))
            tar.file("a/b/c/second", String(repeating: "x", count: 1000))
        }
        for (change, entry) in [
            ({ $0.bytes = 1999 }, "a/b/c/second"), ({ $0.entries = 4 }, "a/b/c/second"),
            ({ $0.entries = 1 }, "a/b/c/second"), ({ $0.freeBytes = 1 << 60 }, "first"),
        ] as [((inout ImageLimits) -> Void, String)] {
            var limits = ImageLimits.standard
            change(&limits)
            #expect(
                failure { try unpack([archive], limits: limits, in: scratch) }?.entry == Array(entry.utf8))
        }
        var limits = ImageLimits.standard
        (limits.bytes, limits.entries) = (2000, 5)
        try unpack([archive], limits: limits, in: scratch)
    }

    @Test("A file that claims more than there is") func lyingSize() {
        var tar = TarBuilder()
        tar.entry("huge", type: "0", data: [1, 2, 3], size: 1 << 33)
        #expect(failure { try unpack([tar.bytes], in: scratch) }?.entry == Array("huge".utf8))
    }

    @Test("Trees deeper than a path can be are removed") func deepTree() throws {
        let part = Array(repeating: "d", count: 250).joined(separator: "/")
        let archive = TarBuilder.make { tar in
            var name = part
            for number in 0..<12 {
                tar.pax("path", name)
                tar.directory("x")
                // Each link makes the next part start further down.
                tar.pax("linkpath", name)
                tar.link("l\(number)", to: "x")
                name = "l\(number)/\(part)"
            }
        }
        let (path, _) = try unpack([archive], in: scratch)
        let root = try opened(path)
        let names = try TreeState(of: root.number).names
        #expect(names == 12 * 250 + 12)
        try TreeWalk.remove(Array(path.utf8), in: AT_FDCWD)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("The system's tar, in each of its formats", arguments: ["v7", "oldgnu", "gnu", "ustar", "posix"])
    func systemTar(_ format: String) throws {
        let tree = try scratch.makeDirectory("tree/usr/share")
        let long = format == "v7" ? "short" : String(repeating: "long", count: 22)
        try scratch.run(
            "sh",
            [
                "-c",
                """
                umask 022; mkdir -p \(long)/more; echo text > \(long)/more/file; chmod 640 \(long)/more/file
                ln -s more/file \(long)/link; : > empty; ln empty hard; mkdir -m 1777 tmp
                head -c 300000 /dev/zero | tr '\\0' z > big; touch -d @12345.5 big; echo u > 'ünï code'
                """,
            ], in: tree)
        let file = scratch.path + "/a.tar"
        try scratch.run("tar", ["--format", format, "-cf", file, "-C", scratch.path + "/tree", "."])
        let archive = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        let (path, _) = try unpack([archive], in: scratch)
        #expect(try listing(path) == listing(scratch.path + "/tree"))
        #expect(try listing(path).count == 11)
        var status = stat()
        #expect(stat(path + "/usr/share/big", &status) == 0)
        #expect(status.st_mtim.tv_sec == 12345)
        #expect(status.st_mtim.tv_nsec == (format == "posix" ? 500_000_000 : 0))
    }
}
