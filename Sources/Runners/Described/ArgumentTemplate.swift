/// One word of a described command, with placeholders for what is known only at a build or a run. Pure.

public import SandboxAPI
import SandboxRuntime

/// A word of a command: text, and placeholders in braces. `{{` and `}}` are braces.
///
/// | placeholder | stands for |
/// | --- | --- |
/// | `{source}` | the name of the program's first source |
/// | `{entry}` | the entry point's name, see ``EntryRule`` |
/// | `{memory}` | the memory limit in bytes |
/// | `{memory-mib}`, `{memory-mib-64}` | the memory limit in MiB; less 64 MiB (1 to 9,999), but at least 16: a heap beside a runtime |
/// | `{stack-kib}` | the stack limit in KiB, at least 1 and at most 1 GiB: no virtual machine takes more |
/// | `{processes}` | the limit of processes and threads |
/// | `{sources}` | a whole word: all sources with a suffix of the language, each a word, the first source first |
/// | `{others}` | a whole word: the same without the first source |
/// | `{flags}` | a whole word, for a compiler: the caller's flags |
///
/// The limits are those of the process that the word starts: the compiler's own, or the run's.
public struct ArgumentTemplate: Sendable, Hashable, CustomStringConvertible {
    enum Value: Hashable, Sendable {
        case source, entry, memory, processes, stackKiB
        /// In MiB, less so many.
        case memoryMiB(less: Int)

        var isLimit: Bool { self != .source && self != .entry }

        /// How it is written, without its braces.
        var name: String {
            switch self {
            case .source: "source"
            case .entry: "entry"
            case .memory: "memory"
            case .processes: "processes"
            case .stackKiB: "stack-kib"
            case .memoryMiB(let less): less == 0 ? "memory-mib" : "memory-mib-\(less)"
            }
        }

        static let all: [Value] = [.source, .entry, .memory, .memoryMiB(less: 0), .stackKiB, .processes]

        init?(_ name: String) {
            if let known = Self.all.first(where: { $0.name == name }) {
                self = known
                return
            }
            let mark = "memory-mib-"
            guard name.hasPrefix(mark), let less = Array(name.utf8.dropFirst(mark.utf8.count))[...].number,
                (1...9999).contains(less)
            else { return nil }
            self = .memoryMiB(less: less)
        }
    }

    enum List: String, CaseIterable, Sendable { case sources, others, flags }

    enum Part: Hashable, Sendable {
        case text([UInt8])
        case value(Value)
        case list(List)
    }

    /// As it was written.
    public let text: ByteString
    let parts: [Part]

    public var description: String { text.description }

    /// The longest word, in bytes.
    public static let longest = 4096

    /// - Throws: `SandboxError` `.invalidArgument` for a placeholder that is not known, a brace without its other one, a
    ///   placeholder for several words beside other text, a NUL, and a word that is empty or longer than ``longest``.
    public init(_ text: String) throws(SandboxError) { try self.init(ByteString(text)) }

    init(_ text: ByteString) throws(SandboxError) {
        self.text = text
        do throws(Mistake) {
            parts = try Self.parse(text.bytes)
        } catch {
            throw SandboxError(
                .invalidArgument, message: "the word \(text.quoted) of a command \(error.rule)",
                hint: error.hint)
        }
    }

    /// A word without placeholders.
    var literal: ByteString? {
        guard parts.count == 1, case .text(let bytes) = parts[0] else { return nil }
        return ByteString(bytes)
    }

    /// True when the word, or a part of it, stands for a limit.
    var hasLimit: Bool {
        parts.contains { if case .value(let value) = $0 { value.isLimit } else { false } }
    }

    func uses(_ list: List) -> Bool { parts == [.list(list)] }

    // MARK: - Parsing

    struct Mistake: Error {
        var rule: String
        var hint: String
    }

    private static let open = UInt8(ascii: "{")
    private static let close = UInt8(ascii: "}")

    static var knownNames: String {
        (Value.all.map(\.name) + List.allCases.map(\.rawValue)).map { "{\($0)}" }
            .joined(separator: ", ")
    }

    private static func parse(_ bytes: [UInt8]) throws(Mistake) -> [Part] {
        guard !bytes.isEmpty, bytes.count <= longest, !bytes.contains(0) else {
            throw Mistake(
                rule: "is empty, longer than \(longest) bytes, or has a NUL in it",
                hint: "a word is an argument of a program")
        }
        var parts: [Part] = []
        var literal: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == open || byte == close, rest.first == byte {
                literal.append(byte)
                rest.removeFirst()
            } else if byte == close {
                throw Mistake(
                    rule: "has a } without its {", hint: "write }} for a brace that stands for itself")
            } else if byte == open {
                guard let end = rest.firstIndex(of: close) else {
                    throw Mistake(
                        rule: "has a { without its }", hint: "write {{ for a brace that stands for itself")
                }
                if !literal.isEmpty { parts.append(.text(literal)) }
                literal = []
                parts.append(try part(String(decoding: rest[..<end], as: UTF8.self)))
                rest = rest[(end + 1)...]
            } else {
                literal.append(byte)
            }
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
        let lists = parts.contains { if case .list = $0 { true } else { false } }
        if lists, parts.count > 1 {
            throw Mistake(
                rule: "has a placeholder for several words beside other text",
                hint: "make the placeholder a word of its own")
        }
        return parts
    }

    private static func part(_ name: String) throws(Mistake) -> Part {
        if let value = Value(name) { return .value(value) }
        if let list = List(rawValue: name) { return .list(list) }
        throw Mistake(
            rule: "has the unknown placeholder \(ByteString("{\(name)}").quoted)",
            hint: "known are \(knownNames); write {{ for a brace that stands for itself")
    }
}

// MARK: - Filling in

/// What placeholders stand for, apart from limits.
struct TemplateNames {
    var source: ByteString
    /// Beside the first one, those with a suffix of the language.
    var others: [ByteString] = []
    var entry: ByteString
    var flags: [ByteString] = []

    func list(_ list: ArgumentTemplate.List) -> [ByteString] {
        switch list {
        case .sources: [source] + others
        case .others: others
        case .flags: flags
        }
    }
}

extension ArgumentTemplate.Value {
    /// - Returns: `nil` for what is no limit.
    func text(for limits: Limits) -> [UInt8]? {
        switch self {
        case .source, .entry: nil
        case .memory: Array("\(limits.memory)".utf8)
        case .memoryMiB(0): Array("\(max(1, limits.memory >> 20))".utf8)
        case .memoryMiB(let less): Array("\(max(16, (limits.memory >> 20) - less))".utf8)
        case .stackKiB: Array("\(min(max(1, limits.stack >> 10), 1 << 20))".utf8)
        case .processes: Array("\(limits.processes)".utf8)
        }
    }
}

extension [ArgumentTemplate] {
    /// The words of a command that is started at once.
    func filled(_ names: TemplateNames, _ limits: Limits) -> [ByteString] {
        flatMap { word -> [ByteString] in
            if case .list(let list)? = word.parts.first { return names.list(list) }
            return [word.filled(names) { ($0.text(for: limits), false) }]
        }
    }

    /// The words of a command whose limits are not known yet: they stay placeholders, and all other braces are doubled
    /// where there is such a placeholder. ``ByteString/sized(for:)`` fills them in.
    func unsized(_ names: TemplateNames) -> [ByteString] {
        flatMap { word -> [ByteString] in
            if case .list(let list)? = word.parts.first { return names.list(list).map(\.escaped) }
            return [word.filled(names) { ([UInt8]("{\($0.name)}".utf8), true) }]
        }
    }

    var haveLimits: Bool { contains { $0.hasLimit } }
}

extension ArgumentTemplate {
    /// - Parameter limit: what stands for a limit, and whether everything else gets its braces doubled.
    fileprivate func filled(
        _ names: TemplateNames, _ limit: (Value) -> (bytes: [UInt8]?, isEscaped: Bool)
    ) -> ByteString {
        let isEscaped = limit(.memory).isEscaped
        var bytes: [UInt8] = []
        for part in parts {
            let piece: ByteString
            switch part {
            case .text(let text): piece = ByteString(text)
            case .value(.source): piece = names.source
            case .value(.entry): piece = names.entry
            case .value(let value):
                bytes += limit(value).bytes ?? []
                continue
            case .list: continue
            }
            bytes += isEscaped ? piece.escaped.bytes : piece.bytes
        }
        return ByteString(bytes)
    }
}

extension ByteString {
    /// With each brace doubled.
    fileprivate var escaped: ByteString {
        ByteString(bytes.flatMap { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") ? [$0, $0] : [$0] })
    }

    /// A word of a program's command with the limits of a run filled in.
    ///
    /// - Throws: `.invalidArgument` for a word that is no template, or has placeholders for anything but limits: a
    ///   program that was stored elsewhere can have one.
    func sized(for limits: Limits) throws(SandboxError) -> ByteString {
        if isEmpty { return self }
        let template = try ArgumentTemplate(self)
        var bytes: [UInt8] = []
        for part in template.parts {
            if case .text(let text) = part {
                bytes += text
            } else if case .value(let value) = part, let text = value.text(for: limits) {
                bytes += text
            } else {
                throw SandboxError(
                    .invalidArgument,
                    message: "the program's argument \(quoted) has a placeholder for no limit",
                    hint: "build the program again")
            }
        }
        return ByteString(bytes)
    }
}

extension Program {
    /// The program with a run's limits filled in where its arguments have placeholders for them.
    ///
    /// - Throws: `.invalidArgument` for arguments that are no templates.
    package func sized(for limits: Limits) throws(SandboxError) -> Program {
        guard argumentsHaveLimits else { return self }
        var sized = self
        sized.arguments = []
        for argument in arguments { sized.arguments.append(try argument.sized(for: limits)) }
        sized.argumentsHaveLimits = false
        return sized
    }
}
