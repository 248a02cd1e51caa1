/// One exception of a traceback: its frames, its type and the place of its message.

/// The lines between one header and the next.
struct TracebackBlock {
    static let header = Array("Traceback (most recent call last):".utf8)
    static let groupHeader = Array("  + Exception Group Traceback (most recent call last):".utf8)

    enum LineKind {
        /// A frame, or a line that belongs to one.
        case frame
        /// The line with the exception's type.
        case exception
        /// Not part of a traceback.
        case other
    }

    /// Lines of an exception group stand behind `  | `.
    let isGroup: Bool
    /// False for a syntax error of the main file: a block without a header must be one.
    let hasHeader: Bool
    private(set) var frames: [PythonTraceback.Frame] = []
    private var exceptionType = Bytes()
    private(set) var messageStart = 0
    /// Where the message ends when it ends before the next block: the list of a group's exceptions follows.
    private(set) var messageEnd: Int?
    /// True right behind a frame that was kept: the next indented line is its source.
    private var expectsSource = false

    init(isGroup: Bool, hasHeader: Bool) {
        self.isGroup = isGroup
        self.hasHeader = hasHeader
    }

    // MARK: - Reading

    mutating func readFrameLine(_ raw: Bytes) -> LineKind {
        guard let line = withoutMargin(raw) else { return .other }
        if line.starts(with: "  File \"") {
            expectsSource = false
            if let frame = TracebackBlock.parseFrame(line) {
                // Only a syntax error has no header, and its single place has no function.
                if !hasHeader, frame.function != nil || !frames.isEmpty { return .other }
                if frames.count < PythonTraceback.maximumFrames {
                    frames.append(frame)
                    expectsSource = true
                }
            }
            return .frame
        }
        if line.starts(with: "    "), !frames.isEmpty {
            if expectsSource { frames[frames.count - 1].source = line.trimmed.text }
            expectsSource = false
            return .frame
        }
        if line.starts(with: "  [Previous line repeated "), !frames.isEmpty {
            frames[frames.count - 1].repeated = TracebackBlock.parseRepetition(line) ?? 0
            return .frame
        }
        guard let first = line.first, !first.isBlank else { return hasHeader ? .frame : .other }
        return readException(line)
    }

    private mutating func readException(_ line: Bytes) -> LineKind {
        let colon = line.firstRange(of: ": ")
        exceptionType = line[..<(colon?.lowerBound ?? line.endIndex)]
        messageStart = colon?.upperBound ?? line.endIndex
        if hasHeader { return .exception }
        for type in ["SyntaxError", "IndentationError", "TabError"]
        where exceptionType.elementsEqual(type.utf8) {
            return .exception
        }
        return .other
    }

    mutating func readMessageLine(_ line: Bytes) {
        // Not every line of a group's message has the margin.
        if isGroup, messageEnd == nil, line.starts(with: "  +-") { messageEnd = line.startIndex }
    }

    /// The line behind the group's margin; the line itself outside groups.
    private func withoutMargin(_ line: Bytes) -> Bytes? {
        if !isGroup { return line }
        if line.starts(with: "  | ") { return line.dropFirst(4) }
        return line.elementsEqual("  |".utf8) ? line.dropFirst(3) : nil
    }

    // MARK: - Results

    /// The exception, its message ending at `end` or before.
    func earlier(
        _ relation: PythonTraceback.Earlier.Relation, in text: Bytes, until end: Int
    ) -> PythonTraceback.Earlier {
        let start = messageStart
        var message = text[start..<max(start, min(end, messageEnd ?? end))]
        while let last = message.last, last == 0x0a || last == 0x0d { message.removeLast() }
        return PythonTraceback.Earlier(
            relation: relation, frames: frames, exceptionType: exceptionType.text,
            message: isGroup ? messageWithoutMargins(message) : message.text)
    }

    private func messageWithoutMargins(_ message: Bytes) -> String {
        var lines = LineReader(message)
        var plain: [UInt8] = Array(lines.nextLine() ?? Bytes())
        while let line = lines.nextLine() {
            plain.append(0x0a)
            plain += withoutMargin(line) ?? line
        }
        return plain[...].text
    }

    // MARK: - Parts of lines

    /// `  File "main.py", line 3, in f`; the name itself may have quotes in it.
    private static func parseFrame(_ line: Bytes) -> PythonTraceback.Frame? {
        guard let middle = line.lastRange(of: "\", line ") else { return nil }
        let start = line.startIndex + 8
        guard middle.lowerBound >= start else { return nil }
        let rest = line[middle.upperBound...]
        let comma = rest.firstRange(of: ", in ")
        guard let number = rest[..<(comma?.lowerBound ?? rest.endIndex)].number else { return nil }
        return PythonTraceback.Frame(
            file: line[start..<middle.lowerBound].text, line: number,
            function: comma.map { rest[$0.upperBound...].text })
    }

    /// `  [Previous line repeated 996 more times]`.
    private static func parseRepetition(_ line: Bytes) -> Int? {
        let rest = line.dropFirst("  [Previous line repeated ".utf8.count)
        return rest[..<(rest.firstIndex(of: 0x20) ?? rest.endIndex)].number
    }

    /// Whether what follows a message links it to the next block, and where the message ends then.
    static func link(_ text: Bytes) -> (PythonTraceback.Earlier.Relation, end: Int)? {
        let cause: StaticString =
            "\n\nThe above exception was the direct cause of the following exception:\n\n"
        let context: StaticString =
            "\n\nDuring handling of the above exception, another exception occurred:\n\n"
        if text.ends(with: cause) { return (.cause, text.endIndex - cause.utf8CodeUnitCount) }
        if text.ends(with: context) { return (.context, text.endIndex - context.utf8CodeUnitCount) }
        return nil
    }
}
