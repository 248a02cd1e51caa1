/// `test_group.yaml` of the 2025-09 format.

#if Judge
import SandboxAPI

/// What a group says of its tests and of its score.
struct GroupSettings {
    enum Place: Equatable { case sample, secret, group }

    var grading = Grading.allPass
    var requires: [String] = []
    var staticValidation: StaticValidation?
    var arguments: [String] = []
    var inputArguments = ValidatorArguments.all([])
    var outputArguments: [String] = []

    /// - Parameter secret: the settings of `data/secret`, for a group of it.
    static func read(
        _ directory: ByteString, _ place: Place, _ package: ProblemPackage, _ secret: GroupSettings?,
        _ tree: PackageTree, _ issues: inout IssueList
    ) -> GroupSettings {
        var settings = GroupSettings()
        if let secret {
            // A test's settings are inherited; those of the score are not.
            settings.arguments = secret.arguments
            settings.inputArguments = secret.inputArguments
            settings.outputArguments = secret.outputArguments
        }
        let file = directory + "/test_group.yaml"
        var keys: YamlMap?
        if let raw = tree.text(of: file, issues: &issues) {
            let text = String(decoding: package.replacingConstants(in: Array(raw.utf8)), as: UTF8.self)
            if text.utf8.count > tree.bounds.settings {
                issues.error(
                    file, .invalidText,
                    "with its constants the file is larger than \(tree.bounds.settings) bytes")
            } else if let node = YamlText.parse(text, file: file, issues: &issues) {
                keys = YamlMap(node, file: file, name: "", issues: &issues)
            }
        }
        if let value = keys?.take("args") { settings.arguments = value.strings(&issues) ?? [] }
        if keys != nil, let value = inputArguments(&keys!, &issues) { settings.inputArguments = value }
        if let value = keys?.take("output_validator_args") {
            settings.outputArguments = value.strings(&issues) ?? []
        }
        for key in ["input_visualizer_args", "output_visualizer_args"] {
            _ = keys?.take(key)?.strings(&issues)
        }
        _ = keys?.take("full_feedback")?.boolean(&issues)
        for key in ["hint", "description"] { _ = keys?.take(key)?.string(&issues) }
        settings.readScore(&keys, file, place, package, secret, &issues)
        if keys != nil { settings.readStaticValidation(&keys!, place, package, &issues) }
        keys?.refuseOthers(&issues)
        return settings
    }

    static func inputArguments(_ keys: inout YamlMap, _ issues: inout IssueList) -> ValidatorArguments? {
        guard let value = keys.take("input_validator_args") else { return nil }
        guard value.isMap, var map = value.map(&issues) else {
            return .all(value.strings(&issues) ?? [])
        }
        var named: [String: [String]] = [:]
        for name in map.keys { named[name] = map.take(name)?.strings(&issues) }
        return .named(named)
    }

    private mutating func readScore(
        _ keys: inout YamlMap?, _ file: ByteString, _ place: Place, _ package: ProblemPackage,
        _ secret: GroupSettings?, _ issues: inout IssueList
    ) {
        let values = ["max_score", "score_aggregation", "require_pass"].map { keys?.take($0) }
        for value in values {
            guard let value else { continue }
            if place == .sample {
                issues.error(file, line: value.line, .contradiction, "\(value.name) is not permitted here")
            } else if !package.isScoring {
                issues.error(
                    file, line: value.line, .contradiction,
                    "\(value.name) is for problems of the type scoring")
            }
        }
        guard package.isScoring, place != .sample else { return }
        requires = values[2]?.strings(orOne: true, &issues) ?? []

        var aggregation = place == .secret ? ScoredGrading.Aggregation.sum : .passFail
        if let value = values[1] {
            if let chosen = value.text.flatMap(ScoredGrading.Aggregation.init(rawValue:)) {
                aggregation = chosen
            } else {
                value.refuse("pass-fail, sum or min", &issues)
            }
        }
        var maximum: Double? = place == .secret ? 100 : nil
        if let value = values[0] {
            if value.text == "unbounded" {
                maximum = nil
            } else {
                maximum = value.integer(0...1_000_000_000, "a whole number, or unbounded", &issues).map(
                    Double.init)
            }
        }
        grading = .scored(ScoredGrading(aggregation, maximum: maximum))
        let line = (values[0] ?? values[1])?.line
        if aggregation == .passFail, maximum == nil {
            issues.error(file, line: line, .contradiction, "pass-fail aggregation needs a max_score")
        }
        guard let secret, case .scored(let all) = secret.grading else { return }
        if maximum == nil, all.maximum != nil, aggregation != .passFail {
            issues.error(
                file, line: line, .contradiction,
                "max_score is unbounded, and data/secret has a maximum of \(all.maximum!)")
        }
        if all.aggregation == .passFail, aggregation != .passFail {
            issues.error(
                file, line: line, .contradiction,
                "data/secret has pass-fail aggregation, so its groups must, too")
        }
    }

    private mutating func readStaticValidation(
        _ keys: inout YamlMap, _ place: Place, _ package: ProblemPackage, _ issues: inout IssueList
    ) {
        let arguments = keys.take("static_validator_args")
        guard let score = keys.take("static_validation_score") else {
            if let arguments {
                issues.error(
                    keys.file, line: arguments.line, .contradiction,
                    "static_validator_args without static_validation_score")
            }
            return
        }
        var validation = StaticValidation(arguments: arguments?.strings(&issues) ?? [], maximumScore: nil)
        if score.text != "pass-fail" {
            validation.maximumScore = score.integer(
                0...1_000_000_000, "a whole number, or pass-fail", &issues
            ).map(Double.init)
        }
        let isPassFail: Bool
        if case .scored(let own) = grading {
            isPassFail = own.aggregation == .passFail
        } else {
            isPassFail = true
        }
        if isPassFail != (validation.maximumScore == nil) {
            issues.error(
                keys.file, line: score.line, .contradiction,
                isPassFail
                    ? "a static validation score needs sum or min aggregation"
                    : "a pass-fail static validation needs pass-fail aggregation")
        }
        if package.isSubmitAnswer {
            issues.error(
                keys.file, line: score.line, .contradiction, "submit-answer excludes static validation")
        }
        staticValidation = validation
    }
}
#endif
