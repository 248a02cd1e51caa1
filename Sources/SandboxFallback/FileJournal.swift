/// Records the changes of a sandbox's files, so that the sandbox that replaces it gets the same files.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// The changes of files in the order in which they were made, up to a number of bytes. Pure.
struct FileJournal: Sendable {
    enum Change: Sendable, Hashable {
        case write([UInt8], executable: Bool)
        case part([UInt8], offset: Int)
        case directory
        case link(target: ByteString)
        case removal

        /// How many bytes of the change the journal keeps.
        fileprivate var size: Int {
            switch self {
            case .write(let bytes, _), .part(let bytes, _): bytes.count
            case .link(let target): target.bytes.count
            case .directory, .removal: 0
            }
        }
    }

    struct Entry: Sendable {
        var id: Int
        var path: ByteString
        var change: Change
        /// False until the sandbox has confirmed the change.
        var isConfirmed = false
    }

    /// Bytes charged for each entry besides its content, which bounds the number of empty files.
    static let overhead = 256

    private(set) var entries: [Entry] = []
    /// True when the journal has no room for a change, so that a repetition would miss it.
    private(set) var isIncomplete = false
    private var size = 0
    private let capacity: Int
    private var lastID = 0

    init(capacity: Int) { self.capacity = capacity }

    /// Records a change that is about to be made.
    /// - Returns: the entry's number; `nil` when the journal has no room for it.
    mutating func begin(_ change: Change, of path: ByteString) -> Int? {
        guard !isIncomplete else { return nil }
        let (total, overflow) = size.addingReportingOverflow(Self.charge(path, change))
        guard !overflow, total <= capacity else {
            discard()
            return nil
        }
        size = total
        lastID += 1
        entries.append(Entry(id: lastID, path: path, change: change))
        return lastID
    }

    /// Confirms that the change was made, and drops the entries that it makes unnecessary.
    mutating func confirm(_ id: Int) {
        guard let index = entries.firstIndex(where: { $0.id == id }) else { return }
        entries[index].isConfirmed = true
        let made = entries[index]
        switch made.change {
        case .write, .link:
            remove { $0.path == made.path && $0.id < id && $0.isConfirmed && $0.change != .removal }
        case .removal:
            let below = made.path.bytes + [ByteString.slash]
            remove {
                $0.id < id && $0.isConfirmed
                    && ($0.path == made.path || $0.path.bytes.starts(with: below))
            }
        case .part, .directory: break
        }
    }

    /// Removes the entry of a change that was not made.
    mutating func cancel(_ id: Int) { remove { $0.id == id } }

    /// Drops all entries: the run cannot be repeated from now on.
    mutating func discard() {
        isIncomplete = true
        entries = []
        size = 0
    }

    private mutating func remove(where isGone: (Entry) -> Bool) {
        entries.removeAll { entry in
            guard isGone(entry) else { return false }
            size -= Self.charge(entry.path, entry.change)
            return true
        }
    }

    private static func charge(_ path: ByteString, _ change: Change) -> Int {
        change.size + path.bytes.count + overhead
    }
}

extension FileJournal.Entry {
    /// Makes the same change in another sandbox. A removal that finds nothing succeeds.
    func replay(in sandbox: any SandboxLease) async throws(SandboxError) {
        switch change {
        case .write(let bytes, let executable):
            try await sandbox.write(bytes, to: path, executable: executable)
        case .part(let bytes, let offset): try await sandbox.write(bytes, to: path, at: offset)
        case .directory: try await sandbox.makeDirectory(path)
        case .link(let target): try await sandbox.makeSymbolicLink(path, to: target)
        case .removal:
            // The entries that made the parent directories may have been dropped.
            let above = try Validation.existingPath(path).parts.dropLast()
            if !above.isEmpty { try await sandbox.makeDirectory(ByteString(path: above)) }
            do throws(SandboxError) { try await sandbox.remove(path) } catch {
                if error.code != .fileNotFound { throw error }
            }
        }
    }
}
#endif
