/// The entries of a directory as the C core writes them: `struct isolate_entry`, its name, its target. Pure.

internal import CIsolate
import Glibc
package import SandboxAPI

package enum EntryRecords {
    /// - Parameter bytes: of a slot or an agent; names and targets in them are the program's.
    /// - Returns: `nil` when they are cut off or no entries at all.
    package static func parse(_ bytes: [UInt8]) -> [DirectoryEntry]? {
        var entries: [DirectoryEntry] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= MemoryLayout<isolate_entry>.size else { return nil }
            let record = rest.withUnsafeBytes { $0.loadUnaligned(as: isolate_entry.self) }
            rest = rest.dropFirst(MemoryLayout<isolate_entry>.size)
            let (name, target) = (Int(record.name_bytes), Int(record.target_bytes))
            guard rest.count >= name + target else { return nil }
            let entry = DirectoryEntry(
                name: ByteString(rest.prefix(name)),
                info: FileInfo(record, target: ByteString(rest.dropFirst(name).prefix(target))))
            entries.append(entry)
            rest = rest.dropFirst(name + target)
        }
        return entries
    }
}

extension FileInfo {
    fileprivate init(_ record: isolate_entry, target: ByteString) {
        let kind: FileKind =
            switch record.mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .special
            }
        self.init(
            kind: kind, bytes: Int(clamping: record.bytes), permissions: UInt16(record.mode & 0o777),
            modified: .nanoseconds(record.modified_ns), target: kind == .symbolicLink ? target : nil)
    }
}
