/// Reads a package of the problem package format, legacy or 2025-09.

#if Judge
import SandboxAPI
import Yams

enum ProblemFormatReader {
    static func read(_ tree: PackageTree, _ issues: inout IssueList) -> ProblemPackage? {
        var tree = tree
        for path in tree.removeNames(unless: isAllowed) {
            issues.warn(
                path, .invalidName,
                "ignored: a name has 1 to 255 of a-z, A-Z, 0-9, `_`, `.` and `-`, and does not begin with `.` or `-`"
            )
        }
        guard let text = tree.text(of: "problem.yaml", issues: &issues) else { return nil }
        guard let node = YamlText.parse(text, file: "problem.yaml", issues: &issues) else {
            if !issues.hasErrors { issues.error("problem.yaml", line: 1, .missingKey, "the file is empty") }
            return nil
        }
        guard var keys = YamlMap(node, file: "problem.yaml", name: "", issues: &issues) else { return nil }
        guard let format = format(of: &keys, &issues) else { return nil }

        let directoryName = tree.root.parts.last?.text ?? ""
        var package = ProblemPackage(format: format, directory: tree.root, name: directoryName)
        if format == .legacy {
            LegacySettings.read(&keys, into: &package, &issues)
            LegacySettings.readTimeLimitFiles(tree, into: &package, &issues)
            readGrader(tree, into: &package, &issues)
            LegacyTests.read(tree, into: &package, keys: LegacySettings.flags(of: node), &issues)
        } else {
            Settings2025.read(&keys, into: &package, &issues)
            Tests2025.read(tree, into: &package, &issues)
        }
        readPrograms(tree, into: &package, &issues)
        SubmissionReader.read(tree, into: &package, &issues)
        check(tree, package, &issues)
        return package
    }

    /// `[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,254}`, or the legacy time limit's file.
    private static func isAllowed(_ name: ByteString) -> Bool {
        guard name.bytes.count <= 255, let first = name.bytes.first else { return false }
        if name == ".timelimit" { return true }
        func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isWord(first)
            && name.bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func format(of keys: inout YamlMap, _ issues: inout IssueList) -> PackageFormat? {
        guard let value = keys.take("problem_format_version") else { return .legacy }
        switch value.text {
        case "legacy", "legacy-icpc": return .legacy
        case "2025-09": return .version2025
        case "2023-07-draft", "2025-09-draft", "draft":
            issues.warn(
                value.file, line: value.line, .unsupported,
                "\(value.text!) is a draft of 2025-09; the package is read as that")
            return .version2025
        default:
            value.refuse("legacy or 2025-09; other versions are not supported", &issues)
            return nil
        }
    }

    // MARK: Programs

    private static func readPrograms(
        _ tree: PackageTree, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        let isLegacy = package.format == .legacy
        for directory in tree.children(of: "include") where tree.isDirectory(directory) {
            package.included[directory.parts.last?.text ?? ""] = tree.files(below: directory)
        }
        for directory in ["input_validators"] + (isLegacy ? ["input_format_validators"] : []) as [ByteString]
        {
            package.inputValidators += programs(in: directory, tree)
        }
        let unrun = package.inputValidators.filter { program in
            program.files.contains { [".viva", ".ctd"].contains(where: $0.path.text.hasSuffix) }
        }
        for program in unrun {
            issues.warn(
                program.path, .unsupported,
                "Viva and Checktestdata are not run; the inputs are not checked by it")
        }
        package.inputValidators.removeAll { program in unrun.contains(program) }

        var outputDirectory: ByteString = isLegacy ? "output_validators" : "output_validator"
        if !isLegacy, !tree.isDirectory(outputDirectory), tree.isDirectory("output_validators") {
            issues.warn(
                "output_validators", .invalidName, "2025-09 calls it output_validator; it is read as that")
            outputDirectory = "output_validators"
        }
        var validators = isLegacy ? programs(in: outputDirectory, tree) : []
        if !isLegacy {
            validators = program(at: outputDirectory, tree).map { [$0] } ?? []
            package.staticValidator = program(at: "static_validator", tree)
        }
        let isCustom: Bool
        if isLegacy, case .builtIn = package.output {
            isCustom = false
            if !validators.isEmpty {
                issues.warn(
                    outputDirectory, .contradiction,
                    "there are output validators, but `validation` is not custom")
            }
        } else {
            isCustom = isLegacy || !validators.isEmpty
        }
        if isCustom {
            if validators.isEmpty {
                issues.error(
                    outputDirectory, .missingFile, "`validation` is custom, and there is no output validator")
            }
            package.output = .validators(validators)
        } else if package.isInteractive || package.isMultiPass {
            issues.error(
                outputDirectory, .missingFile,
                "an interactive or multi-pass problem needs an output validator")
        }
        if package.isInteractive, validators.count > 1 {
            issues.error(outputDirectory, .unsupported, "an interactive problem has one output validator")
        }
    }

    private static func readGrader(
        _ tree: PackageTree, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        let graders = programs(in: "graders", tree)
        package.grader = graders.first
        if graders.count > 1 {
            issues.error("graders", .contradiction, "there is more than one grader")
        }
    }

    /// The programs of a directory, one for each file or directory in it.
    static func programs(in directory: ByteString, _ tree: PackageTree) -> [PackageProgram] {
        tree.children(of: directory).compactMap { path in
            let name = path.parts.last?.text ?? ""
            if name.hasPrefix("README") { return nil }
            return program(named: name, at: path, tree)
        }
    }

    /// A directory that is a program itself, or has one program in it.
    private static func program(at directory: ByteString, _ tree: PackageTree) -> PackageProgram? {
        guard tree.isDirectory(directory), tree[directory] != nil else { return nil }
        let children = tree.children(of: directory)
        if children.count == 1, tree.isDirectory(children[0]) {
            return program(named: children[0].parts.last?.text ?? "", at: children[0], tree)
        }
        return program(named: directory.text, at: directory, tree)
    }

    private static func program(
        named name: String, at path: ByteString, _ tree: PackageTree
    ) -> PackageProgram? {
        if let file = tree.file(path) {
            var file = file
            file.path = path.parts.last ?? path
            return PackageProgram(name: name, path: path, files: [file])
        }
        let files = tree.files(below: path)
        return files.isEmpty ? nil : PackageProgram(name: name, path: path, files: files)
    }

    // MARK: The package as a whole

    private static func check(_ tree: PackageTree, _ package: ProblemPackage, _ issues: inout IssueList) {
        let name = tree.root.parts.last?.bytes ?? []
        let isPlain = name.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        if !isPlain {
            issues.warn("", .invalidName, "the package's directory should be named with a-z and 0-9 alone")
        }
        let statement: ByteString = package.format == .legacy ? "problem_statement" : "statement"
        if tree.children(of: statement).isEmpty {
            issues.warn(statement, .missingFile, "the format demands a problem statement")
        }
        if package.inputValidators.isEmpty, !issues.hasErrors {
            issues.warn(
                "input_validators", .missingFile,
                "the format demands an input validator; inputs are not checked")
        }
        if !package.submissions.contains(where: { $0.program.path.parts.dropFirst().first == "accepted" }) {
            issues.warn("submissions/accepted", .missingFile, "the format demands an accepted submission")
        }
    }
}
#endif
