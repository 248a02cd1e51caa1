/// Checkers that compare bytes or lines.

#if Judge
/// Compares byte by byte.
public struct ExactChecker: Checker {
    /// Whether an output with the right tokens and other white space is a ``Verdict/presentationError`` instead of a
    /// ``Verdict/wrongAnswer``.
    public var tellsPresentation: Bool

    public init(tellsPresentation: Bool = false) { self.tellsPresentation = tellsPresentation }

    public func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        try await test.compare(output, by: compare)
    }

    func compare(_ output: [UInt8], _ answer: [UInt8]) -> CheckResult {
        guard let place = LineComparison.firstDifference(output[...], answer[...]) else {
            return CheckResult(.accepted)
        }
        var result = Difference.at(
            place, of: output,
            "expected \(Difference.rest(of: answer, from: place)), found \(Difference.rest(of: output, from: place))"
        )
        if tellsPresentation, TokenComparison().compare(output, with: answer).verdict == .accepted {
            result.verdict = .presentationError
        }
        return result
    }
}

/// Compares line by line; white space at the end of a line, and blank lines at the end of the output, do not matter.
public struct LineChecker: Checker {
    public init() {}

    public func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        try await test.compare(output, by: LineComparison.compare)
    }
}

/// Compares lines in any order: each line of the answer has to stand in the output as often as in the answer.
///
/// White space at the end of a line, and blank lines at the end of the output, do not matter.
public struct UnorderedLinesChecker: Checker {
    public init() {}

    public func check(
        _ output: [UInt8], of test: TestCase, on backend: any SandboxBackend
    ) async throws(SandboxError) -> CheckResult {
        try await test.compare(output, by: LineComparison.compareUnordered)
    }
}

/// Compares by lines. Pure, and linear in the lengths.
enum LineComparison {
    static func compare(_ output: [UInt8], _ answer: [UInt8]) -> CheckResult {
        var found = TrimmedLines(output)
        var expected = TrimmedLines(answer)
        while true {
            let (line, other) = (found.next(), expected.next())
            if line == nil, other == nil { return CheckResult(.accepted) }
            guard let line else {
                return Difference.at(
                    output.count, of: output,
                    "the output ends where the line \(Difference.quoted(other ?? [])) is expected")
            }
            guard let other else {
                return Difference.at(
                    line.startIndex, of: output,
                    "nothing more is expected, found the line \(Difference.quoted(line))")
            }
            if let place = firstDifference(line, other) {
                return Difference.at(
                    line.startIndex + place, of: output,
                    Difference.expected(other.dropFirst(place), found: line.dropFirst(place)))
            }
        }
    }

    static func compareUnordered(_ output: [UInt8], _ answer: [UInt8]) -> CheckResult {
        var missing: [ArraySlice<UInt8>: Int] = [:]
        for line in TrimmedLines(answer) { missing[line, default: 0] += 1 }
        for line in TrimmedLines(output) {
            guard let count = missing[line] else {
                return Difference.at(
                    line.startIndex, of: output,
                    "the line \(Difference.quoted(line)) is not expected, or not so often")
            }
            missing[line] = count == 1 ? nil : count - 1
        }
        // The first in the answer's order, so that the message is the same each time.
        guard let line = TrimmedLines(answer).first(where: { missing[$0] != nil }) else {
            return CheckResult(.accepted)
        }
        return Difference.at(
            output.count, of: output, "the output ends, and lacks the line \(Difference.quoted(line))")
    }

    /// How far two texts are the same; `nil` when they are equal.
    static func firstDifference(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int? {
        if a == b { return nil }
        var same = 0
        let most = min(a.count, b.count)
        while same < most, a[a.startIndex + same] == b[b.startIndex + same] { same += 1 }
        return same
    }
}

/// The lines of a text without white space at their ends, up to the last that is not blank.
struct TrimmedLines: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private let end: Int
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        end = (bytes.lastIndex { !$0.isSpace } ?? -1) + 1
    }

    mutating func next() -> ArraySlice<UInt8>? {
        guard position < end else { return nil }
        let start = position
        while position < end, bytes[position] != 0x0a { position += 1 }
        var last = position
        while last > start, bytes[last - 1].isSpace { last -= 1 }
        position += 1
        return bytes[start..<last]
    }
}
#endif
