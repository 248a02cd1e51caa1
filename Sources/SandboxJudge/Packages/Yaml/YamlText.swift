/// Parses YAML of a package: hostile text, bounded.

#if Judge
import SandboxAPI
import Yams

enum YamlText {
    /// Parses a file with one document.
    ///
    /// Its size is bounded by the reader, its depth by libyaml (1,000 levels). Aliases are refused: a few lines with them
    /// stand for a tree of any size, and no format of packages needs them.
    ///
    /// - Returns: `nil` for an empty document, and with an issue for text that is not YAML.
    static func parse(_ text: String, file: ByteString, issues: inout IssueList) -> Node? {
        if let (name, line) = alias(in: text) {
            issues.error(
                file, line: line, .invalidText,
                "the alias *\(name) is refused: write the value again")
            return nil
        }
        do {
            return try compose(yaml: text, .basic, .default, .utf8)
        } catch let error as YamlError {
            let (line, problem) = describe(error, in: text)
            issues.error(file, line: line, .invalidText, "not YAML: \(problem)")
        } catch {
            issues.error(file, .invalidText, "not YAML")
        }
        return nil
    }

    /// An alias (`*name`) whose anchor (`&name`) stands in the text, too, wherever both may stand: in a comment or a quoted
    /// text they are taken for such as well.
    private static func alias(in text: String) -> (name: String, line: Int)? {
        let bytes = Array(text.utf8)
        var anchors: Set<[UInt8]> = []
        for index in bytes.indices where bytes[index] == UInt8(ascii: "&") {
            anchors.insert(name(in: bytes, after: index))
        }
        anchors.remove([])
        if anchors.isEmpty { return nil }
        var line = 1
        for index in bytes.indices {
            if bytes[index] == UInt8(ascii: "\n") { line += 1 }
            guard bytes[index] == UInt8(ascii: "*") else { continue }
            let found = name(in: bytes, after: index)
            if anchors.contains(found) { return (String(decoding: found.prefix(40), as: UTF8.self), line) }
        }
        return nil
    }

    private static func name(in bytes: [UInt8], after index: Int) -> [UInt8] {
        Array(
            bytes[(index + 1)...].prefix { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            })
    }

    private static func describe(_ error: YamlError, in text: String) -> (line: Int?, problem: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return (mark.line, problem)
        case .reader(let problem, let offset, _, let yaml):
            let line = offset.map { 1 + yaml.prefix($0).count { $0 == "\n" } }
            return (line, problem)
        case .duplicatedKeysInMapping(let keys, let context):
            let shown = keys.prefix(3).map { ByteString($0).quoted }.joined(separator: ", ")
            return (context.mark.line, "a key stands twice: \(shown)")
        default:
            return (nil, "the parser failed")
        }
    }
}
#endif
