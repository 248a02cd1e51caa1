/// `problem.yaml` of the 2025-09 format.

#if Judge
import SandboxAPI
import Yams

enum Settings2025 {
    static func read(_ keys: inout YamlMap, into package: inout ProblemPackage, _ issues: inout IssueList) {
        if let name = keys.take("name") {
            if case .mapping(let names) = name.node {
                let english = names.first { $0.key.scalar?.string == "en" } ?? names.first
                package.name = english?.value.scalar?.string ?? package.name
                if names.isEmpty { name.refuse("text, or a map of languages to names", &issues) }
            } else if let text = name.string(&issues) {
                package.name = text
            }
        } else {
            issues.warn(keys.file, line: keys.line, .missingKey, "name is missing")
        }
        readType(&keys, into: &package, &issues)
        if let uuid = keys.take("uuid") {
            _ = uuid.string(&issues)
        } else {
            issues.warn(keys.file, line: keys.line, .missingKey, "uuid is missing")
        }
        for key in ["version", "rights_owner"] { _ = keys.take(key)?.string(&issues) }
        readCredits(&keys, &issues)
        readSource(&keys, &issues)
        if let license = keys.take("license"), let text = license.string(&issues) {
            SettingsCheck.license(text, license, &issues)
        }
        if let date = keys.take("embargo_until"), let text = date.string(&issues), !isDate(text) {
            date.refuse("a day (2025-09-30) or a time in UTC (2025-09-30T12:00:00Z)", &issues)
        }
        _ = keys.take("keywords")?.strings(&issues)
        if let languages = keys.take("languages"), let list = languages.strings(orOne: true, &issues) {
            if list.isEmpty { languages.refuse("`all`, or languages", &issues) }
            if list != ["all"] { package.languages = list }
        }
        _ = keys.take("allow_file_writing")?.boolean(&issues)
        readConstants(&keys, into: &package, &issues)
        if var limits = keys.take("limits")?.map(&issues) {
            readLimits(&limits, into: &package, &issues)
            limits.refuseOthers(&issues)
        }
        keys.refuseOthers(&issues)
    }

    private static func readType(
        _ keys: inout YamlMap, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        guard let type = keys.take("type"), let names = type.strings(orOne: true, &issues) else { return }
        var isPassFail = false
        for name in names {
            switch name {
            case "pass-fail": isPassFail = true
            case "scoring": package.isScoring = true
            case "multi-pass": package.isMultiPass = true
            case "interactive": package.isInteractive = true
            case "submit-answer": package.isSubmitAnswer = true
            default:
                type.refuse("of pass-fail, scoring, multi-pass, interactive, submit-answer", &issues)
            }
        }
        func contradiction(_ text: String) {
            issues.error(type.file, line: type.line, .contradiction, "type: \(text)")
        }
        if names.isEmpty { type.refuse("not empty", &issues) }
        if Set(names).count < names.count { contradiction("a value stands twice") }
        if isPassFail, package.isScoring { contradiction("pass-fail and scoring exclude each other") }
        if package.isSubmitAnswer, package.isMultiPass || package.isInteractive {
            contradiction("submit-answer excludes multi-pass and interactive")
        }
    }

    private static func readLimits(
        _ keys: inout YamlMap, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        var limits = package.limits
        if var factors = keys.take("time_multipliers")?.map(&issues) {
            if let value = factors.take("ac_to_time_limit") {
                limits.timing.acceptedToLimit = value.number(1...1000, "a number, 1 to 1000", &issues) ?? 2
            }
            if let value = factors.take("time_limit_to_tle") {
                limits.timing.limitToTooSlow = value.number(1...1000, "a number, 1 to 1000", &issues) ?? 1.5
            }
            factors.refuseOthers(&issues)
        }
        if let value = keys.take("time_resolution"), let seconds = SettingsCheck.seconds(value, &issues) {
            limits.timing.resolution = seconds
        }
        if let value = keys.take("time_limit") { limits.time = SettingsCheck.seconds(value, &issues) }
        SettingsCheck.readSizes(&keys, into: &limits, &issues)
        if let value = keys.take("validation_passes") {
            if !package.isMultiPass {
                issues.error(
                    value.file, line: value.line, .contradiction,
                    "validation_passes is for multi-pass problems")
            }
            limits.passes = value.integer(2...1000, "a whole number, 2 to 1000", &issues) ?? 2
        }
        package.limits = limits
    }

    private static func readConstants(
        _ keys: inout YamlMap, into package: inout ProblemPackage, _ issues: inout IssueList
    ) {
        guard let constants = keys.take("constants"), case .mapping(let pairs) = constants.node else {
            return
        }
        for (key, value) in pairs {
            guard let name = key.scalar?.string, isIdentifier(name) else {
                constants.refuse("a map with names of letters, digits and _", &issues)
                continue
            }
            guard let text = value.scalar?.string else {
                constants.refuse("a map to numbers and texts", &issues)
                continue
            }
            package.constants[name] = text
        }
    }

    private static func isIdentifier(_ name: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
        }
        guard let first = name.utf8.first, isLetter(first) else { return false }
        return name.utf8.allSatisfy { isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isDate(_ text: String) -> Bool {
        let pattern = Array((text.utf8.count > 10 ? "dddd-dd-ddTdd:dd:ddZ" : "dddd-dd-dd").utf8)
        let bytes = Array(text.utf8)
        return bytes.count == pattern.count
            && zip(bytes, pattern).allSatisfy { byte, wanted in
                wanted == UInt8(ascii: "d")
                    ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == wanted
            }
    }

    // MARK: People

    private static func readCredits(_ keys: inout YamlMap, _ issues: inout IssueList) {
        guard let credits = keys.take("credits"), credits.text == nil, var map = credits.map(&issues) else {
            return
        }
        for key in ["authors", "contributors", "testers", "packagers", "acknowledgements"] {
            if let people = map.take(key) { checkPeople(people, &issues) }
        }
        if let translators = map.take("translators"), let byLanguage = translators.map(&issues) {
            var byLanguage = byLanguage
            for language in byLanguage.keys {
                if let people = byLanguage.take(language) { checkPeople(people, &issues) }
            }
        }
        map.refuseOthers(&issues)
    }

    private static func checkPeople(_ people: YamlValue, _ issues: inout IssueList) {
        let nodes: [Node] = if case .sequence(let all) = people.node { Array(all) } else { [people.node] }
        if nodes.isEmpty { people.refuse("a person, or several", &issues) }
        for node in nodes where node.scalar == nil {
            guard var person = YamlMap(node, file: people.file, name: people.name, issues: &issues) else {
                continue
            }
            _ = person.require("name", issues: &issues)
            for key in ["email", "orcid", "kattis"] { _ = person.take(key) }
            person.refuseOthers(&issues)
        }
    }

    private static func readSource(_ keys: inout YamlMap, _ issues: inout IssueList) {
        guard let source = keys.take("source") else { return }
        let nodes: [Node] = if case .sequence(let all) = source.node { Array(all) } else { [source.node] }
        for node in nodes where node.scalar == nil {
            guard var entry = YamlMap(node, file: source.file, name: source.name, issues: &issues) else {
                continue
            }
            _ = entry.require("name", issues: &issues)
            _ = entry.take("url")
            entry.refuseOthers(&issues)
        }
    }
}
#endif
