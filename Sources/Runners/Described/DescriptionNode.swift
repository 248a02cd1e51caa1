/// A description's YAML as values with places: every complaint names file, line, key and rule.

#if Languages
import SandboxAPI
import SandboxRuntime
import Yams

/// A node of a description's file, and where it stands.
struct DescriptionNode {
    /// The file, for messages.
    let file: String
    /// The key, with those above it: `compile.limits.memory`.
    let key: String
    private let node: Node
    /// Counted from 1: that of the key, or of an element of a list.
    let line: Int

    /// The largest file, in bytes.
    static let largest = 64 << 10

    /// Reads the only document of a file.
    ///
    /// - Throws: `.invalidArgument` for what is not YAML, and for YAML that could grow beyond its file: anchors and aliases, and
    ///   deep nesting. No description needs them.
    init(_ bytes: [UInt8], file: String) throws(SandboxError) {
        func fault(_ line: Int, _ rule: String, _ hint: String) -> SandboxError {
            SandboxError(.invalidArgument, message: "\(file):\(line): \(rule)", hint: hint)
        }
        guard bytes.count <= Self.largest else {
            throw fault(
                1, "the file has more than \(Self.largest) bytes", "a description has some dozens of lines")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw fault(1, "the file is not UTF-8", "save it as UTF-8")
        }
        if let (line, rule) = YAMLGrowth.fault(in: bytes) {
            throw fault(line, rule, "write it out; quote a text that begins with & or *")
        }
        let composed: Node?
        do {
            composed = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            let (line, problem) = Self.place(of: error)
            throw fault(line, "not YAML: \(problem)", "see docs/languages.md for the format")
        } catch {
            throw fault(1, "not YAML: \(error)", "see docs/languages.md for the format")
        }
        guard let composed else {
            throw fault(1, "the file is empty", "see docs/languages.md for the format")
        }
        self.init(file: file, key: "", node: composed, line: 1)
    }

    private init(file: String, key: String, node: Node, line: Int) {
        (self.file, self.key, self.node, self.line) = (file, key, node, line)
    }

    private static func place(of error: YamlError) -> (line: Int, problem: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (mark.line, problem)
        case .duplicatedKeysInMapping(let keys, let context):
            (context.mark.line, "the key \(Validation.quoted(keys.first ?? "")) stands twice")
        case .reader(let problem, _, _, _): (1, problem)
        default: (1, "it cannot be read")
        }
    }

    func fault(_ rule: String, _ hint: String) -> SandboxError {
        let place = key.isEmpty ? "" : " \(key):"
        return SandboxError(.invalidArgument, message: "\(file):\(line):\(place) \(rule)", hint: hint)
    }

    // MARK: - Mappings

    /// The values of a mapping by their keys.
    ///
    /// - Throws: for what is no mapping, a key that is not among `known`, and a required one that is missing.
    func mapping(
        _ known: [String], required: [String] = []
    ) throws(SandboxError) -> [String: DescriptionNode] {
        var values: [String: DescriptionNode] = [:]
        for (name, value) in try entries() {
            guard known.contains(name) else {
                throw value.fault("is an unknown key", "known here are \(known.joined(separator: ", "))")
            }
            values[name] = value
        }
        for name in required where values[name] == nil {
            throw fault("the key \(name) is missing", "add it; see docs/languages.md for the format")
        }
        return values
    }

    /// The keys and values of a mapping with keys of any name.
    func entries() throws(SandboxError) -> [(String, DescriptionNode)] {
        guard case .mapping(let mapping) = node else {
            throw fault("is no mapping", "write keys and values: `key: value`")
        }
        var entries: [(String, DescriptionNode)] = []
        for (name, value) in mapping {
            guard case .scalar(let scalar) = name else {
                throw fault("has a key that is no text", "write `key: value`")
            }
            let path = key.isEmpty ? scalar.string : key + "." + scalar.string
            entries.append(
                (
                    scalar.string,
                    DescriptionNode(file: file, key: path, node: value, line: name.mark?.line ?? line)
                ))
        }
        return entries
    }

    private func isEmptyValue(_ value: Node) -> Bool {
        if case .scalar(let scalar) = value { scalar.string.isEmpty && scalar.style == .plain } else { false }
    }

    // MARK: - Values

    func text() throws(SandboxError) -> String {
        guard case .scalar(let scalar) = node, !isEmptyValue(node) else {
            throw fault("is no text", "write one text, in quotes when it has special characters")
        }
        return scalar.string
    }

    /// A sequence of texts; one text alone is a sequence of one.
    func texts() throws(SandboxError) -> [String] {
        try elements().mapped { node throws(SandboxError) in try node.text() }
    }

    /// The nodes of a sequence.
    func elements() throws(SandboxError) -> [DescriptionNode] {
        switch node {
        case .sequence(let sequence):
            var nodes: [DescriptionNode] = []
            for element in sequence {
                nodes.append(
                    DescriptionNode(file: file, key: key, node: element, line: element.mark?.line ?? line))
            }
            return nodes
        case .scalar where !isEmptyValue(node): return [self]
        default: throw fault("is no list", "write `[one, two]`, or each on a line behind a dash")
        }
    }

    func number() throws(SandboxError) -> Double {
        let text = try text()
        guard let number = Double(text), number.isFinite, abs(number) < 1e12 else {
            throw fault("\(Validation.quoted(text)) is no number", "write digits, with a point for fractions")
        }
        return number
    }

    func count() throws(SandboxError) -> Int {
        let text = try text()
        guard let number = Int(text), abs(number) < 1 << 40 else {
            throw fault("\(Validation.quoted(text)) is no whole number", "write digits alone")
        }
        return number
    }

    func seconds() throws(SandboxError) -> Duration { .seconds(try number()) }

    /// Bytes, or binary with K, M or G: `512M`.
    func size() throws(SandboxError) -> Int {
        let text = try text()
        let units: [Character: Int] = ["K": 10, "M": 20, "G": 30]
        let shift = text.last.flatMap { units[$0] }
        let digits = shift == nil ? text[...] : text.dropLast()
        guard let number = Int(digits), number >= 0, number < 1 << 24 || (shift == nil && number < 1 << 50)
        else {
            throw fault(
                "\(Validation.quoted(text)) is no size", "write bytes, or K, M or G behind a number: 512M")
        }
        return number << (shift ?? 0)
    }
}

extension [DescriptionNode] {
    /// `map` for a closure that throws `SandboxError`.
    func mapped<Value>(
        _ transform: (DescriptionNode) throws(SandboxError) -> Value
    ) throws(SandboxError) -> [Value] {
        var values: [Value] = []
        for node in self { values.append(try transform(node)) }
        return values
    }
}

/// What makes the values of a YAML text grow beyond its size, found before it is parsed. Pure.
enum YAMLGrowth {
    private static let deepest = 16
    private static let blanks = Set(" \t".utf8)
    /// What can stand right before the beginning of a value.
    private static let before = Set(" \t[{,:-?".utf8)

    /// The line, and what is wrong with it; `nil` when nothing is.
    static func fault(in bytes: [UInt8]) -> (line: Int, rule: String)? {
        var line = 0
        var flow = 0
        for text in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            line += 1
            var indicators = 0
            var isStart = true
            var previous = UInt8(ascii: " ")
            for (index, byte) in zip(text.indices, text) {
                if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { flow += 1 }
                if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { flow = max(0, flow - 1) }
                if isStart,
                    byte == UInt8(ascii: "-") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: ":")
                {
                    indicators += 1
                } else if !blanks.contains(byte) {
                    isStart = false
                }
                if flow > deepest || indicators > deepest
                    || (isStart && index - text.startIndex > 4 * deepest)
                {
                    return (line, "the text is nested more than \(deepest) deep")
                }
                let next = index + 1 < text.endIndex ? text[index + 1] : UInt8(ascii: " ")
                if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*"), before.contains(previous),
                    next.isDigit || (0x61...0x7a).contains(next | 0x20) || next == UInt8(ascii: "_")
                        || next >= 0x80
                {
                    return (line, "has an anchor or an alias (& or *), which descriptions have not")
                }
                previous = byte
            }
        }
        return nil
    }
}
#endif
