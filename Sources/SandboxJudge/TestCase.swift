/// A test of a problem.

#if Judge
/// The bytes of an input or an answer: in memory, or in a file of the host that is read when it is needed.
public enum TestData: Sendable, Hashable {
    case bytes([UInt8])
    case file(path: ByteString)

    /// Text as UTF-8.
    public static func string(_ text: String) -> TestData { .bytes(Array(text.utf8)) }
}

/// One test case: what the program reads, and what a checker compares its output with.
public struct TestCase: Sendable, Hashable {
    /// Unique in its batch: `secret/01`.
    public var name: String
    /// The program's standard input.
    public var input: TestData
    /// The judge's answer; `nil` where the checker needs none.
    public var answer: TestData?
    /// The limits of this test alone; `nil` is the batch's.
    public var limits: Limits?
    /// The program's arguments.
    public var arguments: [ByteString]
    /// Files put below `/work` before the program starts.
    public var files: [InputFile]

    public init(
        _ name: String, input: TestData, answer: TestData? = nil, limits: Limits? = nil,
        arguments: [ByteString] = [], files: [InputFile] = []
    ) {
        self.name = name
        self.input = input
        self.answer = answer
        self.limits = limits
        self.arguments = arguments
        self.files = files
    }
}

/// What one test of a batch gave. The verdict is folded from the run and the checker's answer, and both stay.
public struct TestResult: Sendable, Hashable {
    /// The name of the test case.
    public var name: String
    /// The place of the test case in its batch, from 0.
    public var index: Int
    public var verdict: Verdict
    /// The submission's run. Its output is as the program wrote it: untrusted.
    public var run: RunResult?
    /// The checker's answer; `nil` when it was not asked, since the run had failed.
    public var check: CheckResult?
    /// Why the judge itself failed (``Verdict/judgeError``).
    public var judgeError: String?
    /// Why the program could not be started, when its own files are at fault: a compiler can be made to write an executable
    /// that the kernel refuses (``Verdict/compileError``), or files for which the disk limit has no room
    /// (``Verdict/runtimeError``).
    public var programError: String?

    /// The one sentence or text that explains the verdict: why the judge failed, why the program did not start, or the
    /// checker's words; empty when there are none. It can reveal the answer.
    public var message: String { judgeError ?? programError ?? check?.message ?? "" }

    public init(
        name: String, index: Int = 0, verdict: Verdict, run: RunResult?, check: CheckResult? = nil,
        judgeError: String? = nil, programError: String? = nil
    ) {
        self.name = name
        self.index = index
        self.verdict = verdict
        self.run = run
        self.check = check
        self.judgeError = judgeError
        self.programError = programError
    }
}
#endif
