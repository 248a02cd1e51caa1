/// A Python traceback, parsed into a value.

/// An uncaught Python exception, parsed from stderr.
///
/// Untrusted: the program wrote this text and can print whatever looks like a traceback. Good for showing to
/// people; never judge a run by it.
public struct PythonTraceback: RunDetails {
    /// One `File "…", line N, in f` entry.
    public struct Frame: Sendable, Hashable {
        /// As Python names it: `/work/main.py`, `<string>`.
        public var file: String
        /// Counted from 1.
        public var line: Int
        /// `<module>` for a file's own level; `nil` where a `SyntaxError` points to.
        public var function: String?
        /// The source line without its indentation, when Python printed one.
        public var source: String?
        /// How many more times in a row this frame stands in the stack (`[Previous line repeated N more
        /// times]`).
        public var repeated: Int

        public init(file: String, line: Int, function: String?, source: String? = nil, repeated: Int = 0) {
            self.file = file
            self.line = line
            self.function = function
            self.source = source
            self.repeated = repeated
        }
    }

    /// An exception that came before the last one.
    public struct Earlier: Sendable, Hashable {
        /// How the later exception relates to this one.
        public enum Relation: String, Sendable, Hashable {
            /// `raise … from`: "The above exception was the direct cause of the following exception".
            case cause
            /// "During handling of the above exception, another exception occurred".
            case context
        }

        public var relation: Relation
        /// Outermost call first.
        public var frames: [Frame]
        public var exceptionType: String
        public var message: String

        public init(relation: Relation, frames: [Frame], exceptionType: String, message: String) {
            self.relation = relation
            self.frames = frames
            self.exceptionType = exceptionType
            self.message = message
        }
    }

    /// Outermost call first, at most ``maximumFrames``. Empty for some syntax errors.
    public var frames: [Frame]
    /// As Python prints it, with the module when it is not a built-in one: `ZeroDivisionError`,
    /// `json.decoder.…`.
    public var exceptionType: String
    /// May have many lines: it includes notes, and whatever the program printed after the traceback. Empty
    /// when there is none.
    public var message: String
    /// The exceptions that led to this one, the first one first, at most ``maximumChain``. Those inside an
    /// exception group are not listed; see `text`.
    public var chain: [Earlier]
    /// The traceback as it stands in stderr, chain included.
    public var text: String

    public init(
        frames: [Frame], exceptionType: String, message: String, chain: [Earlier] = [], text: String = ""
    ) {
        self.frames = frames
        self.exceptionType = exceptionType
        self.message = message
        self.chain = chain
        self.text = text
    }

    /// The most frames kept of one exception; later ones are left out.
    public static let maximumFrames = 1000
    /// The most earlier exceptions kept; the first ones are left out.
    public static let maximumChain = 100
    /// How much of the end of a text is parsed, in bytes: 1 MiB.
    public static let maximumText = 1 << 20

    /// Finds the last traceback in a program's stderr. A traceback that an ending thread or a `__del__` left
    /// counts only when there is no other.
    ///
    /// Takes time linear in the text, of which the last ``maximumText`` bytes are parsed.
    /// - Returns: `nil` when there is none, as after `sys.exit("message")`.
    public static func parse(_ stderr: [UInt8]) -> PythonTraceback? {
        var parser = TracebackParser(text: stderr.suffix(maximumText))
        return parser.parse()
    }
}

extension PythonTraceback {
    /// The last line: the exception's type and its message.
    public var description: String { message.isEmpty ? exceptionType : "\(exceptionType): \(message)" }
}

extension RunReport {
    /// The Python traceback in stderr, when the run did not succeed and there is one; see ``RunReport/details``.
    public var traceback: PythonTraceback? { details as? PythonTraceback }
}
