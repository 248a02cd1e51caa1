/// A package's own submissions, and what each is expected to get.

#if Judge
import SandboxAPI

/// A submission of a package.
public struct PackageSubmission: Sendable, Hashable {
    public var program: PackageProgram
    /// All must hold; none for a submission that is judged without an expectation.
    public var expectations: [Expectation]

    public init(program: PackageProgram, expectations: [Expectation]) {
        self.program = program
        self.expectations = expectations
    }

    /// Whether it bounds the time limit, so.
    func bounds(_ use: Expectation.TimeLimitUse) -> Bool { expectations.contains { $0.timeLimitUse == use } }

    /// Whether its time on a test does.
    func bounds(_ use: Expectation.TimeLimitUse, on test: String) -> Bool {
        expectations.contains { expectation in
            expectation.timeLimitUse == use && (expectation.scope?.matches(test) ?? true)
        }
    }
}

/// What a submission is expected to get, on all tests or on some.
///
/// Verdicts here are the format's four, `AC`, `WA`, `TLE` and `RTE`, and `CE` where a package expects that; see
/// ``Verdict/inPackage``.
public struct Expectation: Sendable, Hashable {
    /// How the submission bounds an inferred time limit.
    public enum TimeLimitUse: String, Sendable, Hashable {
        /// The limit must be longer than it takes.
        case lower
        /// The limit must be shorter than it takes.
        case upper
        case none
    }

    /// The tests that count: a pattern of names of tests and groups; `nil` for all.
    public var scope: GlobPattern?
    /// Each test's verdict is one of these.
    public var permitted: Set<Verdict>
    /// At least one test's verdict is one of these; `nil` for no such demand.
    public var required: Set<Verdict>?
    /// The submission's verdict, its groups folded, is one of these; `nil` for no such demand.
    public var overall: Set<Verdict>?
    /// The score of the submission, or of the group that `scope` names.
    public var score: ClosedRange<Double>?
    /// The score is less than the most that there is.
    public var isPartial = false
    /// Stands in at least one message of the validator for the judge.
    public var message: String?
    public var timeLimitUse = TimeLimitUse.none

    public init(
        scope: GlobPattern? = nil, permitted: Set<Verdict> = Expectation.anyVerdict,
        required: Set<Verdict>? = nil, overall: Set<Verdict>? = nil
    ) {
        self.scope = scope
        self.permitted = permitted
        self.required = required
        self.overall = overall
    }

    /// The verdicts of the format.
    public static let anyVerdict: Set<Verdict> = [
        .accepted, .wrongAnswer, .timeLimitExceeded, .runtimeError,
    ]

    /// The verdicts that a submission as a whole may have, best first: those of `overall`, or of `required`, or of
    /// `permitted`.
    public var verdicts: [Verdict] {
        let order: [Verdict] = [
            .accepted, .wrongAnswer, .timeLimitExceeded, .runtimeError, .compileError,
        ]
        let set = overall ?? required ?? permitted
        return order.filter(set.contains)
    }
}

/// A pattern of paths: `*` stands for any characters but `/`, `{a,b}` for either.
public struct GlobPattern: Sendable, Hashable, CustomStringConvertible {
    public let text: String
    private let alternatives: [[UInt8]]

    /// So many alternatives braces may stand for.
    static let mostAlternatives = 256
    /// In bytes.
    static let longest = 1024

    /// - Returns: `nil` for unbalanced braces, for more than 256 alternatives, and for more than 1,024 bytes.
    public init?(_ text: String) {
        self.text = text
        guard text.utf8.count <= Self.longest, let all = Self.expand(Array(text.utf8)) else { return nil }
        alternatives = all
    }

    public var description: String { text }

    /// Whether the path itself or a directory above it matches.
    public func matches(_ path: String) -> Bool {
        let bytes = Array(path.utf8)
        let ends = bytes.indices.filter { bytes[$0] == ByteString.slash } + [bytes.count]
        return ends.contains { end in alternatives.contains { Self.match($0[...], bytes[..<end]) } }
    }

    private static func expand(_ text: [UInt8]) -> [[UInt8]]? {
        guard let open = text.firstIndex(of: UInt8(ascii: "{")) else {
            return text.contains(UInt8(ascii: "}")) ? nil : [text]
        }
        var depth = 0
        var parts: [[UInt8]] = [[]]
        for index in open..<text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "{") {
                depth += 1
                if depth == 1 { continue }
            } else if byte == UInt8(ascii: "}") {
                depth -= 1
                if depth == 0 {
                    var all: [[UInt8]] = []
                    for part in parts {
                        guard let more = expand(Array(text[..<open]) + part + text[(index + 1)...]) else {
                            return nil
                        }
                        all += more
                        if all.count > mostAlternatives { return nil }
                    }
                    return all
                }
            } else if byte == UInt8(ascii: ","), depth == 1 {
                parts.append([])
                continue
            }
            parts[parts.count - 1].append(byte)
        }
        return nil
    }

    /// Linear in the path for each star: the last star alone is tried again.
    private static func match(_ pattern: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>) -> Bool {
        var (p, s) = (pattern.startIndex, path.startIndex)
        var star: (pattern: Int, path: Int)?
        while s < path.endIndex {
            if p < pattern.endIndex, pattern[p] == UInt8(ascii: "*") {
                star = (p + 1, s)
                p += 1
            } else if p < pattern.endIndex, pattern[p] == path[s] {
                p += 1
                s += 1
            } else if let last = star, path[last.path] != ByteString.slash {
                star = (last.pattern, last.path + 1)
                (p, s) = (last.pattern, last.path + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
#endif
