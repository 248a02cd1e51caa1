/// Resolves an image's name for the local backend.

import Glibc
import SandboxAPI
import SandboxRuntime

/// The host's file, directory or tree that an image's name refers to.
enum ImageReference: Hashable {
    /// The host's own `/usr`.
    case host
    /// A directory that holds a root file system; absolute, links resolved.
    case directory(String)
    /// A file that holds an archive; absolute, links resolved.
    case archive(String)

    /// Looks the image up: `host`, an existing directory, an existing regular file, or a name in the image folders.
    ///
    /// - Parameter folders: searched for a plain name such as `cpp-runner:latest`.
    /// - Throws: for everything else, with a description of what the name looks like.
    init(_ image: Image, folders: ImageFolders = .current) throws(ImageFailure) {
        guard image != .host else {
            self = .host
            return
        }
        guard let name = image.rawValue.exactText else { throw ImageFailure("the image's name is not UTF-8") }
        guard !name.isEmpty, !name.utf8.contains(0) else {
            throw ImageFailure("the image's name is \(name.isEmpty ? "empty" : "not a file name")")
        }
        var status = stat()
        guard stat(name, &status) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else {
                throw ImageFailure(errno: errno, "look at it")
            }
            guard let found = folders.find(name) else { throw Self.missing(name, folders) }
            self = try Self(.reference(found), folders: ImageFolders([]))
            return
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

    private static func missing(_ name: String, _ folders: ImageFolders) -> ImageFailure {
        if ArchivePath.isPath(name) {
            return ImageFailure("there is no such file or directory", hint: "check the path", errno: ENOENT)
        }
        return ImageFailure(
            "the local backend has no Docker images, and there is neither a file of that name nor, in "
                + "\(folders), an archive NAME.tar or a directory NAME",
            hint:
                "say in SANDBOX_IMAGES where it is, or `docker save \(name) -o image.tar` and give image.tar")
    }
}

/// Distinguishes the path of an archive from the name of an image.
package enum ArchivePath {
    private static let endings = [
        ".tar", ".tar.gz", ".tar.zst", ".tgz", ".gz", ".zst", ".tzst", ".xz", ".bz2",
    ]

    /// Whether the text is a path, which no engine accepts as an image's name.
    package static func isPath(_ text: String) -> Bool {
        // Compared by byte, as file systems do: with a combining mark behind it, a slash is another
        // Character.
        ["/", "./", "../", "~"].contains { text.utf8.starts(with: $0.utf8) }
            || endings.contains { text.utf8.suffix($0.utf8.count).elementsEqual($0.utf8) }
    }

    /// The image's name that an archive's file name gives: `cpp-runner` for `images/cpp-runner.tar.gz` and
    /// for `cpp-runner.docker.tar`.
    package static func imageName(_ path: String) -> String {
        var name = ByteString(path).parts.last?.text ?? ""
        while let ending = (endings + [".docker", ".oci"]).first(where: name.hasSuffix) {
            name.removeLast(ending.count)
        }
        return name
    }
}

/// The folders that are searched for images by name: those of `SANDBOX_IMAGES`, separated by colons.
struct ImageFolders: CustomStringConvertible {
    static let standard = "images"
    private static let archiveEndings = [".tar", ".tar.gz", ".tar.zst"]

    private let paths: [String]

    init(_ paths: [String]) { self.paths = paths }

    /// The folders of this process: the variable's, or `images` below the current directory.
    static var current: Self {
        let text = getenv("SANDBOX_IMAGES").map { String(cString: $0) } ?? ""
        let paths = text.utf8.split(separator: UInt8(ascii: ":")).map { String(Substring($0)) }
        return Self(paths.isEmpty ? [standard] : paths)
    }

    var description: String { paths.joined(separator: ", ") }

    /// The path of an archive or a root file system with this name; `latest` is the only tag.
    func find(_ name: String) -> String? {
        let suffix = ":latest"
        let plain = name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
        // Names have the form of an engine's image names, so none leads out of its folder.
        let parts = plain.utf8.split(separator: ByteString.slash, omittingEmptySubsequences: false)
            .map { ByteString($0) }
        guard !ArchivePath.isPath(plain), !plain.utf8.contains(UInt8(ascii: ":")),
            parts.allSatisfy({ !["", ".", ".."].contains($0) })
        else { return nil }
        for path in paths {
            for ending in Self.archiveEndings where Self.kind("\(path)/\(plain)\(ending)") == S_IFREG {
                return "\(path)/\(plain)\(ending)"
            }
            // A folder with the sources of an image has the image's name, too.
            let directory = "\(path)/\(plain)"
            if ["usr", "bin"].contains(where: { Self.kind("\(directory)/\($0)") == S_IFDIR }) {
                return directory
            }
        }
        return nil
    }

    private static func kind(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}

/// The directories that every root file system has.
enum RootDirectory {
    /// Checks that programs could run in it.
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

    /// Checks a directory that is used without unpacking.
    static func check(path: String) throws(ImageFailure) {
        guard path != "/" else {
            throw ImageFailure(
                "the host's whole file system is no image", hint: "use \"host\" for its programs")
        }
        guard let root = OwnedDescriptor(owning: open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
            throw ImageFailure(errno: errno, "open the directory")
        }
        try check(root.number)
    }
}
