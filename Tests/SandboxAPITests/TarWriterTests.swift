/// What the writer of tar archives writes, its reader reads.

import TestSupport
import Testing

@testable import SandboxAPI

@Suite("Writing tar archives") struct TarWriterTests {
    private static func read(_ archive: [UInt8]) throws -> [TarEntry] {
        var (reader, position) = (TarReader(), 0)
        var entries: [TarEntry] = []
        while true {
            switch try reader.next(archive, &position, end: archive.count) {
            case .entry(let entry): entries.append(entry)
            case .data: break
            case .needsInput:
                try reader.finish(requiresEndMarker: true)
                return entries
            case .end: return entries
            }
        }
    }

    @Test(arguments: 0..<100) func anyEntries(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func bytes(_ count: ClosedRange<Int>) -> [UInt8] {
            (0..<Int.random(in: count, using: &random)).map { _ in UInt8.random(in: 1...255, using: &random) }
        }
        var (archive, written) = ([UInt8](), [TarEntry]())
        for _ in 0..<20 {
            let kind = [TarEntry.Kind.file, .directory, .symbolicLink].randomElement(using: &random)!
            var name = bytes(1...300)
            if name.last == UInt8(ascii: "/") { name[name.count - 1] = 97 }
            if kind == .directory { name.append(UInt8(ascii: "/")) }
            var entry = TarEntry(
                path: name, kind: kind, mode: UInt32.random(in: 0...0o777, using: &random),
                modified: (Int.random(in: 0...1 << 32, using: &random), 0))
            if kind == .symbolicLink { entry.linkTarget = bytes(1...300) }
            if kind == .file { entry.size = Int.random(in: 0...2000, using: &random) }
            written.append(entry)
            archive += TarWriter.header(entry) + [UInt8](repeating: 7, count: entry.size)
            archive += TarWriter.padding(after: entry.size)
        }
        archive += TarWriter.end
        #expect(archive.count % 512 == 0)
        #expect(try Self.read(archive) == written)
    }

    @Test func numbersThatHaveNoRoom() throws {
        let large = TarEntry(path: [97], kind: .file, size: 1 << 40, modified: (-5, 0))
        var (reader, position) = (TarReader(), 0)
        let header = TarWriter.header(large)
        guard case .entry(let found) = try reader.next(header, &position, end: header.count) else {
            Issue.record("no entry")
            return
        }
        #expect(found.size == 1 << 40 && found.modified.seconds == 0)
    }
}
