/// What this process knows of the files that a slot keeps between its sandboxes. Pure.

import SandboxAPI

/// A file that a slot was asked to place, content and all.
struct KeptFile: Sendable, Equatable {
    let content: ContentMark
    let path: ByteString
    let executable: Bool
    let bytes: Int
}

/// Remembers what the slot keeps, and decides about the file that it has put in its place in advance.
///
/// A slot does that with the file that its last sandboxes had. It belongs to no one until a run takes it: that run has
/// to have the very same file. Before anything else that could meet it, it is withdrawn.
struct KeptFiles: Sendable {
    private enum Advance {
        case none
        case there(KeptFile?)
        case taken
    }

    /// The slot keeps few files, so most of a long list are gone.
    private static let most = 64

    /// It may have discarded some since, and then says so.
    private var kept: Set<ContentMark> = []
    private var last: KeptFile?
    private var advance = Advance.none

    func keeps(_ content: ContentMark) -> Bool { kept.contains(content) }

    mutating func note(_ content: ContentMark) {
        if kept.count >= Self.most { kept = [] }
        kept.insert(content)
    }

    /// The slot was asked to place the file, and did.
    mutating func placed(_ file: KeptFile) { last = file }

    /// The slot prepared a sandbox.
    ///
    /// - Parameter number: of the content that is in its place in advance; 0: none.
    mutating func prepared(_ number: UInt64) {
        advance = number == 0 ? .none : .there(last?.content.number == number ? last : nil)
    }

    /// - Parameter disk: the limit in force: a file that would not fit is not taken, so that the slot refuses it.
    /// - Returns: whether the file is in its place, from now on as the run's own.
    mutating func take(_ file: KeptFile, disk: Int) -> Bool {
        guard case .there(file) = advance, file.bytes <= disk else { return false }
        advance = .taken
        return true
    }

    /// Whether the sandbox's runs may meet a file that was placed in advance.
    var isTaken: Bool { if case .taken = advance { true } else { false } }

    /// Call it right before anything else is asked of the sandbox.
    ///
    /// - Parameter newFile: the path, when only a new file is written.
    /// - Returns: whether to have the file withdrawn first. It is no longer to be taken then.
    mutating func mustWithdraw(before newFile: ByteString? = nil) -> Bool {
        guard case .there(let file) = advance else { return false }
        if let newFile, let file, !newFile.isAt(or: file.path) { return false }
        advance = .none
        return true
    }
}

extension ByteString {
    /// Whether this path is the other one, or leads through it.
    fileprivate func isAt(or other: ByteString) -> Bool {
        bytes.starts(with: other.bytes)
            && (bytes.count == other.bytes.count || bytes[other.bytes.count] == UInt8(ascii: "/"))
    }
}
