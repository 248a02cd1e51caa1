/// Records the files written to a sandbox, so that the sandbox that replaces it can be given the same.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// Files in the order in which they were written, up to a number of bytes. Pure.
struct FileJournal: Sendable {
    struct Entry: Sendable {
        var id: Int
        var path: ByteString
        var bytes: [UInt8]
        var executable: Bool
        /// False until the sandbox has confirmed the write.
        var isConfirmed = false
    }

    /// Bytes charged for each entry besides its content, so that a million empty files are bounded, too.
    static let overhead = 256

    private(set) var entries: [Entry] = []
    /// True when a file could not be kept, so that the journal is not enough for a repetition.
    private(set) var isIncomplete = false
    private var size = 0
    private let capacity: Int
    private var lastID = 0

    init(capacity: Int) { self.capacity = capacity }

    /// Records a file that is about to be written.
    ///
    /// - Returns: its entry's number; `nil` if it is not kept.
    mutating func begin(_ path: ByteString, _ bytes: [UInt8], executable: Bool) -> Int? {
        guard !isIncomplete else { return nil }
        let (total, overflow) = size.addingReportingOverflow(Self.charge(path, bytes))
        guard !overflow, total <= capacity else {
            discard()
            return nil
        }
        size = total
        lastID += 1
        entries.append(Entry(id: lastID, path: path, bytes: bytes, executable: executable))
        return lastID
    }

    /// The file was written; earlier content under the same name is dropped.
    mutating func confirm(_ id: Int) {
        guard let index = entries.firstIndex(where: { $0.id == id }) else { return }
        entries[index].isConfirmed = true
        let path = entries[index].path
        remove { $0.path == path && $0.id < id && $0.isConfirmed }
    }

    /// Removes the entry of a file that was not written.
    mutating func cancel(_ id: Int) { remove { $0.id == id } }

    /// Drops everything: the run cannot be repeated from now on.
    mutating func discard() {
        isIncomplete = true
        entries = []
        size = 0
    }

    private mutating func remove(where isGone: (Entry) -> Bool) {
        entries.removeAll { entry in
            guard isGone(entry) else { return false }
            size -= Self.charge(entry.path, entry.bytes)
            return true
        }
    }

    private static func charge(_ path: ByteString, _ bytes: [UInt8]) -> Int {
        bytes.count + path.bytes.count + overhead
    }
}
#endif
