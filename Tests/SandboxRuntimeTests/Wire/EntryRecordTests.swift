/// Entries of directories, whatever bytes come.

import CIsolate
import SandboxAPI
import SandboxRuntime
import TestSupport
import Testing

@Suite("Records of entries") struct EntryRecordTests {
    private static func record(_ mode: UInt32, _ name: String, _ target: String = "") -> [UInt8] {
        let entry = isolate_entry(
            mode: mode, name_bytes: UInt16(name.utf8.count), target_bytes: UInt16(target.utf8.count),
            bytes: .max, modified_ns: 1_500_000_000)
        return withUnsafeBytes(of: entry) { Array($0) } + name.utf8 + target.utf8
    }

    @Test func areRead() throws {
        let bytes =
            Self.record(0o100755, "file") + Self.record(0o120777, "link", "/x") + Self.record(0o040000, "")
            + Self.record(0o010644, "fifo")
        let entries = try #require(EntryRecords.parse(bytes))
        #expect(entries.map(\.name) == ["file", "link", "", "fifo"])
        #expect(entries.map(\.info.kind) == [.regular, .symbolicLink, .directory, .special])
        #expect(entries[0].info.bytes == .max && entries[0].info.executable)
        #expect(entries[0].info.modified == .milliseconds(1500))
        #expect(entries.map(\.info.target) == [nil, "/x", nil, nil])
        #expect(EntryRecords.parse([]) == [])
    }

    @Test(arguments: 0..<200) func cutOrChanged(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = Self.record(0o100644, "name") + Self.record(0o120777, "link", "target")
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
        }
        let cut = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
        for entry in EntryRecords.parse(cut) ?? [] { #expect(entry.name.bytes.count <= cut.count) }
    }
}
