/// The directory of one sandbox, and how directories are removed, whatever a program made of them.
import CSpawn
import Foundation
import SandboxAPI
import SandboxRuntime

extension SandboxError {
    /// Something that a sandbox or a run needs could not be made.
    static func cannotMake(_ what: String, _ number: Int32) -> SandboxError {
        SandboxError(
            .setupFailed, errno: number, message: "cannot make \(what): \(String(cString: strerror(number)))")
    }
}

/// Where this process makes temporary files.
let temporaryDirectory = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"

/// A directory of its own below `TMPDIR`, a member of the backend's pool.
struct WorkDirectory: Sendable {
    let path: ByteString
    /// Where all paths of the sandbox start.
    let root: Int32

    init() throws(SandboxError) {
        var name = Array((temporaryDirectory + "/own-backend-XXXXXX").utf8CString)
        guard mkdtemp(&name) != nil else { throw .cannotMake("a directory", errno) }
        path = ByteString(name.dropLast().map { UInt8(bitPattern: $0) })
        root = open(name, CSPAWN_O_PATH | O_DIRECTORY | O_CLOEXEC)
        if root < 0 {
            let number = errno
            rmdir(name)
            throw .cannotMake("a directory", number)
        }
    }

    /// Removes it with all that is in it.
    func remove() {
        close(root)
        // What cannot be removed (a mount, a file of another user) stays.
        while (try? removeTree(path.cString, in: AT_FDCWD, path)) == false {}
    }
}

/// Removes a file, or a directory with all that is in it, or some thousand entries of that.
///
/// A directory in it that is not empty gives up its own entries to the one above it. So a deep tree costs neither
/// stack nor descriptors, and no path gets too long.
/// - Parameter path: for errors.
/// - Returns: true when it is gone.
func removeTree(
    _ name: [CChar], in parent: Int32, _ path: ByteString
) throws(SandboxError) -> Bool {
    if try removeEntry(name, in: parent, path) { return true }
    let top = try openLocked(name, in: parent, path)
    defer { close(top) }
    var room = 10_000
    while room > 0 {
        let names = try entries(of: top, path).names
        for name in names where try !removeEntry(name, in: top, path) {
            let inner = try openLocked(name, in: top, path)
            defer { close(inner) }
            for name in try entries(of: inner, path).names where try !removeEntry(name, in: inner, path) {
                fchmodat(inner, name, 0o700, AT_SYMLINK_NOFOLLOW)
                let free = ".removed-\(UInt64.random(in: 0...UInt64.max))"
                try checked(renameat(inner, name, top, free), path)
                room -= 1
            }
        }
        room -= names.count
        if names.isEmpty { return try removeEntry(name, in: parent, path) }
    }
    return false
}

/// Returns false for a directory that is not empty, true also for what is gone already.
private func removeEntry(_ name: [CChar], in directory: Int32, _ path: ByteString) throws(SandboxError)
    -> Bool
{
    if unlinkat(directory, name, 0) == 0 || errno == ENOENT { return true }
    guard errno == EISDIR else { throw FileErrors.error(errno: errno, path: path) }
    if unlinkat(directory, name, AT_REMOVEDIR) == 0 { return true }
    guard errno == ENOTEMPTY else { throw FileErrors.error(errno: errno, path: path) }
    return false
}

/// Opens a directory that a program may have locked (mode 0).
private func openLocked(_ name: [CChar], in parent: Int32, _ path: ByteString) throws(SandboxError) -> Int32 {
    fchmodat(parent, name, 0o700, AT_SYMLINK_NOFOLLOW)
    return try checked(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path)
}
