/// A tree of files that is put into a sandbox before its program starts.

public import SandboxAPI

/// Files, directories and symbolic links for `/work`, as a tar archive; see `SandboxLease.writeTree(_:to:limits:)`.
public struct InputTree: Sendable {
    /// The directory that the archive's names are relative to: below `/work`, made when it is missing, or `.` for
    /// `/work` itself.
    public var path: ByteString
    /// A larger archive throws `.fileTooLarge` or `.tooManyFiles`.
    public var limits: TreeLimits
    private let send: @Sendable (any SandboxLease, ByteString, TreeLimits) async throws -> Void

    /// A tree whose archive is complete in memory.
    ///
    /// - Parameters:
    ///   - path: where it goes.
    ///   - archive: a plain tar archive with its end marker. It may be untrusted.
    ///   - limits: the most entries and bytes.
    public init(_ path: ByteString, archive: [UInt8], limits: TreeLimits = .standard) {
        self.path = path
        self.limits = limits
        send = { try await $0.writeTree(archive, to: $1, limits: $2) }
    }

    /// A tree whose archive is read while it is written.
    ///
    /// - Parameters:
    ///   - path: where it goes.
    ///   - limits: the most entries and bytes.
    ///   - pieces: begins to read the archive; called once for each sandbox.
    public init<Pieces: AsyncSequence & SendableMetatype>(
        _ path: ByteString, limits: TreeLimits = .standard, pieces: @escaping @Sendable () throws -> Pieces
    ) where Pieces.Element: Sequence<UInt8> {
        self.path = path
        self.limits = limits
        send = { try await $0.writeTree(try pieces(), to: $1, limits: $2) }
    }

    /// Writes the tree into a sandbox; files that are there are replaced.
    ///
    /// - Throws: the errors of the archive's pieces and of `SandboxLease.writeTree(_:to:limits:)`.
    public func write(to sandbox: any SandboxLease) async throws { try await send(sandbox, path, limits) }
}
