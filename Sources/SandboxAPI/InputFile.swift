/// A file for a sandbox, and the mark of content that many sandboxes get.

import Synchronization

/// A file to be put below `/work`.
public struct InputFile: Sendable, Hashable {
    /// Relative to `/work`.
    public var path: ByteString
    /// Changing them removes ``content``.
    public var bytes: [UInt8] { didSet { content = nil } }
    public var executable: Bool
    /// Names the bytes where many sandboxes get them, such as a program's executable; see ``reused()``.
    ///
    /// A backend may then keep them between sandboxes instead of writing them for each, and one that does not loses
    /// nothing. Two files are equal when their path, bytes and mode are, whatever this is.
    public private(set) var content: ContentMark?

    public init(_ path: String, _ bytes: [UInt8], executable: Bool = false) {
        self.init(ByteString(path), bytes, executable: executable)
    }

    public init(_ path: ByteString, _ bytes: [UInt8], executable: Bool = false) {
        self.path = path
        self.bytes = bytes
        self.executable = executable
    }

    /// The same file, marked as one that many sandboxes get. A file that is marked already keeps its mark.
    public func reused() -> InputFile {
        var file = self
        if file.content == nil { file.content = ContentMark() }
        return file
    }

    public static func == (a: InputFile, b: InputFile) -> Bool {
        a.path == b.path && a.executable == b.executable
            && ((a.content != nil && a.content == b.content) || a.bytes == b.bytes)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(path)
        hasher.combine(bytes)
        hasher.combine(executable)
    }
}

/// Stands for certain bytes in this process: no other bytes ever have the same mark.
public struct ContentMark: Sendable, Hashable {
    private static let last = Atomic<UInt64>(0)

    /// Counted from 1 in this process.
    public let number: UInt64

    fileprivate init() { number = Self.last.add(1, ordering: .relaxed).newValue }
}
