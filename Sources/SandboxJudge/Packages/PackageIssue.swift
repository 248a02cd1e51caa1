/// What is wrong with a problem package: the file, the line, the rule.

#if Judge
public import SandboxAPI

/// One thing that is wrong with a package.
public struct PackageIssue: Sendable, Hashable, CustomStringConvertible {
    public enum Severity: String, Sendable, Hashable {
        /// The package cannot be judged, or judging it would not mean what its author meant.
        case error
        /// The format asks for something else, and judging does not depend on it.
        case warning
    }

    /// The rule of the format that is broken. Later versions have more.
    public struct Rule: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public var description: String { rawValue }

        /// A file or directory that the format demands.
        public static let missingFile = Rule(rawValue: "missing-file")
        /// A file that cannot be read, or is larger than a reader accepts.
        public static let unreadable = Rule(rawValue: "unreadable")
        /// A symbolic link out of the package, or to nothing.
        public static let linkOutside = Rule(rawValue: "link-outside")
        /// A name that the format does not allow.
        public static let invalidName = Rule(rawValue: "invalid-name")
        /// Text that is not UTF-8, YAML or XML, or that goes beyond a bound.
        public static let invalidText = Rule(rawValue: "invalid-text")
        /// A key that must be there.
        public static let missingKey = Rule(rawValue: "missing-key")
        /// A key that the format does not have.
        public static let unknownKey = Rule(rawValue: "unknown-key")
        /// A value of the wrong type, or one that is not allowed.
        public static let invalidValue = Rule(rawValue: "invalid-value")
        /// Two statements of the package that contradict each other.
        public static let contradiction = Rule(rawValue: "contradiction")
        /// An input without an answer, or a file of a test that has no input.
        public static let incompleteTest = Rule(rawValue: "incomplete-test")
        /// Something of the format that this library does not do.
        public static let unsupported = Rule(rawValue: "unsupported")
        /// A program of the package in a language that has no runner here, or in several.
        public static let unknownLanguage = Rule(rawValue: "unknown-language")
        /// A program of the package that does not build.
        public static let doesNotBuild = Rule(rawValue: "does-not-build")
        /// An input that an input validator refuses, or an invalid one that none refuses.
        public static let inputValidation = Rule(rawValue: "input-validation")
        /// An answer or output that the output validator refuses, or an invalid one that it accepts.
        public static let outputValidation = Rule(rawValue: "output-validation")
        /// No time limit satisfies the package's submissions.
        public static let timeLimit = Rule(rawValue: "time-limit")
    }

    public var severity: Severity
    /// Relative to the package; empty for the package itself. Bytes that others chose.
    public var file: ByteString
    /// From 1; `nil` where the issue is of the whole file.
    public var line: Int?
    public var rule: Rule
    /// What is there, and what the format wants. It quotes the package: untrusted.
    public var message: String

    public init(
        _ severity: Severity, _ file: ByteString, line: Int? = nil, _ rule: Rule, _ message: String
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.rule = rule
        self.message = message
    }

    /// `problem.yaml:3: error: message [rule]`, with control characters made visible.
    public var description: String {
        let name = file.isEmpty ? "." : file.shown { $0.escaped(asASCII: false) }
        return "\(name):\(line.map { "\($0):" } ?? "") \(severity.rawValue): \(message) [\(rule)]"
    }
}

/// A package that cannot be judged. All that was found is in it, not only the first.
public struct InvalidPackage: Error, Sendable, CustomStringConvertible {
    /// The directory that was read.
    public var directory: ByteString
    /// Errors and warnings, in the order of files.
    public var issues: [PackageIssue]

    public init(directory: ByteString, issues: [PackageIssue]) {
        self.directory = directory
        self.issues = issues
    }

    public var description: String { issues.map(\.description).joined(separator: "\n") }
}

/// Collects issues while a package is read; so many are kept, and a last one says that there are more.
struct IssueList: Sendable {
    private static let most = 1000
    private(set) var all: [PackageIssue] = []
    private(set) var hasErrors = false

    mutating func add(_ issue: PackageIssue) {
        if issue.severity == .error { hasErrors = true }
        if all.count < Self.most {
            all.append(issue)
        } else if all.count == Self.most {
            all.append(
                PackageIssue(
                    issue.severity, "", issue.rule, "more than \(Self.most) issues; the rest is left out"))
        }
    }

    mutating func error(
        _ file: ByteString, line: Int? = nil, _ rule: PackageIssue.Rule, _ message: String
    ) {
        add(PackageIssue(.error, file, line: line, rule, message))
    }

    mutating func warn(
        _ file: ByteString, line: Int? = nil, _ rule: PackageIssue.Rule, _ message: String
    ) {
        add(PackageIssue(.warning, file, line: line, rule, message))
    }
}
#endif
