/// A directory of the host that programs can read, and never change.

/// A directory of the host below a sandbox's root file system, read-only in each ``Rootfs`` mode.
///
/// Use one for what many runs read and none should copy: test data, a toolchain, a model. Programs read what their user may read;
/// set-user-id bits and devices have no effect. On the local backend programs see the files through an overlay, so
/// that they reach no socket and no FIFO in it. Containers see the engine's host's own files: a directory with a socket, a FIFO
/// or a device in it is refused there, and the results of its sandboxes name what remains in
/// ``IsolationReport/holes``.
///
/// Let the directory's content be as it is while sandboxes use it: what they see of changes is not defined. To change it, put a
/// new directory in its place; sandboxes that are acquired later get that one, on the local backend.
///
/// `acquire` throws `.invalidArgument` for a directory that is missing or is not allowed, and `.isolationUnavailable` where
/// the host or the backend cannot mount it.
public struct BindMount: Sendable, Hashable {
    /// An existing directory, as an absolute path: on this host, or with containers on the engine's. It is not `/`, has no other file
    /// system mounted below it, and is not on a file system of the kernel's own, such as `/proc`.
    public var source: ByteString
    /// Where programs find it: an absolute path without links, `.` and `..`, of at most 256 bytes. It is not `/work`, `/tmp`, `/dev`, `/proc`,
    /// `/run` or `/sys`, and not in them. An existing directory is covered; a missing one is made where the
    /// image has nothing of the path's first name.
    public var target: ByteString

    public init(_ source: ByteString, at target: ByteString) {
        (self.source, self.target) = (source, target)
    }

    /// The most of them that a sandbox can have.
    public static let maximum = 16
}

extension [BindMount] {
    /// Where programs find them, for people: `/data, /tools`.
    package var targets: String { map { "\($0.target)" }.joined(separator: ", ") }
}
