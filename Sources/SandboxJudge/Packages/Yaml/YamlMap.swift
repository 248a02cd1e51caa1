/// Takes the keys of a YAML mapping one by one, and reports wrong types and keys that nobody took.

#if Judge
import SandboxAPI
import Yams

/// A mapping of which each key is taken once.
struct YamlMap {
    let file: ByteString
    /// Where the mapping begins.
    let line: Int
    private var pairs: [(key: String, line: Int, value: Node)] = []
    /// What the mapping is, for messages: `limits`.
    let name: String
    /// So many keys a mapping may have.
    private static let mostKeys = 2000

    /// - Returns: `nil` with an issue when the node is not a mapping with keys of text.
    init?(_ node: Node, file: ByteString, name: String, issues: inout IssueList) {
        self.file = file
        self.name = name
        line = node.mark?.line ?? 1
        guard case .mapping(let mapping) = node else {
            issues.error(file, line: node.mark?.line, .invalidValue, "\(name) must be a map")
            return nil
        }
        guard mapping.count <= Self.mostKeys else {
            issues.error(
                file, line: node.mark?.line, .invalidText,
                "\(name.isEmpty ? "the file" : name) has more than \(Self.mostKeys) keys")
            return nil
        }
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                issues.error(file, line: key.mark?.line, .invalidValue, "a key of \(name) is not text")
                continue
            }
            pairs.append((scalar.string, scalar.mark?.line ?? line, value))
        }
    }

    var keys: [String] { pairs.map(\.key) }

    /// A key and its value, taken away. A null counts as no value, as the formats' tools have it.
    mutating func take(_ key: String) -> YamlValue? {
        guard let index = pairs.firstIndex(where: { $0.key == key }) else { return nil }
        let pair = pairs.remove(at: index)
        let value = YamlValue(
            node: pair.value, file: file, line: pair.value.mark?.line ?? pair.line,
            name: name.isEmpty ? key : "\(name).\(key)")
        return value.isNull ? nil : value
    }

    /// Takes a key that must be there.
    mutating func require(_ key: String, issues: inout IssueList) -> YamlValue? {
        if let value = take(key) { return value }
        issues.error(file, line: line, .missingKey, "\(name.isEmpty ? key : "\(name).\(key)") is missing")
        return nil
    }

    /// Reports the keys that are left.
    func refuseOthers(_ issues: inout IssueList) {
        for pair in pairs {
            issues.error(
                file, line: pair.line, .unknownKey,
                "unknown key \(ByteString(pair.key).quoted)\(name.isEmpty ? "" : " in \(name)")")
        }
    }
}

/// A value, with its place for messages.
struct YamlValue {
    let node: Node
    let file: ByteString
    let line: Int
    /// `limits.memory`.
    let name: String

    var isNull: Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else {
            return false
        }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    var isMap: Bool { node.mapping != nil }

    func refuse(_ wanted: String, _ issues: inout IssueList) {
        issues.error(file, line: line, .invalidValue, "\(name) must be \(wanted)")
    }

    /// A scalar as text, also a number or a date.
    var text: String? {
        guard case .scalar(let scalar) = node else { return nil }
        return scalar.string
    }

    func string(_ issues: inout IssueList) -> String? {
        if let text { return text }
        refuse("text", &issues)
        return nil
    }

    func boolean(_ issues: inout IssueList) -> Bool? {
        switch text {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default:
            refuse("true or false", &issues)
            return nil
        }
    }

    /// A finite number.
    func number(_ range: ClosedRange<Double>, _ wanted: String, _ issues: inout IssueList) -> Double? {
        if let text, let number = Self.decimal(text), range.contains(number) { return number }
        refuse(wanted, &issues)
        return nil
    }

    func integer(_ range: ClosedRange<Int>, _ wanted: String, _ issues: inout IssueList) -> Int? {
        if let text, let number = Int(text), range.contains(number) { return number }
        refuse(wanted, &issues)
        return nil
    }

    /// One text, or a sequence of texts.
    func strings(orOne: Bool = false, _ issues: inout IssueList) -> [String]? {
        if orOne, let text { return [text] }
        if case .sequence(let sequence) = node {
            let all = sequence.map { node -> String? in
                if case .scalar(let scalar) = node { return scalar.string }
                return nil
            }
            if !all.contains(nil) { return all.compactMap { $0 } }
        }
        refuse(orOne ? "text or a sequence of texts" : "a sequence of texts", &issues)
        return nil
    }

    func map(_ issues: inout IssueList) -> YamlMap? {
        YamlMap(node, file: file, name: name, issues: &issues)
    }

    /// A decimal number, without the names and the hexadecimal forms that Swift reads, too.
    static func decimal(_ text: String) -> Double? {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
                UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                true
            default: false
            }
        }
        guard allowed, let number = Double(text.hasSuffix(".") ? String(text.dropLast()) : text),
            number.isFinite
        else { return nil }
        return number
    }
}
#endif
