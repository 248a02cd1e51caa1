/// Packages made for a test in a directory of their own.

#if Judge
import Foundation
import SandboxJudge

/// A directory that is removed with its owner.
final class PackageFixture: Sendable {
    let path: String

    /// The smallest package of the 2025-09 format, with files added or replaced; `nil` leaves one out. Files that begin with
    /// `#!` are executable.
    init(_ changes: [String: String?] = [:], legacy: Bool = false, xml: String? = nil) throws {
        let parent = FileManager.default.temporaryDirectory.appending(path: "package-\(UUID().uuidString)")
        path = parent.path + "/problem"
        let settings =
            legacy
            ? "name: p\n" : "problem_format_version: 2025-09\nname: p\nuuid: u\nlimits: {time_limit: 1}\n"
        var files: [String: String?] = [
            "problem.yaml": settings, "\(legacy ? "problem_statement" : "statement")/problem.en.tex": "",
            "data/secret/1.in": "1\n", "data/secret/1.ans": "1\n", "input_validators/v.py": "exit(42)\n",
            "submissions/accepted/a.py": "print(input())\n",
        ]
        if let xml { files = ["problem.xml": xml] }
        for (name, text) in changes { files[name] = text }
        for case (let name, let text?) in files {
            let file = URL(filePath: path + "/" + name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
            if text.hasPrefix("#!") {
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
            }
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent) }

    func read() throws -> ProblemPackage { try ProblemPackage.read(ByteString(path)) }

    /// What is wrong, as `file:line: rule`.
    func errors() -> [String] {
        do {
            _ = try read()
            return []
        } catch {
            return (error as? InvalidPackage)?.issues.filter { $0.severity == .error }.map {
                "\($0.file):\($0.line ?? 0): \($0.rule)"
            } ?? ["\(error)"]
        }
    }
}
#endif
