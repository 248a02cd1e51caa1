/// Finds the files of a submission that a caller names.

#if Judge
import Glibc
import SandboxAPI

extension PackageTree {
    /// The files at a path of the host, which the caller chose: links on the way to it are followed.
    ///
    /// - Returns: the path without links, and the file alone or all files of the directory.
    /// - Throws: ``InvalidPackage`` when there is nothing.
    static func submission(
        at path: ByteString, issues: inout IssueList
    ) throws(InvalidPackage) -> (hostPath: ByteString, files: [PackageFile]) {
        guard let hostPath = resolved(path) else { throw InvalidPackage(directory: path, issues: []) }
        var status = stat()
        guard stat(hostPath.cString, &status) == 0 else { throw InvalidPackage(directory: path, issues: []) }
        if status.st_mode & S_IFMT == S_IFDIR {
            return (hostPath, try PackageTree(hostPath, issues: &issues).files(below: ""))
        }
        let file = PackageFile(
            path: hostPath.parts.last ?? hostPath, packagePath: path, hostPath: hostPath,
            size: Int(status.st_size))
        return (hostPath, status.st_mode & S_IFMT == S_IFREG ? [file] : [])
    }
}
#endif
