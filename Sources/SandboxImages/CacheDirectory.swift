/// The location of the cache, and the checks that no other user can change it.

import Glibc
import SandboxAPI
import SandboxRuntime

/// The open directories of a cache. All work goes through their descriptors, never through the path again.
final class CacheDirectory: Sendable {
    /// The absolute path, links resolved.
    let path: String
    let root: OwnedDescriptor
    /// Finished entries.
    let images: OwnedDescriptor
    /// Entries that are being unpacked.
    let building: OwnedDescriptor
    /// Entries that are being removed.
    let trash: OwnedDescriptor
    /// One file per digest, locked by the process that unpacks it.
    let locks: OwnedDescriptor
    /// The digests of archives, from earlier reads.
    let index: OwnedDescriptor

    /// The default directory: `SANDBOX_CACHE`, or for root `/var/cache/swift-sandbox`, or `swift-sandbox` in
    /// `XDG_CACHE_HOME` or in `.cache` of the home directory.
    static func standardPath(
        environment: (String) -> String?, user: uid_t = geteuid()
    ) throws(ImageFailure) -> String {
        if let path = environment("SANDBOX_CACHE"), !path.isEmpty {
            guard path.hasPrefix("/") else {
                throw ImageFailure(
                    "SANDBOX_CACHE is \(Validation.quoted(path))", hint: "give an absolute path")
            }
            return path
        }
        if user == 0 { return "/var/cache/swift-sandbox" }
        // The XDG specification says that relative paths are ignored.
        if let cache = environment("XDG_CACHE_HOME"), cache.hasPrefix("/") { return cache + "/swift-sandbox" }
        if let home = environment("HOME"), home.hasPrefix("/") { return home + "/.cache/swift-sandbox" }
        throw ImageFailure(
            "there is no place for the cache: neither XDG_CACHE_HOME nor HOME is an absolute path",
            hint: "set SANDBOX_CACHE to a directory of your own")
    }

    /// Opens the cache, and creates it with mode 0700 where it is missing.
    ///
    /// - Throws: when another user could change it.
    init(path: String) throws(ImageFailure) {
        try Self.makeDirectories(path)
        guard let root = OwnedDescriptor(owning: Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
            let resolved = realpath(path, nil)
        else {
            let number = errno
            throw Self.failure(path, "cannot be opened: \(describe(errno: number))", errno: number)
        }
        self.path = String(cString: resolved)
        free(resolved)
        try Self.checkOwner(of: root, path)
        try Self.checkParents(of: self.path)
        images = try Self.subdirectory("images", of: root, path)
        building = try Self.subdirectory("building", of: root, path)
        trash = try Self.subdirectory("trash", of: root, path)
        locks = try Self.subdirectory("locks", of: root, path)
        index = try Self.subdirectory("index", of: root, path)
        self.root = root
    }

    private static func failure(_ path: String, _ reason: String, errno: Int32 = 0) -> ImageFailure {
        ImageFailure(
            "the cache directory \(Validation.quoted(path)) \(reason)",
            hint: "set SANDBOX_CACHE to a directory of your own, with mode 0700", errno: errno)
    }

    private static func makeDirectories(_ path: String) throws(ImageFailure) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw failure(path, "cannot be made: \(describe(errno: errno))", errno: errno)
        }
        try makeDirectories(String(path[..<slash]))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw failure(path, "cannot be made: \(describe(errno: errno))", errno: errno)
        }
    }

    private static func checkOwner(of directory: borrowing OwnedDescriptor, _ path: String)
        throws(ImageFailure)
    {
        var status = stat()
        guard fstat(directory.number, &status) == 0 else {
            throw failure(path, "cannot be looked at: \(describe(errno: errno))", errno: errno)
        }
        guard status.st_uid == geteuid() else {
            throw failure(path, "belongs to user \(status.st_uid), not to user \(geteuid())")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw failure(
                path, "can be written by others: its mode is \(String(status.st_mode & 0o7777, radix: 8))")
        }
    }

    /// A user who may rename a directory above the cache could put another tree in its place.
    private static func checkParents(of path: String) throws(ImageFailure) {
        var parent = path[...]
        while let slash = parent.lastIndex(of: "/"), parent != "/" {
            parent = slash == parent.startIndex ? "/" : parent[..<slash]
            var status = stat()
            guard lstat(String(parent), &status) == 0 else {
                throw failure(path, "cannot be looked at: \(describe(errno: errno))", errno: errno)
            }
            guard status.st_mode & 0o002 == 0 || status.st_mode & S_ISVTX != 0 else {
                throw failure(path, "is in \(Validation.quoted(String(parent))), which everybody can write")
            }
        }
    }

    private static func subdirectory(
        _ name: String, of root: borrowing OwnedDescriptor, _ path: String
    ) throws(ImageFailure) -> OwnedDescriptor {
        guard mkdirat(root.number, name, 0o700) == 0 || errno == EEXIST else {
            throw failure(path + "/" + name, "cannot be made: \(describe(errno: errno))", errno: errno)
        }
        let directory = try TreeWalk.open(root.number, Array(name.utf8))
        try checkOwner(of: directory, path + "/" + name)
        return directory
    }
}

/// A lock on a file, held while this object lives; the kernel releases it when the process dies.
final class FileLock: Sendable {
    enum Mode { case shared, exclusive }

    let file: OwnedDescriptor

    private init(_ file: consuming OwnedDescriptor) { self.file = file }

    private static let pollMicroseconds: useconds_t = 10_000

    /// Opens and locks a file that another process may remove and create anew at any time: the lock counts
    /// only if the name still refers to the locked file.
    ///
    /// - Parameters:
    ///   - creating: whether to create a missing file.
    ///   - waiting: checked while another process has the lock; `nil`: does not wait.
    /// - Returns: `nil` when the file is missing, or is locked and `waiting` is `nil`.
    static func take(
        _ name: String, in directory: Int32, _ mode: Mode, creating: Bool, waiting: Cancellation?
    ) throws(ImageFailure) -> FileLock? {
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (creating ? O_CREAT : 0)
        while true {
            guard let file = OwnedDescriptor(owning: openat(directory, name, flags, 0o600)) else {
                if errno == ENOENT || errno == ENOTDIR { return nil }
                throw ImageFailure(errno: errno, "open a lock of the cache")
            }
            while flock(file.number, (mode == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
                guard errno == EWOULDBLOCK || errno == EINTR else {
                    throw ImageFailure(errno: errno, "lock a file of the cache")
                }
                guard let waiting else { return nil }
                try waiting.check()
                usleep(pollMicroseconds)
            }
            var locked = stat()
            var named = stat()
            guard fstat(file.number, &locked) == 0 else {
                throw ImageFailure(errno: errno, "look at a lock of the cache")
            }
            if fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0, named.st_ino == locked.st_ino {
                return FileLock(file)
            }
        }
    }
}
