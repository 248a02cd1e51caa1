/// The rules that every description keeps, whoever wrote it. Pure.

public import SandboxAPI
import SandboxRuntime

extension LanguageDescription {
    /// A rule that a description breaks.
    struct Fault: Error {
        /// The key of the description's file: `compile.artifacts`.
        var key: String
        var rule: String
        var hint: String
    }

    /// The most names, suffixes, artifacts and so on of one language.
    static let mostEntries = 32
    /// The most words of a command.
    static let mostWords = 128

    /// Throws for a description that breaks a rule: names in an unusable form, commands without a first word, placeholders
    /// where nothing can stand for them, limits out of their ranges.
    ///
    /// - Throws: `SandboxError` `.invalidArgument`, which names the language, the key and the rule.
    public func check() throws(SandboxError) {
        guard let fault = firstFault() else { return }
        throw SandboxError(
            .invalidArgument,
            message:
                "the description of \(ByteString(name.rawValue).quoted) (\(origin)): \(fault.key): \(fault.rule)",
            hint: fault.hint)
    }

    func firstFault() -> Fault? {
        do throws(Fault) {
            try checkNames()
            try checkCommands()
            try checkNumbers()
            return nil
        } catch {
            return error
        }
    }

    private func require(
        _ isRight: Bool, _ key: String, _ rule: String, _ hint: String
    ) throws(Fault) {
        if !isRight { throw Fault(key: key, rule: rule, hint: hint) }
    }

    // MARK: - Names

    private static func isName(_ text: String) -> Bool {
        guard (1...40).contains(text.utf8.count), let first = text.utf8.first else { return false }
        func isWord(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) || byte.isDigit }
        return isWord(first) && text.utf8.allSatisfy { isWord($0) || "+#._-".utf8.contains($0) }
    }

    private static func isSuffix(_ text: String) -> Bool {
        (1...20).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x61...0x7a).contains($0 | 0x20) || $0.isDigit || "+_-".utf8.contains($0)
            }
    }

    private func checkNames() throws(Fault) {
        let nameHint =
            "a name has at most 40 lower case letters, digits, +, #, ., _ and -, and a letter or digit first"
        try require(Self.isName(name.rawValue), "name", "is no name for a language", nameHint)
        for alias in aliases {
            try require(Self.isName(alias), "aliases", "\(ByteString(alias).quoted) is no name", nameHint)
        }
        let names = [name.rawValue] + aliases
        try require(
            Set(names).count == names.count, "aliases", "a name stands twice", "leave one of them out")
        try require(
            !title.isEmpty && title.utf8.count <= 100
                && !title.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f },
            "title", "is empty, longer than 100 bytes or has a control character",
            "write the language's name for people")
        for suffix in suffixes {
            try require(
                Self.isSuffix(suffix), "suffixes", "\(ByteString(suffix).quoted) is no suffix",
                "a suffix has at most 20 letters, digits, +, _ and -, and no dot")
        }
        try require(
            Set(suffixes).count == suffixes.count, "suffixes", "a suffix stands twice",
            "leave one of them out")
        try require(
            variantOf != name, "variantOf", "names the language itself",
            "leave it out, or name the language that this one is a variant of")
        try require(
            SourceName.isPlain(ByteString(sourceName)), "source",
            "\(ByteString(sourceName).quoted) is no name that every tool takes",
            "write a name such as main.x, without a directory")
        try require(
            suffixes.isEmpty || isSource(ByteString(sourceName)), "source",
            "\(ByteString(sourceName).quoted) has none of the suffixes", "give it one of them")
        let counts = [
            ("aliases", aliases.count), ("suffixes", suffixes.count), ("tools", tools.count),
            ("packages", packages.count), ("diagnostics", diagnostics.count),
            ("environment", environment.count), ("compile.artifacts", compilation?.artifacts.count ?? 0),
        ]
        for (key, count) in counts {
            try require(
                count <= Self.mostEntries, key,
                "has \(count) entries, at most \(Self.mostEntries) are allowed",
                "leave some out")
        }
        for package in packages {
            try require(
                Self.isName(package), "packages", "\(ByteString(package).quoted) is no package's name",
                "write names as apt-get takes them")
        }
        for variable in environment {
            try require(
                !variable.key.isEmpty && !variable.key.utf8.contains { $0 == UInt8(ascii: "=") || $0 == 0 }
                    && !variable.value.utf8.contains(0)
                    && variable.key.utf8.count + variable.value.utf8.count <= ArgumentTemplate.longest,
                "environment", "the variable \(ByteString(variable.key).quoted) cannot be set",
                "a name has no = and no NUL, a value no NUL; both together at most \(ArgumentTemplate.longest) bytes"
            )
        }
    }

    // MARK: - Commands

    private func checkCommands() throws(Fault) {
        try check(run, "run")
        try require(
            !run.contains { $0.uses(.flags) }, "run", "has {flags}, which are for a compiler",
            "leave it out, or put it into compile.command")
        if let compilation {
            try check(compilation.command, "compile.command")
            for artifact in compilation.artifacts {
                try require(
                    Artifact(artifact) != nil, "compile.artifacts",
                    "\(ByteString(artifact).quoted) is no artifact",
                    "write a path below /work such as main, a directory such as classes/, or a suffix such as *.class"
                )
            }
        }
        for tool in tools {
            try require(
                !tool.isEmpty && tool.utf8.count <= 200 && !tool.utf8.contains(0), "tools",
                "\(ByteString(tool).quoted) is no program", "write a name in PATH or an absolute path")
        }
        if let version {
            try require(
                !version.command.isEmpty && version.command.count <= Self.mostWords
                    && !version.command.contains {
                        $0.isEmpty || $0.utf8.count > ArgumentTemplate.longest || $0.utf8.contains(0)
                    },
                "version.command", "is no command", "write the program and its arguments")
            try require(
                version.after.utf8.count <= 200, "version.after", "is longer than 200 bytes", "shorten it")
        }
        let runners: [Language?] = [nil, .cpp, .python]
        try require(
            runners.contains(runner), "runner", "names no runner of this library",
            "leave it out, or write cpp or python")
    }

    private func check(_ command: [ArgumentTemplate], _ key: String) throws(Fault) {
        try require(
            command.first?.literal != nil, key, "is empty or begins with a placeholder",
            "write the program first: a name in PATH, an absolute path or an artifact as ./main")
        try require(
            command.count <= Self.mostWords, key,
            "has \(command.count) words, at most \(Self.mostWords) are allowed", "leave some out")
    }

    // MARK: - Numbers

    private func checkNumbers() throws(Fault) {
        let hint = "see docs/languages.md for the ranges"
        func require<Value>(
            _ key: String, _ value: Value, _ range: ClosedRange<Value>, _ words: String
        ) throws(Fault) {
            try self.require(range.contains(value), "limits." + key, "is not within " + words, hint)
        }
        try require("timeFactor", limits.timeFactor, LanguageLimits.factors, "0.1 to 100")
        try require("memoryFactor", limits.memoryFactor, LanguageLimits.factors, "0.1 to 100")
        try require("timeExtra", limits.timeExtra, LanguageLimits.extraTimes, "0 to 600 seconds")
        try require("memoryExtra", limits.memoryExtra, LanguageLimits.extraMemory, "0 to 64G")
        try require("leastProcesses", limits.leastProcesses, LanguageLimits.processes, "1 to 4096")
        if let compilation {
            do throws(SandboxError) {
                try Validation.check(compilation.limits)
            } catch {
                throw Fault(key: "compile.limits", rule: error.message, hint: error.hint ?? hint)
            }
        }
    }
}
