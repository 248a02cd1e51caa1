/// Finds the last traceback in a text, line by line.

/// One pass over a text.
struct TracebackParser {
    /// How likely a traceback belongs to the exception that ended the program, least likely first.
    private enum Rank: Int {
        case ignored, thread, main
    }

    private enum State {
        /// Between tracebacks.
        case outside
        /// Behind `Traceback (most recent call last):`, or behind a syntax error's `File` line.
        case frames
        /// Behind the line that names the exception.
        case message
    }

    private let text: Bytes
    private var state = State.outside
    private var current: TracebackBlock
    private var rank = Rank.main
    /// The exceptions that led to the current one.
    private var chain: [PythonTraceback.Earlier] = []
    /// Where the text of the chain starts.
    private var chainStart = 0
    private var best: (traceback: PythonTraceback, rank: Rank)?

    init(text: Bytes) {
        self.text = text
        current = TracebackBlock(isGroup: false, hasHeader: true)
    }

    mutating func parse() -> PythonTraceback? {
        var lines = LineReader(text)
        var previous = Bytes()
        while let line = lines.nextLine() {
            if line.elementsEqual(TracebackBlock.header) {
                begin(at: line.startIndex, isGroup: false, after: previous)
            } else if line.elementsEqual(TracebackBlock.groupHeader) {
                begin(at: line.startIndex, isGroup: true, after: previous)
            } else {
                read(line)
            }
            previous = line
        }
        finish(at: text.endIndex)
        return best?.traceback
    }

    private mutating func read(_ line: Bytes) {
        switch state {
        case .outside: readOutside(line)
        case .frames:
            switch current.readFrameLine(line) {
            case .frame: break
            case .exception: state = .message
            case .other: abandon()
            }
        case .message: current.readMessageLine(line)
        }
    }

    /// A syntax error of the main file has no header: it starts with its `File` line, or is a single line.
    private mutating func readOutside(_ line: Bytes) {
        var block = TracebackBlock(isGroup: false, hasHeader: false)
        switch block.readFrameLine(line) {
        case .frame where !block.frames.isEmpty: state = .frames
        case .exception: state = .message
        default: return
        }
        current = block
        rank = .main
        chain = []
        chainStart = line.startIndex
    }

    /// A header starts a new block, which may be linked to the one before.
    private mutating func begin(at start: Int, isGroup: Bool, after previous: Bytes) {
        let announced: Rank? =
            previous.starts(with: "Exception ignored ")
            ? .ignored : previous.starts(with: "Exception in thread ") ? .thread : nil
        if state == .message, announced == nil,
            let (relation, end) = TracebackBlock.link(text[current.messageStart..<start])
        {
            chain.append(current.earlier(relation, in: text, until: end))
            if chain.count > PythonTraceback.maximumChain { chain.removeFirst() }
        } else {
            finish(at: announced == nil ? start : previous.startIndex)
            chain = []
            chainStart = start
            rank = announced ?? .main
        }
        current = TracebackBlock(isGroup: isGroup, hasHeader: true)
        state = .frames
    }

    /// The current block is over and complete, or the text ends within it.
    private mutating func finish(at end: Int) {
        if state == .frames { return abandon() }
        guard state == .message else { return }
        consider(current.earlier(.context, in: text, until: end), end: current.messageEnd ?? end)
        state = .outside
    }

    /// The current block is no traceback, or is cut off; the exceptions before it still count.
    private mutating func abandon() {
        state = .outside
        if let last = chain.popLast() { consider(last, end: text.endIndex) }
        chain = []
    }

    private mutating func consider(_ last: PythonTraceback.Earlier, end: Int) {
        if let best, best.rank.rawValue > rank.rawValue { return }
        let traceback = PythonTraceback(
            frames: last.frames, exceptionType: last.exceptionType, message: last.message, chain: chain,
            text: text[chainStart..<end].text)
        best = (traceback, rank)
    }
}
