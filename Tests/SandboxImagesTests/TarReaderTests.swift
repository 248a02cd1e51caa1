/// Tests the tar parser alone: every dialect, and every way to be cut off or damaged, without a file system.

import TestSupport
import Testing

@testable import SandboxAPI
@testable import SandboxImages

/// The content of an archive: entries with their data.
private struct Read: Hashable {
    var entry: TarEntry
    var data: [UInt8] = []
}

/// Feeds an archive in chunks of `step` bytes.
private func read(
    _ archive: [UInt8], step: Int = 777, requiresEndMarker: Bool = true
) throws(ImageFailure) -> [Read] {
    var result: [Read] = []
    let stream = TarStream(
        MemorySource(archive, step: step), requiresEndMarker: requiresEndMarker, chunk: 4096)
    while let entry = try stream.next() {
        var item = Read(entry: entry)
        try stream.readData(entry) { (chunk, range) throws(ImageFailure) in item.data += chunk[range] }
        result.append(item)
    }
    return result
}

private func failure(of archive: [UInt8]) -> ImageFailure? {
    do throws(ImageFailure) {
        _ = try read(archive)
        return nil
    } catch {
        return error
    }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite("Tar archives") struct TarReaderTests {
    /// An archive with one entry of each kind.
    private static let sample = TarBuilder.make { tar in
        tar.directory("usr/")
        tar.file("usr/a", "hello")
        tar.link("usr/b", to: "a")
        tar.hardLink("usr/c", to: "usr/a")
        tar.gnuLong(Array("usr/\(String(repeating: "n", count: 150))".utf8), type: "L")
        tar.entry(Array("usr/nnn".utf8), type: "0", data: Array("long".utf8), magic: .gnu)
        tar.pax("path", "usr/päx")
        tar.file("usr/short", String(repeating: "x", count: 1000))
    }

    @Test("Entries and data do not depend on the size of the chunks", arguments: [1, 3, 511, 512, 513, 4096])
    func chunks(_ step: Int) throws {
        let entries = try read(Self.sample, step: step)
        #expect(
            entries.map { text($0.entry.path) } == [
                "usr/", "usr/a", "usr/b", "usr/c", "usr/\(String(repeating: "n", count: 150))", "usr/päx",
            ])
        #expect(entries.map(\.entry.kind) == [.directory, .file, .symbolicLink, .hardLink, .file, .file])
        #expect(entries.map { text($0.entry.linkTarget) } == ["", "", "a", "usr/a", "", ""])
        #expect(entries.map(\.data.count) == [0, 5, 0, 0, 4, 1000])
        #expect(text(entries[1].data) == "hello")
        #expect(entries[1].entry.mode == 0o644)
        #expect(entries[1].entry.modified == (1_000_000_000, 0))
    }

    @Test func ustarPrefix() throws {
        let archive = TarBuilder.make { tar in
            tar.entry(Array("name".utf8), type: "0", prefix: Array("some/where".utf8))
            tar.entry(Array("gnu".utf8), type: "0", prefix: Array("12345670123".utf8), magic: .gnu)
        }
        #expect(try read(archive).map { text($0.entry.path) } == ["some/where/name", "gnu"])
    }

    @Test func paxOverridesTheNextEntryOnly() throws {
        let archive = TarBuilder.make { tar in
            let records = [
                ("path", "p"), ("linkpath", "l"), ("mtime", "12.000000345"), ("SCHILY.xattr.user.x", "=\n="),
            ]
            tar.pax(records.map { ($0, Array($1.utf8)) })
            tar.link("name", to: "target")
            tar.link("second", to: "other")
        }
        let entries = try read(archive).map(\.entry)
        #expect(entries.map { text($0.path) } == ["p", "second"])
        #expect(entries.map { text($0.linkTarget) } == ["l", "other"])
        #expect(entries[0].modified == (12, 345))
    }

    @Test func paxSize() throws {
        var tar = TarBuilder()
        tar.pax("size", "700")
        tar.entry(Array("big".utf8), type: "0", size: 0)
        tar.append([UInt8](repeating: 7, count: 700))
        tar.file("next", "n")
        tar.end()
        #expect(try read(tar.bytes).map(\.data.count) == [700, 1])
    }

    @Test("Numbers in base 256") func base256() throws {
        let data = [UInt8](repeating: 9, count: 600)
        let archive = TarBuilder.make { tar in
            tar.entry(Array("big".utf8), type: "0", data: data, sizeField: TarBuilder.base256(600))
        }
        #expect(try read(archive).first?.data == data)
        for size in [-1, Int.min, Int.max] {
            let archive = TarBuilder.make { tar in
                tar.entry(Array("bad".utf8), type: "0", sizeField: TarBuilder.base256(size))
            }
            #expect(failure(of: archive)?.entry == Array("bad".utf8), "\(size)")
        }
        var beyond = [UInt8](repeating: 0xff, count: 12)
        beyond[0] = 0x80
        let far = TarBuilder.make { $0.entry(Array("far".utf8), type: "0", sizeField: beyond) }
        #expect(failure(of: far)?.entry == Array("far".utf8))
    }

    @Test("GNU's long link targets") func longLink() throws {
        let target = Array(String(repeating: "t/", count: 100).utf8)
        let archive = TarBuilder.make { tar in
            tar.gnuLong(target, type: "K")
            tar.entry(Array("link".utf8), type: "2", link: Array("t/".utf8), magic: .gnu)
            tar.link("after", to: "x")
        }
        #expect(try read(archive).map(\.entry.linkTarget) == [target, Array("x".utf8)])
    }

    @Test("Before there were types") func old() throws {
        let archive = TarBuilder.make { tar in
            tar.entry(Array("dir/".utf8), type: "\0", magic: .old)
            tar.entry(Array("dir/file".utf8), type: "\0", data: [1], magic: .old)
            tar.entry(Array("dir/contiguous".utf8), type: "7", data: [2], magic: .old)
        }
        #expect(try read(archive).map(\.entry.kind) == [.directory, .file, .file])
    }

    @Test("Only files have data, whatever their size says") func sizeOfOthers() throws {
        let archive = TarBuilder.make { tar in
            for type in "123456" { tar.entry("other\(type)", type: type, link: "x", size: 5000) }
            tar.file("file", "data")
        }
        let entries = try read(archive)
        #expect(entries.map(\.entry.size) == [0, 0, 0, 0, 0, 0, 4])
    }

    @Test("Sparse files, in both forms, and other oddities", arguments: ["S", "D", "M", "V", "N", "\u{7f}"])
    func oddTypes(_ type: String) {
        let archive = TarBuilder.make { $0.entry("odd", type: Character(type)) }
        let failure = failure(of: archive)
        #expect(failure?.entry == Array("odd".utf8))
        #expect(failure?.hint != nil)
        if type == "S" { #expect(failure?.reason.contains("sparse") == true) }
    }

    @Test func paxSparse() {
        let archive = TarBuilder.make { tar in
            tar.pax("GNU.sparse.major", "1")
            tar.file("GNUSparseFile.1/x")
        }
        #expect(failure(of: archive)?.reason.contains("sparse") == true)
    }

    @Test(
        "Damaged extended headers",
        arguments: [
            "", "x", "5 a=b", "6 a=b\n\n", "99 path=x\n", "0 path=x\n", "1 \n", "3 \n", "-8 a=b\n",
            "7 =abc\n",
            "999999999999999999999 path=x\n", "9 size=x\n", "11 size=-12\n", "11 path=x\ny",
        ])
    func damagedPax(_ records: String) {
        let archive = TarBuilder.make { tar in
            tar.entry("x", type: "x", data: Array(records.utf8))
            tar.file("victim")
        }
        // An empty header changes nothing.
        #expect((failure(of: archive) == nil) == records.isEmpty)
    }

    @Test func globalHeaders() throws {
        var archive = TarBuilder.make { tar in
            tar.pax([("comment", Array("0123abc".utf8))], type: "g")
            tar.file("file")
        }
        #expect(try read(archive).map { text($0.entry.path) } == ["file"])
        archive = TarBuilder.make { tar in
            tar.pax([("path", Array("all".utf8))], type: "g")
            tar.file("file")
        }
        #expect(failure(of: archive) != nil)
    }

    @Test("An extended header takes bounded memory") func hugeMeta() {
        for type in ["x", "g", "L", "K"] as [Character] {
            let archive = TarBuilder.make { $0.entry("meta", type: type, size: TarReader.maximumMeta + 1) }
            #expect(failure(of: archive)?.reason.contains("too large") == true)
        }
    }

    @Test("Cut off at every byte") func truncated() throws {
        let whole = try read(Self.sample)
        for length in 0..<Self.sample.count {
            let cut = Array(Self.sample.prefix(length))
            // GNU tar, too, accepts one block of the end marker as the whole.
            if length == Self.sample.count - 512 {
                #expect(try read(cut) == whole)
            } else {
                #expect(failure(of: cut) != nil, "\(length)")
            }
        }
    }

    @Test("Without its end marker, where something else vouches for it") func withoutEndMarker() throws {
        let whole = try read(Self.sample)
        let cut = Array(Self.sample.dropLast(1024))
        #expect(try read(cut, requiresEndMarker: false) == whole)
        #expect(throws: ImageFailure.self) { try read(cut + [0], requiresEndMarker: false) }
        #expect(try read([UInt8](repeating: 0, count: 1024)).isEmpty)
    }

    @Test("Not a tar archive") func notTar() {
        for bytes in [[], [0x7f], Array("hello, this is text".utf8), [UInt8](repeating: 0x41, count: 5000)] {
            #expect(failure(of: bytes)?.reason == "it is not a tar archive", "\(bytes.prefix(20))")
        }
    }

    @Test("A damaged header is noticed") func checksum() {
        for position in 0..<512 where !(148..<156).contains(position) {
            var archive = Self.sample
            archive[512 + position] ^= 0x10
            #expect(failure(of: archive)?.reason.contains("damaged") == true, "\(position)")
        }
    }

    @Test("Random damage ends in an error or in entries, never in a trap") func fuzz() {
        var random = SeededGenerator(seed: 42)
        var failed = 0
        for _ in 0..<1000 {
            var archive = Self.sample
            let block = Int.random(in: 0..<archive.count / 512, using: &random) * 512
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                archive[block + Int.random(in: 0..<512, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            // With a valid checksum the damage gets through to the fields behind it.
            for index in 148..<156 { archive[block + index] = 0x20 }
            let sum = archive[block..<block + 512].reduce(0) { $0 + Int($1) }
            archive.replaceSubrange(block + 148..<block + 154, with: TarBuilder.octal(sum, digits: 6))
            if failure(of: archive) != nil { failed += 1 }
        }
        #expect(failed > 100)
        #expect(failed < 1000)
    }
}
