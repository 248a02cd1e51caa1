/// The test data of the 2025-09 format: samples, and secret tests in at most one level of groups.

#if Judge
import SandboxAPI
import Yams

enum Tests2025 {
    static func read(
        _ tree: PackageTree, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        var whole = TestGroup(
            name: "", grading: package.isScoring ? .scored(.init(.sum, maximum: nil)) : .allPass)
        for name in TestFiles.settings where tree.isFile(ByteString("data/" + name)) {
            issues.error(
                ByteString("data/" + name), .contradiction,
                "settings stand in the test_group.yaml of data/sample, of data/secret and of its groups")
        }
        if tree.isDirectory("data/sample") {
            let settings = GroupSettings.read("data/sample", .sample, package, nil, tree, &issues)
            let found = TestFiles(
                tree, in: "data/sample", isLegacy: false, needsAnswer: !package.isInteractive, &issues)
            for group in found.groups {
                issues.error(group, .contradiction, "data/sample has no groups")
            }
            var sample = TestGroup(name: "sample", staticValidation: settings.staticValidation)
            sample.tests = tests(found, settings, isSample: true, package, tree, &issues)
            whole.groups.append(sample)
        }
        guard tree.isDirectory("data/secret") else {
            issues.error("data/secret", .missingFile, "there is no secret test data")
            return
        }
        let secret = secret(package, tree, &issues)
        if secret.allTests.isEmpty, secret.allGroups.allSatisfy({ $0.staticValidation == nil }) {
            issues.error("data/secret", .missingFile, "there is no secret test")
        }
        whole.groups.append(secret)
        package.tests = whole
        checkRequirements(whole, &issues)
        readValidatorTests(tree, into: &package, &issues)
    }

    private static func secret(
        _ package: ProblemPackage, _ tree: PackageTree, _ issues: inout IssueList
    ) -> TestGroup {
        let settings = GroupSettings.read("data/secret", .secret, package, nil, tree, &issues)
        let found = TestFiles(
            tree, in: "data/secret", isLegacy: false, needsAnswer: !package.isInteractive, &issues)
        var secret = TestGroup(
            name: "secret", grading: settings.grading, requires: settings.requires,
            staticValidation: settings.staticValidation)
        secret.tests = tests(found, settings, isSample: false, package, tree, &issues)
        if !secret.tests.isEmpty, !found.groups.isEmpty {
            issues.error(
                "data/secret", .contradiction, "it has tests and groups; it may have one or the other")
        }
        for directory in found.groups {
            let own = GroupSettings.read(directory, .group, package, settings, tree, &issues)
            var group = TestGroup(
                name: String(directory.text.dropFirst("data/".count)), grading: own.grading,
                requires: own.requires, staticValidation: own.staticValidation)
            var queue = [directory]
            while let next = queue.popLast() {
                let found = TestFiles(
                    tree, in: next, isLegacy: false, needsAnswer: !package.isInteractive, &issues)
                group.tests += tests(found, own, isSample: false, package, tree, &issues)
                queue += found.groups.reversed()
                if next != directory, tree.isFile(next + "/test_group.yaml") {
                    issues.error(next + "/test_group.yaml", .contradiction, "a group has no groups in it")
                }
            }
            group.tests.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            if group.tests.isEmpty, group.staticValidation == nil {
                issues.error(directory, .missingFile, "the group has no test")
            }
            secret.groups.append(group)
        }
        return secret
    }

    private static func tests(
        _ found: TestFiles, _ settings: GroupSettings, isSample: Bool, _ package: ProblemPackage,
        _ tree: PackageTree, _ issues: inout IssueList
    ) -> [PackageTest] {
        found.tests.compactMap { name, suffixes in
            guard var test = found.test(name, suffixes: suffixes, tree, isSample: isSample) else {
                return nil
            }
            test.arguments = settings.arguments
            test.inputValidatorArguments = settings.inputArguments
            test.outputValidatorArguments = settings.outputArguments
            if suffixes.contains(".yaml") { readSettings(of: &test, tree, &issues) }
            return test
        }
    }

    private static func readSettings(
        of test: inout PackageTest, _ tree: PackageTree, _ issues: inout IssueList
    ) {
        let file = ByteString(test.input.packagePath.bytes.dropLast(3)) + ".yaml"
        guard let text = tree.text(of: file, issues: &issues),
            let node = YamlText.parse(text, file: file, issues: &issues),
            var keys = YamlMap(node, file: file, name: "", issues: &issues)
        else { return }
        if let value = keys.take("args") { test.arguments = value.strings(&issues) ?? [] }
        if let value = GroupSettings.inputArguments(&keys, &issues) { test.inputValidatorArguments = value }
        if let value = keys.take("output_validator_args") {
            test.outputValidatorArguments = value.strings(&issues) ?? []
        }
        for key in ["input_visualizer_args", "output_visualizer_args"] {
            _ = keys.take(key)?.strings(&issues)
        }
        _ = keys.take("full_feedback")?.boolean(&issues)
        for key in ["hint", "description"] { _ = keys.take(key)?.string(&issues) }
        keys.refuseOthers(&issues)
    }

    /// Each required group comes earlier, and is one that can be passed.
    private static func checkRequirements(_ whole: TestGroup, _ issues: inout IssueList) {
        let groups = whole.allGroups
        let byName = Dictionary(groups.map { ($0.name, $0) }) { first, _ in first }
        for group in groups where !group.requires.isEmpty {
            let file = ByteString("data/" + group.name + "/test_group.yaml")
            for name in group.requires {
                guard !name.isEmpty, let required = byName[name] else {
                    issues.error(
                        file, .invalidValue, "require_pass: there is no group \(ByteString(name).quoted)")
                    continue
                }
                if name == "sample" { continue }
                if group.name == "secret" || !name.utf8.lexicographicallyPrecedes(group.name.utf8) {
                    issues.error(
                        file, .contradiction,
                        "require_pass: \(ByteString(name).quoted) does not come before \(ByteString(group.name).quoted)"
                    )
                }
                if case .scored(let grading) = required.grading, grading.aggregation != .passFail {
                    issues.error(
                        file, .contradiction,
                        "require_pass: \(ByteString(name).quoted) does not have pass-fail aggregation")
                }
            }
        }
    }

    private static func readValidatorTests(
        _ tree: PackageTree, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        let kinds: [(ByteString, ValidatorTest.Kind)] = [
            ("data/invalid_input", .invalidInput), ("data/invalid_output", .invalidOutput),
            ("data/valid_output", .validOutput),
        ]
        for (top, kind) in kinds {
            var queue = tree.isDirectory(top) ? [top] : []
            while let directory = queue.popLast() {
                let settings = GroupSettings.read(directory, .sample, package, nil, tree, &issues)
                let found = TestFiles(
                    tree, in: directory, isLegacy: false,
                    needsAnswer: kind != .invalidInput && !package.isInteractive, &issues)
                queue += found.groups.reversed()
                for test in tests(found, settings, isSample: false, package, tree, &issues) {
                    let path = ByteString(test.input.packagePath.bytes.dropLast(3)) + ".out"
                    let output = tree.file(path)
                    if kind != .invalidInput, output == nil {
                        issues.error(path, .incompleteTest, "there is no output to be validated")
                    }
                    package.validatorTests.append(ValidatorTest(kind: kind, test: test, output: output))
                }
            }
        }
    }
}
#endif
