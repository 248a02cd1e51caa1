/// What the name of an image means to the local backend.

import Glibc

/// An image as it was found on this host.
enum ImageReference: Hashable {
    /// The host's own `/usr`.
    case host
    /// A directory that holds a root file system; absolute, links resolved.
    case directory(String)
    /// A file that holds an archive; absolute, links resolved.
    case archive(String)

    /// Looks the image up: `host`, an existing directory, or an existing regular file.
    ///
    /// - Throws: for everything else, saying what the name looks like.
    init(_ image: Image) throws(ImageFailure) {
        guard case .reference(let name) = image, name != "host" else {
            self = .host
            return
        }
        guard !name.isEmpty, !name.utf8.contains(0) else {
            throw ImageFailure("the image's name is \(name.isEmpty ? "empty" : "not a file name")")
        }
        var status = stat()
        guard stat(name, &status) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else {
                throw ImageFailure(errno: errno, "look at it")
            }
            throw Self.missing(name)
        }
        guard let resolved = realpath(name, nil) else { throw ImageFailure(errno: errno, "resolve its path") }
        defer { free(resolved) }
        let path = String(cString: resolved)
        switch status.st_mode & S_IFMT {
        case S_IFDIR: self = .directory(path)
        case S_IFREG: self = .archive(path)
        default:
            throw ImageFailure(
                "it is neither a directory nor a regular file",
                hint: "give a directory, or an archive in a file")
        }
    }

    private static let archiveEndings = [".tar", ".tgz", ".gz", ".zst", ".tzst", ".xz", ".bz2"]

    private static func missing(_ name: String) -> ImageFailure {
        let looksLikePath =
            name.hasPrefix("/") || name.hasPrefix("./") || name.hasPrefix("../") || name.hasPrefix("~")
            || archiveEndings.contains(where: name.hasSuffix)
        if looksLikePath {
            return ImageFailure("there is no such file or directory", hint: "check the path", errno: ENOENT)
        }
        return ImageFailure(
            "the local backend has no Docker images, and there is no file of that name",
            hint: "use the Docker backend, or `docker save \(name) -o image.tar` and give image.tar")
    }
}

/// What every root file system has.
enum RootDirectory {
    /// Whether programs could run in it.
    static func check(_ root: Int32) throws(ImageFailure) {
        var status = stat()
        for name in ["usr", "bin"] where fstatat(root, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return }
        let isLayout = fstatat(root, "oci-layout", &status, AT_SYMLINK_NOFOLLOW) == 0
        throw ImageFailure(
            "it has neither usr nor bin, so it is no root file system",
            hint: isLayout
                ? "it is an OCI image layout: pack it with `tar -C DIRECTORY -cf image.tar .`"
                : "usr and bin must be at its top")
    }

    /// Checks a directory that is used in place.
    static func check(path: String) throws(ImageFailure) {
        guard path != "/" else {
            throw ImageFailure(
                "the host's whole file system is no image", hint: "use \"host\" for its programs")
        }
        let fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { throw ImageFailure(errno: errno, "open the directory") }
        let root = FileDescriptor(fd)
        try check(root.number)
    }
}
