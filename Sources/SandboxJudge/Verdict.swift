/// What a judge says of a submission.

#if Judge
/// A verdict, by its usual short name. A judge of another package may define more.
public struct Verdict: Sendable, Hashable, RawRepresentable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral name: String) { self.init(rawValue: name) }
    public var description: String { rawValue }

    public static let accepted = Verdict(rawValue: "AC")
    public static let wrongAnswer = Verdict(rawValue: "WA")
    /// The right answer in the wrong form, where a checker tells that apart.
    public static let presentationError = Verdict(rawValue: "PE")
    /// The CPU time limit, or the wall time limit of a program that was busy.
    public static let timeLimitExceeded = Verdict(rawValue: "TLE")
    public static let memoryLimitExceeded = Verdict(rawValue: "MLE")
    public static let outputLimitExceeded = Verdict(rawValue: "OLE")
    /// A signal, a non-zero exit, or a limit without a verdict of its own (processes, disk, files, stack).
    public static let runtimeError = Verdict(rawValue: "RTE")
    public static let compileError = Verdict(rawValue: "CE")
    /// The wall time limit, with almost no CPU time used: a program that waits for input that never comes.
    public static let idle = Verdict(rawValue: "IDLE")
    /// A system call that only an attack needs ended the run.
    public static let securityViolation = Verdict(rawValue: "SV")
    /// The checker, the interactor or the package failed; never the submission's fault.
    public static let judgeError = Verdict(rawValue: "JE")
}
#endif
