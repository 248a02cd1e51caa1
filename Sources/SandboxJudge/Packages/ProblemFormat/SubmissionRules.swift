/// `submissions.yaml` of the 2025-09 format, and the rules of the standard directories.

#if Judge
import SandboxAPI
import Yams

/// What is asked of submissions, by patterns of their paths.
struct SubmissionRules {
    struct Rule {
        var pattern: GlobPattern
        var line: Int?
        var language: String?
        var entryPoint: String?
        /// The rule for all tests, and those for some.
        var expectations: [Expectation] = []
    }

    var rules: [Rule]
    private static let file: ByteString = "submissions/submissions.yaml"

    init(defaults rules: [Rule]) { self.rules = rules }

    private static var standard: [String: Expectation] {
        var accepted = Expectation(permitted: [.accepted])
        accepted.timeLimitUse = .lower
        var wrong = Expectation(permitted: [.accepted, .wrongAnswer], required: [.wrongAnswer])
        wrong.timeLimitUse = .lower
        var slow = Expectation(permitted: [.accepted, .timeLimitExceeded], required: [.timeLimitExceeded])
        slow.timeLimitUse = .upper
        var crash = Expectation(permitted: [.accepted, .runtimeError], required: [.runtimeError])
        crash.timeLimitUse = .lower
        return [
            "accepted": accepted, "wrong_answer": wrong, "time_limit_exceeded": slow, "run_time_error": crash,
            "rejected": Expectation(required: [.runtimeError, .timeLimitExceeded, .wrongAnswer]),
            "brute_force": Expectation(
                permitted: [.accepted, .runtimeError, .timeLimitExceeded],
                required: [.runtimeError, .timeLimitExceeded]),
        ]
    }

    static func read(_ tree: PackageTree, isScoring: Bool, _ issues: inout IssueList) -> SubmissionRules {
        var standard = standard
        var rules: [Rule] = []
        if let text = tree.text(of: file, issues: &issues),
            let node = YamlText.parse(text, file: file, issues: &issues),
            var keys = YamlMap(node, file: file, name: "", issues: &issues)
        {
            for key in keys.keys {
                guard let value = keys.take(key), var map = value.map(&issues) else { continue }
                // The name of a standard directory replaces its rule, key by key.
                let base = standard.removeValue(forKey: key)
                guard let pattern = pattern(key, value.line, &issues) else { continue }
                rules.append(
                    rule(&map, pattern, value.line, base: base, isScoring: isScoring, &issues))
            }
        }
        for (name, expectation) in standard.sorted(by: { $0.key < $1.key }) {
            rules.append(Rule(pattern: GlobPattern(name)!, expectations: [expectation]))
        }
        return SubmissionRules(defaults: rules)
    }

    private static func pattern(_ text: String, _ line: Int, _ issues: inout IssueList) -> GlobPattern? {
        if let pattern = GlobPattern(text), !text.contains("**"), !text.contains("["), !text.isEmpty {
            return pattern
        }
        issues.error(
            file, line: line, .invalidValue,
            "\(ByteString(text).quoted) is no pattern: `*` within a name and `{a,b}` are supported")
        return nil
    }

    private static func rule(
        _ map: inout YamlMap, _ pattern: GlobPattern, _ line: Int, base: Expectation?, isScoring: Bool,
        _ issues: inout IssueList
    ) -> Rule {
        var rule = Rule(pattern: pattern, line: line)
        rule.language = map.take("language")?.string(&issues)
        rule.entryPoint = map.take("entrypoint")?.string(&issues)
        for key in ["author", "authors"] { _ = map.take(key) }
        _ = map.take("model_solution")?.boolean(&issues)
        if let all = expectation(&map, scope: nil, base: base, isScoring: isScoring, &issues) {
            rule.expectations.append(all)
        }
        for key in map.keys where key.hasPrefix("sample") || key.hasPrefix("secret") || key.hasPrefix("*") {
            guard let value = map.take(key), var scoped = value.map(&issues),
                let scope = Self.pattern(key, value.line, &issues)
            else { continue }
            if let own = expectation(&scoped, scope: scope, base: nil, isScoring: isScoring, &issues) {
                rule.expectations.append(own)
            }
            scoped.refuseOthers(&issues)
        }
        map.refuseOthers(&issues)
        return rule
    }

    /// - Returns: `nil` when nothing is expected.
    private static func expectation(
        _ map: inout YamlMap, scope: GlobPattern?, base: Expectation?, isScoring: Bool,
        _ issues: inout IssueList
    ) -> Expectation? {
        var expectation = base ?? Expectation()
        expectation.scope = scope
        var isEmpty = base == nil
        func verdicts(_ value: YamlValue, _ issues: inout IssueList) -> Set<Verdict>? {
            guard let names = value.strings(&issues) else { return nil }
            let set = Set(names.map { Verdict(rawValue: $0) })
            if set.isSubset(of: Expectation.anyVerdict), !set.isEmpty { return set }
            value.refuse("a sequence of AC, WA, TLE and RTE", &issues)
            return nil
        }
        if let value = map.take("permitted"), let set = verdicts(value, &issues) {
            (expectation.permitted, isEmpty) = (set, false)
        }
        if let value = map.take("required"), let set = verdicts(value, &issues) {
            (expectation.required, isEmpty) = (set, false)
        }
        if let value = map.take("score") {
            expectation.score = score(value, isScoring: isScoring, &issues)
            isEmpty = false
        }
        if let value = map.take("message") {
            (expectation.message, isEmpty) = (value.string(&issues), false)
        }
        if let required = expectation.required, required.isDisjoint(with: expectation.permitted) {
            issues.error(file, line: map.line, .contradiction, "no required verdict is permitted")
        }
        if !expectation.permitted.contains(.timeLimitExceeded) {
            expectation.timeLimitUse = .lower
        } else if expectation.required == [.timeLimitExceeded] {
            expectation.timeLimitUse = .upper
        } else {
            expectation.timeLimitUse = .none
        }
        if let value = map.take("use_for_time_limit") {
            isEmpty = false
            switch value.text {
            case "false": expectation.timeLimitUse = .none
            case "true": break
            case "lower": expectation.timeLimitUse = .lower
            case "upper": expectation.timeLimitUse = .upper
            default: value.refuse("true, false, lower or upper", &issues)
            }
        }
        return isEmpty ? nil : expectation
    }

    private static func score(
        _ value: YamlValue, isScoring: Bool, _ issues: inout IssueList
    ) -> ClosedRange<Double>? {
        if !isScoring {
            issues.error(
                value.file, line: value.line, .contradiction, "score is for problems of the type scoring")
        }
        let numbers = value.strings(orOne: true, &issues)?.map(YamlValue.decimal) ?? []
        if numbers.count == 1, let number = numbers[0] { return number...number }
        if numbers.count == 2, let low = numbers[0], let high = numbers[1], low <= high { return low...high }
        value.refuse("a number, or two with the smaller one first", &issues)
        return nil
    }

    // MARK: Use

    func expectations(of path: String) -> [Expectation] {
        rules.filter { $0.pattern.matches(path) }.flatMap(\.expectations)
    }

    /// The last rule that names one wins.
    func language(of path: String) -> (language: String?, entryPoint: String?) {
        let matching = rules.filter { $0.pattern.matches(path) }
        return (
            matching.last { $0.language != nil }?.language, matching.last { $0.entryPoint != nil }?.entryPoint
        )
    }

    func warnUnused(_ submissions: [PackageSubmission], _ issues: inout IssueList) {
        let paths = submissions.map { String($0.program.path.text.dropFirst("submissions/".count)) }
        for rule in rules {
            guard let line = rule.line, !paths.contains(where: rule.pattern.matches) else { continue }
            issues.warn(
                Self.file, line: line, .invalidValue,
                "\(ByteString(rule.pattern.text).quoted) matches no submission")
        }
    }
}
#endif
