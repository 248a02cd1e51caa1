/// `problem.yaml` of the legacy format.

#if Judge
import SandboxAPI
import Yams

enum LegacySettings {
    static func read(_ keys: inout YamlMap, into package: inout ProblemPackage, _ issues: inout IssueList) {
        if let name = keys.take("name") {
            // Tools of the time between the versions write one name for each language.
            if case .mapping(let names) = name.node {
                package.name = names.first?.value.scalar?.string ?? package.name
            } else if let text = name.string(&issues) {
                package.name = text
            }
        }
        if let type = keys.take("type"), let words = type.string(&issues)?.split(separator: " ") {
            for word in words {
                switch word {
                case "pass-fail": break
                case "scoring": package.isScoring = true
                case "interactive": package.isInteractive = true
                case "multi-pass": package.isMultiPass = true
                default: type.refuse("pass-fail or scoring", &issues)
                }
            }
        }
        readValidation(&keys, into: &package, &issues)
        for key in ["uuid", "author", "source", "source_url", "rights_owner", "libraries", "validator_flags"]
        {
            _ = keys.take(key)?.string(&issues)
        }
        if let license = keys.take("license"), let text = license.string(&issues) {
            SettingsCheck.license(text, license, &issues)
        }
        // Lists of languages and keywords are texts with blanks, or sequences.
        if let languages = keys.take("languages"), let list = languages.strings(orOne: true, &issues) {
            let words = list.flatMap { $0.split(separator: " ").map(String.init) }
            if words != ["all"] { package.languages = words }
        }
        _ = keys.take("keywords")?.strings(orOne: true, &issues)
        if var grading = keys.take("grading")?.map(&issues) {
            if let objective = grading.take("objective"), !["min", "max"].contains(objective.text) {
                objective.refuse("min or max", &issues)
            }
            _ = grading.take("show_test_data_groups")?.boolean(&issues)
            for key in ["on_reject", "grader_flags", "accept_score", "reject_score", "range"] {
                guard let value = grading.take(key) else { continue }
                issues.error(
                    value.file, line: value.line, .contradiction, "\(key) is a key of data/testdata.yaml")
            }
            grading.refuseOthers(&issues)
        }
        package.limits.timing = .legacy
        if var limits = keys.take("limits")?.map(&issues) {
            readLimits(&limits, into: &package.limits, &issues)
            limits.refuseOthers(&issues)
        }
        keys.refuseOthers(&issues)
    }

    private static func readValidation(
        _ keys: inout YamlMap, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        guard let validation = keys.take("validation"), let text = validation.string(&issues) else { return }
        let words = text.split(separator: " ").map(String.init)
        guard let first = words.first, first == "default" || first == "custom" else {
            return validation.refuse("default, or custom with interactive, score and multi-pass", &issues)
        }
        for word in words.dropFirst() {
            switch word {
            case "interactive" where first == "custom": package.isInteractive = true
            case "multi-pass" where first == "custom": package.isMultiPass = true
            case "score" where first == "custom":
                if !package.isScoring {
                    issues.error(
                        validation.file, line: validation.line, .contradiction,
                        "`score` is for problems of the type scoring")
                }
            default: validation.refuse("default, or custom with interactive, score and multi-pass", &issues)
            }
        }
        // The validators themselves are read later.
        if first == "custom" { package.output = .validators([]) }
    }

    private static func readLimits(
        _ keys: inout YamlMap, into limits: inout PackageLimits, _ issues: inout IssueList
    ) {
        if let value = keys.take("time_multiplier") {
            limits.timing.acceptedToLimit =
                value.number(1...1000, "a number, 1 to 1000", &issues) ?? limits.timing.acceptedToLimit
        }
        if let value = keys.take("time_safety_margin") {
            limits.timing.limitToTooSlow =
                value.number(1...1000, "a number, 1 to 1000", &issues) ?? limits.timing.limitToTooSlow
        }
        if let value = keys.take("time_resolution"), let seconds = SettingsCheck.seconds(value, &issues) {
            limits.timing.resolution = seconds
        }
        if let value = keys.take("time_limit") { limits.time = SettingsCheck.seconds(value, &issues) }
        SettingsCheck.readSizes(&keys, into: &limits, &issues)
        if let value = keys.take("validation_passes") {
            limits.passes = value.integer(2...1000, "a whole number, 2 to 1000", &issues) ?? limits.passes
        }
    }

    /// The flags that all output validators get, from a `problem.yaml` that was read.
    static func flags(of node: Node) -> [String] {
        (node["validator_flags"]?.scalar?.string ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// `.timelimit` (Kattis) and `domjudge-problem.ini`, where tools of the legacy format keep a time limit.
    static func readTimeLimitFiles(
        _ tree: PackageTree, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        guard package.limits.time == nil else { return }
        if let text = tree.text(of: ".timelimit", issues: &issues) {
            take(text, ".timelimit", line: 1, into: &package, &issues)
        } else if let text = tree.text(of: "domjudge-problem.ini", issues: &issues) {
            for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let parts = line.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, parts[0].filter({ !$0.isWhitespace }) == "timelimit" else { continue }
                let value = parts[1].filter { !$0.isWhitespace && $0 != "'" && $0 != "\"" && $0 != "\r" }
                take(value, "domjudge-problem.ini", line: index + 1, into: &package, &issues)
            }
        }
    }

    private static func take(
        _ text: String, _ file: ByteString, line: Int, into package: inout ProblemPackage,
        _ issues: inout IssueList
    ) {
        let trimmed = text.filter { !$0.isWhitespace }
        if let seconds = YamlValue.decimal(trimmed), (0.001...86_400).contains(seconds) {
            package.limits.time = .seconds(seconds)
        } else {
            issues.error(file, line: line, .invalidValue, "the time limit must be seconds, 0.001 to 86400")
        }
    }
}

/// What both versions of the format have in common.
enum SettingsCheck {
    private static let licenses = [
        "unknown", "public domain", "cc0", "cc by", "cc by-sa", "educational", "permission",
    ]

    static func license(_ text: String, _ value: YamlValue, _ issues: inout IssueList) {
        if licenses.contains(text) { return }
        issues.warn(
            value.file, line: value.line, .invalidValue,
            "license must be one of \(licenses.joined(separator: ", "))")
    }

    static func seconds(_ value: YamlValue, _ issues: inout IssueList) -> Duration? {
        value.number(0.001...86_400, "seconds, 0.001 to 86400", &issues).map { .seconds($0) }
    }

    static func readSizes(_ keys: inout YamlMap, into limits: inout PackageLimits, _ issues: inout IssueList)
    {
        func size(_ key: String, unit: Int, _ keys: inout YamlMap, _ issues: inout IssueList) -> Int? {
            keys.take(key)?.integer(1...(1 << 20), "a whole number, 1 to 1048576", &issues).map { $0 * unit }
        }
        func time(_ key: String, _ keys: inout YamlMap, _ issues: inout IssueList) -> Duration? {
            keys.take(key).flatMap { seconds($0, &issues) }
        }
        limits.memory = size("memory", unit: 1 << 20, &keys, &issues)
        limits.output = size("output", unit: 1 << 20, &keys, &issues)
        limits.code = size("code", unit: 1 << 10, &keys, &issues)
        limits.compilationTime = time("compilation_time", &keys, &issues)
        limits.compilationMemory = size("compilation_memory", unit: 1 << 20, &keys, &issues)
        limits.validationTime = time("validation_time", &keys, &issues)
        limits.validationMemory = size("validation_memory", unit: 1 << 20, &keys, &issues)
        limits.validationOutput = size("validation_output", unit: 1 << 20, &keys, &issues)
    }
}
#endif
