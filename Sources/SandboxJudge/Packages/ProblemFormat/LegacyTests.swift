/// The test data of the legacy format: a tree of groups with `testdata.yaml`.

#if Judge
import SandboxAPI

enum LegacyTests {
    /// What a group passes on to those in it.
    private struct Settings {
        var grading = LegacyGrading()
        /// The package's own grader counts, with `graderFlags`.
        var isCustom = false
        var graderFlags: [String] = []
        var inputFlags = ValidatorArguments.all([])
        var outputFlags: [String] = []

        /// How a group of these settings is graded.
        var groupGrading: Grading {
            isCustom ? .custom(CustomGrading(arguments: graderFlags, rules: grading)) : .graded(grading)
        }
    }

    /// - Parameter keys: the flags that all output validators get.
    static func read(
        _ tree: PackageTree, into package: inout ProblemPackage, keys flags: [String],
        _ issues: inout IssueList
    ) {
        guard tree.isDirectory("data/secret") else {
            issues.error("data/secret", .missingFile, "there is no secret test data")
            return
        }
        if tree.isFile("data/test_group.yaml") {
            TestFiles.check("data/test_group.yaml", "test_group.yaml", isLegacy: true, &issues)
        }
        let root = settings(in: "data", Settings(), package, tree, &issues)
        var whole = TestGroup(name: "", grading: root.groupGrading)
        for name in ["sample", "secret"] as [ByteString] where tree.isDirectory("data/" + name) {
            whole.groups.append(
                group("data/" + name, root, flags, isSample: name == "sample", package, tree, &issues))
        }
        if whole.groups.last?.allTests.isEmpty ?? true {
            issues.error("data/secret", .missingFile, "there is no secret test")
        }
        package.tests = whole
    }

    private static func group(
        _ directory: ByteString, _ inherited: Settings, _ flags: [String], isSample: Bool,
        _ package: ProblemPackage, _ tree: PackageTree, _ issues: inout IssueList
    ) -> TestGroup {
        let own = settings(in: directory, inherited, package, tree, &issues)
        let found = TestFiles(
            tree, in: directory, isLegacy: true, needsAnswer: !package.isInteractive, &issues)
        var group = TestGroup(
            name: String(directory.text.dropFirst("data/".count)), grading: own.groupGrading)
        for (name, suffixes) in found.tests {
            guard var test = found.test(name, suffixes: suffixes, tree, isSample: isSample) else { continue }
            test.inputValidatorArguments = own.inputFlags
            test.outputValidatorArguments = flags + own.outputFlags
            if suffixes.contains(".args"), let text = tree.text(of: test.path(".args"), issues: &issues) {
                test.arguments = text.split(whereSeparator: \.isWhitespace).map(String.init)
            }
            group.tests.append(test)
        }
        group.groups = found.groups.map {
            self.group($0, own, flags, isSample: isSample, package, tree, &issues)
        }
        return group
    }

    private static func settings(
        in directory: ByteString, _ inherited: Settings, _ package: ProblemPackage, _ tree: PackageTree,
        _ issues: inout IssueList
    ) -> Settings {
        var inherited = inherited
        inherited.grading.ignoresSample = false
        let file = directory + "/testdata.yaml"
        guard let text = tree.text(of: file, issues: &issues),
            let node = YamlText.parse(text, file: file, issues: &issues),
            var keys = YamlMap(node, file: file, name: "", issues: &issues)
        else { return inherited }
        // What a file does not say is as in the group around it, as the format's own tools have it.
        var own = inherited
        if let value = keys.take("on_reject") {
            if !["break", "continue"].contains(value.text) { value.refuse("break or continue", &issues) }
            own.grading.breaksOnReject = value.text != "continue"
        }
        if let value = keys.take("grading") {
            if value.text != "default", value.text != "custom" { value.refuse("default or custom", &issues) }
            own.isCustom = value.text == "custom"
            if own.isCustom, package.grader == nil {
                issues.error(
                    file, line: value.line, .missingFile,
                    "`grading` is custom, and there is no grader in graders/")
            }
        }
        if let value = keys.take("grader_flags"), let flags = value.string(&issues) {
            own.graderFlags = words(flags)
            if own.isCustom {
                // They mean what the package's grader says.
                own.grading.resetFlags()
            } else {
                read(own.graderFlags, value, isRoot: directory == "data", into: &own.grading, &issues)
            }
        }
        if let flags = inputFlags(&keys, &issues) { own.inputFlags = flags }
        if let value = keys.take("output_validator_flags") {
            if value.isMap {
                if var map = value.map(&issues) {
                    _ = map.take("name")?.string(&issues)
                    own.outputFlags = map.take("flags")?.string(&issues).map(Self.words) ?? []
                    map.refuseOthers(&issues)
                }
            } else if let flags = value.string(&issues) {
                own.outputFlags = words(flags)
            }
        }
        readScores(&keys, isScoring: package.isScoring, into: &own.grading, &issues)
        _ = keys.take("run_samples")
        keys.refuseOthers(&issues)
        return own
    }

    private static func inputFlags(_ keys: inout YamlMap, _ issues: inout IssueList) -> ValidatorArguments? {
        guard let value = keys.take("input_validator_flags") else { return nil }
        guard value.isMap, var map = value.map(&issues) else {
            return .all(value.string(&issues).map(words) ?? [])
        }
        if let name = map.take("name") {
            let flags = map.take("flags")?.string(&issues).map(words) ?? []
            map.refuseOthers(&issues)
            return .named([name.string(&issues) ?? "": flags])
        }
        var named: [String: [String]] = [:]
        for validator in map.keys { named[validator] = map.take(validator)?.string(&issues).map(words) }
        return .named(named)
    }

    private static func readScores(
        _ keys: inout YamlMap, isScoring: Bool, into grading: inout LegacyGrading, _ issues: inout IssueList
    ) {
        let every = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
        for key in ["accept_score", "reject_score", "range"] {
            guard let value = keys.take(key) else { continue }
            if !isScoring {
                issues.warn(
                    value.file, line: value.line, .contradiction, "\(key) is for problems of the type scoring"
                )
            }
            switch key {
            case "accept_score": grading.acceptScore = value.number(every, "a number", &issues) ?? 1
            case "reject_score": grading.rejectScore = value.number(every, "a number", &issues) ?? 0
            default:
                let bounds = words(value.text ?? "").map(bound)
                if bounds.count == 2, let low = bounds[0], let high = bounds[1], low <= high {
                    grading.range = low...high
                } else {
                    value.refuse("two numbers, the smaller one first", &issues)
                }
            }
        }
    }

    private static func bound(_ text: String) -> Double? {
        switch text {
        case "inf", "+inf": .infinity
        case "-inf": -.infinity
        default: YamlValue.decimal(text)
        }
    }

    private static func read(
        _ flags: [String], _ value: YamlValue, isRoot: Bool, into grading: inout LegacyGrading,
        _ issues: inout IssueList
    ) {
        grading.resetFlags()
        for flag in flags {
            if let mode = LegacyGrading.VerdictMode(rawValue: flag) {
                grading.verdictMode = mode
            } else if let mode = LegacyGrading.ScoreMode(rawValue: flag) {
                grading.scoreMode = mode
            } else if flag == "no_errors" {
                // An older name.
                grading.verdictMode = .worstError
            } else if flag == "accept_if_any_accepted" {
                grading.acceptsIfAnyAccepted = true
            } else if flag == "ignore_sample" {
                grading.ignoresSample = true
                if !isRoot {
                    issues.error(
                        value.file, line: value.line, .contradiction,
                        "ignore_sample is for data/testdata.yaml alone")
                }
            } else {
                value.refuse("flags of the default grader; \(ByteString(flag).quoted) is none", &issues)
            }
        }
    }

    private static func words(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map(String.init)
    }
}

extension PackageTest {
    /// The package's path of another file of the test.
    fileprivate func path(_ suffix: ByteString) -> ByteString {
        ByteString(input.packagePath.bytes.dropLast(".in".utf8.count)) + suffix
    }
}
#endif
