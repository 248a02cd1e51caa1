/// What this process knows of the files that a slot keeps between its sandboxes. Pure.

package import SandboxAPI

/// A file that a slot was asked to place, content and all.
package struct KeptFile: Sendable, Equatable {
    package let content: ContentMark
    package let path: ByteString
    package let executable: Bool
    package let bytes: Int

    package init(content: ContentMark, path: ByteString, executable: Bool, bytes: Int) {
        self.content = content
        self.path = path
        self.executable = executable
        self.bytes = bytes
    }
}

/// Remembers what the slot keeps, and decides about the file that it has put in its place in advance.
///
/// A slot does that with the file that its last sandboxes had. It belongs to no one until a run takes it: that run has
/// to have the very same file. Before anything else that could meet it, it is withdrawn.
package struct KeptFiles: Sendable {
    private enum Advance {
        case none
        /// In its place; `nil`: a file that this process did not ask for last.
        case there(KeptFile?)
        /// Being withdrawn: nobody can take it, and nobody may meet it.
        case leaving
        case taken
    }

    /// A slot keeps few files, so most of a long list are gone.
    private static let most = 64
    private static let page = 4096

    /// The sizes of files that slots keep. Smaller ones are written: there is little to send, and a slot keeps few
    /// files. It keeps none that is larger than all the room for them.
    package static let sizes = 64 << 10...64 << 20

    /// It may have discarded some since, and then says so.
    private var kept: Set<ContentMark> = []
    private var last: KeptFile?
    private var advance = Advance.none
    /// What callers wrote beside the file, in whole pages.
    private var written = 0

    package init() {}

    package func keeps(_ content: ContentMark) -> Bool { kept.contains(content) }

    package mutating func note(_ content: ContentMark) {
        if kept.count >= Self.most { kept = [] }
        kept.insert(content)
    }

    /// The slot was asked to place the file, and did.
    package mutating func placed(_ file: KeptFile) { last = file }

    /// The slot prepared a sandbox.
    ///
    /// - Parameter number: of the content that is in its place in advance; 0: none.
    package mutating func prepared(_ number: UInt64) {
        written = 0
        advance = number == 0 ? .none : .there(last?.content.number == number ? last : nil)
    }

    /// - Parameter disk: the limit in force. A file for which a written one would find no room is not taken: it is then
    ///   withdrawn, and the slot refuses it.
    /// - Returns: whether the file is in its place, from now on as the run's own.
    package mutating func take(_ file: KeptFile, disk: Int) -> Bool {
        guard case .there(file) = advance, Self.pages(file.bytes) + written <= disk else { return false }
        advance = .taken
        return true
    }

    /// Whether a run has the file that was placed in advance.
    package var isTaken: Bool { if case .taken = advance { true } else { false } }

    /// Whether something has to be withdrawn, or is being, before the sandbox's files are looked at or a run begins.
    package var isUnclaimed: Bool {
        switch advance {
        case .none, .taken: false
        case .there, .leaving: true
        }
    }

    /// Decides before a question about files; the slot answers one at a time.
    ///
    /// - Parameters:
    ///   - newFile: the file, when only a new one is written.
    ///   - disk: the limit in force. A file that is there in advance may take from it, and gives way to a new one.
    /// - Returns: whether to have the file withdrawn first. ``withdrawn()`` has to follow.
    package mutating func mustWithdraw(
        before newFile: (path: ByteString, bytes: Int)? = nil, disk: Int
    ) -> Bool {
        switch advance {
        case .none, .taken: return false
        case .leaving: return true
        case .there(let file):
            if let newFile, let file, !newFile.path.isAt(or: file.path),
                Self.pages(file.bytes) + written + Self.pages(newFile.bytes) <= disk
            {
                written += Self.pages(newFile.bytes)
                return false
            }
            advance = .leaving
            return true
        }
    }

    /// The slot has answered that the file is gone.
    package mutating func withdrawn() {
        if case .leaving = advance { advance = .none }
    }

    private static func pages(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }
}

extension ByteString {
    /// Whether this path is the other one, or leads through it.
    fileprivate func isAt(or other: ByteString) -> Bool {
        bytes.starts(with: other.bytes)
            && (bytes.count == other.bytes.count || bytes[other.bytes.count] == UInt8(ascii: "/"))
    }
}
