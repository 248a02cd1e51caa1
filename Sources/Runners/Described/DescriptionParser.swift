/// Reads a language's description from YAML.

#if Languages
import SandboxAPI
import SandboxRuntime

extension LanguageDescription {
    /// Reads one description.
    ///
    /// - Parameters:
    ///   - yaml: the file's bytes, at most 64 KiB.
    ///   - file: its name, for messages and ``origin``.
    /// - Throws: `SandboxError` `.invalidArgument`: file, line, key and rule, and what to do.
    public init(yaml: [UInt8], file: String) throws(SandboxError) {
        let root = try DescriptionNode(yaml, file: file)
        self = try DescriptionParser(root: root).description()
        origin = file
        guard let fault = firstFault() else { return }
        throw try root.place(of: fault.key).fault(fault.rule, fault.hint)
    }
}

private struct DescriptionParser {
    let root: DescriptionNode

    static let keys = [
        "name", "title", "aliases", "suffixes", "variantOf", "source", "entry", "compile", "run",
        "environment",
        "limits", "diagnostics", "version", "tools", "packages", "runner",
    ]

    func description() throws(SandboxError) -> LanguageDescription {
        let keys = try root.mapping(Self.keys, required: ["name", "source", "run"])
        // The three are there.
        let name = try keys["name"]!.text()
        var made = LanguageDescription(
            name: Language(rawValue: name), title: name, suffixes: [], sourceName: try keys["source"]!.text(),
            run: try command(keys["run"]!))
        if let node = keys["title"] { made.title = try node.text() }
        if let node = keys["aliases"] { made.aliases = try node.texts() }
        if let node = keys["suffixes"] { made.suffixes = try node.texts() }
        if let node = keys["variantOf"] { made.variantOf = Language(rawValue: try node.text()) }
        if let node = keys["tools"] { made.tools = try node.texts() }
        if let node = keys["packages"] { made.packages = try node.texts() }
        if let node = keys["runner"] { made.runner = Language(rawValue: try node.text()) }
        if let node = keys["entry"] { made.entry = try entry(node) }
        if let node = keys["compile"] { made.compilation = try compilation(node) }
        if let node = keys["limits"] { made.limits = try limits(node) }
        if let node = keys["version"] { made.version = try version(node) }
        if let node = keys["environment"] {
            for (name, value) in try node.entries() { made.environment[name] = try value.text() }
        }
        if let node = keys["diagnostics"] {
            made.diagnostics = try node.elements().mapped { element throws(SandboxError) in
                let text = try element.text()
                return try naming(element) { () throws(SandboxError) in try DiagnosticSyntax(text) }
            }
        }
        return made
    }

    private func command(_ node: DescriptionNode) throws(SandboxError) -> [ArgumentTemplate] {
        try node.elements().mapped { element throws(SandboxError) in
            let text = try element.text()
            return try naming(element) { () throws(SandboxError) in try ArgumentTemplate(text) }
        }
    }

    private func entry(_ node: DescriptionNode) throws(SandboxError) -> EntryRule {
        let text = try node.text()
        if let rule = EntryRule(rawValue: text) { return rule }
        throw node.fault(
            "\(Validation.quoted(text)) is no rule for the entry point",
            "write " + EntryRule.allCases.map(\.rawValue).joined(separator: " or "))
    }

    private func compilation(
        _ node: DescriptionNode
    ) throws(SandboxError) -> LanguageDescription.Compilation {
        let keys = try node.mapping(["command", "artifacts", "limits"], required: ["command"])
        var made = LanguageDescription.Compilation(command: try command(keys["command"]!), artifacts: [])
        if let node = keys["artifacts"] { made.artifacts = try node.texts() }
        guard let limits = keys["limits"] else { return made }
        let bounds = try limits.mapping([
            "wallTime", "cpuTime", "memory", "processes", "output", "fileSize", "disk", "openFiles", "stack",
        ])
        if let node = bounds["wallTime"] { made.limits.wallTime = try node.seconds() }
        if let node = bounds["cpuTime"] { made.limits.cpuTime = try node.seconds() }
        if let node = bounds["memory"] { made.limits.memory = try node.size() }
        if let node = bounds["processes"] { made.limits.processes = try node.count() }
        if let node = bounds["output"] { made.limits.output = try node.size() }
        if let node = bounds["fileSize"] { made.limits.fileSize = try node.size() }
        if let node = bounds["disk"] { made.limits.disk = try node.size() }
        if let node = bounds["openFiles"] { made.limits.openFiles = try node.count() }
        if let node = bounds["stack"] { made.limits.stack = try node.size() }
        return made
    }

    private func limits(_ node: DescriptionNode) throws(SandboxError) -> LanguageLimits {
        let keys = try node.mapping([
            "timeFactor", "timeExtra", "memoryFactor", "memoryExtra", "leastProcesses",
        ])
        var made = LanguageLimits()
        if let node = keys["timeFactor"] { made.timeFactor = try node.number() }
        if let node = keys["timeExtra"] { made.timeExtra = try node.seconds() }
        if let node = keys["memoryFactor"] { made.memoryFactor = try node.number() }
        if let node = keys["memoryExtra"] { made.memoryExtra = try node.size() }
        if let node = keys["leastProcesses"] { made.leastProcesses = try node.count() }
        return made
    }

    private func version(
        _ node: DescriptionNode
    ) throws(SandboxError) -> LanguageDescription.VersionQuestion {
        let keys = try node.mapping(["command", "after"], required: ["command"])
        var made = LanguageDescription.VersionQuestion(command: try keys["command"]!.texts())
        if let node = keys["after"] { made.after = try node.text() }
        return made
    }

    /// Adds the node's place to an error about its text.
    private func naming<Value>(
        _ node: DescriptionNode, _ body: () throws(SandboxError) -> Value
    ) throws(SandboxError) -> Value {
        do throws(SandboxError) {
            return try body()
        } catch {
            throw node.fault(error.message, error.hint ?? "see docs/languages.md for the format")
        }
    }
}

extension DescriptionNode {
    /// The node of a key such as `compile.artifacts`, or the nearest one above it that is there.
    fileprivate func place(of key: String) throws(SandboxError) -> DescriptionNode {
        for (_, node) in try entries() {
            if node.key == key { return node }
            if key.hasPrefix(node.key + ".") { return try node.place(of: key) }
        }
        return self
    }
}
#endif
