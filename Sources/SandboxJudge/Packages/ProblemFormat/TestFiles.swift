/// Which files of a data directory belong to which test. Pure.

#if Judge
import SandboxAPI

/// The tests of one directory, found by their files' names.
struct TestFiles {
    /// Suffixes of a test's files, longest first.
    private static let suffixes = [
        ".in.statement", ".ans.statement", ".in.download", ".ans.download", ".interaction", ".files", ".yaml",
        ".hint", ".desc", ".jpeg", ".args", ".png", ".jpg", ".svg", ".out", ".ans", ".in",
    ]
    /// A file of the directory's own, not of a test.
    static let settings: Set<String> = ["testdata.yaml", "test_group.yaml"]

    /// The suffixes that each test has, by the test's base name (without its directory), sorted.
    private(set) var tests: [(name: String, suffixes: Set<String>)] = []
    /// Subdirectories that are no `.files` of a test.
    private(set) var groups: [ByteString] = []
    let directory: ByteString

    /// - Parameter needsAnswer: whether an input without an answer is an error.
    init(
        _ tree: PackageTree, in directory: ByteString, isLegacy: Bool, needsAnswer: Bool,
        _ issues: inout IssueList
    ) {
        self.directory = directory
        var found: [String: Set<String>] = [:]
        for path in tree.children(of: directory) {
            let name = path.parts.last?.text ?? ""
            let isDirectory = tree.isDirectory(path)
            if isDirectory, !name.hasSuffix(".files") {
                groups.append(path)
                continue
            }
            let isOfTest = !isLegacy && name == "testdata.yaml" && tree.isFile(directory + "/testdata.in")
            if Self.settings.contains(name), !isOfTest {
                Self.check(path, name, isLegacy: isLegacy, &issues)
                continue
            }
            guard
                let suffix = Self.suffixes.first(where: {
                    name.hasSuffix($0) && name.utf8.count > $0.utf8.count
                })
            else { continue }
            if isDirectory != (suffix == ".files") {
                issues.error(
                    path, .invalidName, "\(suffix) must be a \(suffix == ".files" ? "directory" : "file")")
                continue
            }
            found[String(name.dropLast(suffix.count)), default: []].insert(suffix)
        }
        let directories = Set(groups)
        for (name, suffixes) in found.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let path = PackageTree.join(directory, ByteString(name))
            if suffixes.contains(".in") {
                if needsAnswer, !suffixes.contains(".ans") {
                    issues.error(path + ".in", .incompleteTest, "the test has no \(name).ans")
                }
                tests.append((name, suffixes))
                if directories.contains(path) {
                    issues.error(path, .contradiction, "a test and a directory have the same name")
                }
            } else if suffixes != [".interaction"] {  // that of a statement
                let first = suffixes.sorted().first!
                if isLegacy, !suffixes.contains(".ans") {
                    issues.warn(path + ByteString(first), .incompleteTest, "there is no \(name).in")
                } else {
                    issues.error(path + ByteString(first), .incompleteTest, "there is no \(name).in")
                }
            }
        }
    }

    /// A file of settings by the name that the other format has for it would not be read.
    static func check(_ path: ByteString, _ name: String, isLegacy: Bool, _ issues: inout IssueList) {
        let right = isLegacy ? "testdata.yaml" : "test_group.yaml"
        if name == right { return }
        issues.error(path, .invalidName, "\(isLegacy ? "the legacy format" : "2025-09") calls it \(right)")
    }

    /// A test without its settings.
    ///
    /// - Parameter prefix: the package's directory of all data.
    func test(_ name: String, suffixes: Set<String>, _ tree: PackageTree, isSample: Bool) -> PackageTest? {
        let path = PackageTree.join(directory, ByteString(name))
        guard let input = tree.file(path + ".in") else { return nil }
        var test = PackageTest(
            name: path.text.hasPrefix("data/") ? String(path.text.dropFirst(5)) : path.text, input: input,
            answer: tree.file(path + ".ans"), isSample: isSample)
        if isSample {
            let isOverridden = suffixes.contains(".out") || suffixes.contains(".ans.statement")
            test.shownOutput = isOverridden ? tree.file(path + ".out") : test.answer
        }
        if suffixes.contains(".files") { test.files = tree.files(below: path + ".files") }
        return test
    }
}
#endif
