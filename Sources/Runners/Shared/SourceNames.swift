/// Which names of source files the tools get, and which are replaced by a runner's own. Pure.

import SandboxAPI
import SandboxRuntime

/// The rule for names of source files.
///
/// A name stands on the command line of a compiler or an interpreter, and comes back in messages that are parsed line
/// by line. It is *plain* when neither can take it for anything but a name: at most ``longest`` bytes of UTF-8 that
/// begin with a letter, a digit or `_` (an option begins with `-`, a file of options with `@`) and go on with letters,
/// marks, digits and ``punctuation``. So a plain name has no control character, no `/`, no `:` (it ends a name in a
/// compiler's message), and no `"` or `\` (Python's messages and debug information quote names).
///
/// The name of the program's first source is replaced when it is not plain: nothing refers to that name. Other sources
/// must have plain names: `#include` and `import` refer to them.
package enum SourceName {
    /// In bytes. A file system would take 255, but tools add suffixes.
    static let longest = 100
    private static let punctuation = Set(" !#$%&'()+,-.=@[]^_{}~".unicodeScalars)

    static func isPlain(_ name: ByteString) -> Bool {
        guard let text = name.exactText, name.bytes.count <= longest, let first = text.unicodeScalars.first,
            first == "_" || isWord(first)
        else { return false }
        return text.unicodeScalars.allSatisfy { isWord($0) || punctuation.contains($0) }
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return ("a"..."z" ~= scalar) || ("A"..."Z" ~= scalar) || ("0"..."9" ~= scalar) }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .nonspacingMark, .spacingMark, .decimalNumber:
            return true
        default: return false
        }
    }

    /// The part after the last dot of a path's last part; empty without a dot.
    package static func suffix(of path: ByteString) -> String {
        let name = path.parts.last?.bytes ?? []
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return "" }
        return ByteString(name[(dot + 1)...]).text
    }
}

extension RunRequest {
    /// For runners: the name under which the tools see the program's first source.
    ///
    /// - Parameters:
    ///   - standard: the runner's own name, for a request that gives none or one that a tool could misread.
    ///   - isUsable: whether the tool takes a file of that name for a source.
    /// - Returns: ``sourceName`` or `standard`.
    public func name(
        else standard: ByteString, where isUsable: (ByteString) -> Bool = { _ in true }
    ) -> ByteString {
        guard let sourceName, SourceName.isPlain(sourceName), isUsable(sourceName) else { return standard }
        return sourceName
    }

    /// For runners: throws for ``sources`` that are too long, or whose names are invalid, taken, or such that a tool
    /// could misread them.
    ///
    /// - Parameters:
    ///   - name: the first source's name.
    ///   - others: files that the runner puts beside the sources.
    ///   - reserved: names that the runner itself writes.
    /// - Returns: all names that are taken, as paths relative to `/work` in their shortest form.
    /// - Throws: `.invalidPath`, `.invalidArgument`, `.fileTooLarge`.
    @discardableResult
    public func checkSources(
        beside name: ByteString, and others: [InputFile] = [], reserved: Set<ByteString> = []
    ) throws(SandboxError) -> Set<ByteString> {
        var taken = reserved.union([name])
        for file in others {
            let path = try Validation.workPath(file.path)
            guard taken.insert(path).inserted else { throw Self.taken(file.path) }
        }
        for source in sources {
            try Self.check(sourceOf: source.bytes.count)
            let path = try Validation.workPath(source.path)
            for part in path.parts where !SourceName.isPlain(part) {
                throw SandboxError(
                    .invalidArgument,
                    message:
                        "the source \(Validation.quoted(source.path)) has a name that a tool could misread",
                    hint:
                        "rename it: at most \(SourceName.longest) bytes of letters, digits, spaces and plain "
                        + "punctuation, with a letter, a digit or _ first")
            }
            guard taken.insert(path).inserted else { throw Self.taken(source.path) }
        }
        return taken
    }

    private static func taken(_ path: ByteString) -> SandboxError {
        SandboxError(
            .invalidArgument,
            message: "two files of the program have the name \(Validation.quoted(path))",
            hint: "rename one of them")
    }
}
