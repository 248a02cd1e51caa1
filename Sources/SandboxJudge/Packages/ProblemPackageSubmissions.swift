/// Submissions of a package that a caller names by a path.

#if Judge
public import SandboxAPI

extension ProblemPackage {
    /// A submission by its path: one of the package's own with its expectations, or a file or directory of the host, of which
    /// nothing is expected but to be accepted.
    ///
    /// - Parameter path: a path of the host, or relative to the package.
    /// - Throws: ``InvalidPackage`` when it cannot be read, or is neither a file nor a directory of files.
    public func submission(at path: ByteString) throws(InvalidPackage) -> PackageSubmission {
        var issues = IssueList()
        if let own = submissions.first(where: { $0.program.path == ByteString(path: path.parts) }) {
            return own
        }
        guard let found = try? PackageTree.submission(at: path, issues: &issues) else {
            throw InvalidPackage(
                directory: path,
                issues: [
                    PackageIssue(
                        .error, path, .missingFile,
                        "there is no such submission, neither here nor in the package")
                ])
        }
        for submission in submissions where directory + "/" + submission.program.path == found.hostPath {
            return submission
        }
        if issues.hasErrors || found.files.isEmpty {
            issues.error(path, .missingFile, "there are no files in the submission")
            throw InvalidPackage(directory: path, issues: issues.all)
        }
        let program = PackageProgram(name: path.parts.last?.text ?? "", path: path, files: found.files)
        return PackageSubmission(program: program, expectations: [])
    }
}
#endif
