/// Reads a problem package: chooses the format, and gives one model.

#if Judge
public import SandboxAPI

extension ProblemPackage {
    /// Reads a package.
    ///
    /// Only the package's directory is read, in bounds: 100,000 files, settings of 256 KiB each. Links that lead out of it
    /// are errors. Nothing in it is executed. Tests, sources and answers are read later, when they are needed.
    ///
    /// - Parameter directory: a directory of the host with a `problem.yaml`, or a `problem.xml` of Polygon.
    /// - Returns: the package; what is not as its format wants it, but does not matter for judging, is in ``warnings``.
    /// - Throws: ``InvalidPackage`` with everything that is wrong.
    public static func read(_ directory: ByteString) throws(InvalidPackage) -> ProblemPackage {
        var issues = IssueList()
        let tree = try PackageTree(directory, issues: &issues)
        var package: ProblemPackage?
        if tree.isFile("problem.yaml") {
            package = ProblemFormatReader.read(tree, &issues)
        } else if tree.isFile("problem.xml") {
            package = PolygonReader.read(tree, &issues)
        } else {
            issues.error(
                "", .missingFile,
                "there is neither a problem.yaml (problem package format) nor a problem.xml (Polygon)")
        }
        guard var package, !issues.hasErrors else {
            throw InvalidPackage(directory: tree.root, issues: issues.all)
        }
        package.warnings = issues.all
        return package
    }
}
#endif
