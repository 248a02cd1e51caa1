/// The code under test: it runs a submission on any backend, and grades it.
import SandboxAPI

public enum Verdict: Sendable, Hashable {
    case accepted, wrongAnswer, tooSlow, failed
}

public struct Grader: Sendable {
    public var limits: Limits

    public init(limits: Limits = Limits(wallTime: .seconds(5), memory: 64 << 20)) { self.limits = limits }

    /// Runs a line of shell, which gets `input` as its stdin.
    public func grade(
        _ submission: String, input: String, answer: String, on backend: any SandboxBackend
    ) async throws(SandboxError) -> Verdict {
        let command = Command("/bin/sh", ["-c", submission])
        let result = try await backend.run(command, stdin: .string(input), limits: limits)
        switch result.outcome {
        case .exited(code: 0): return result.stdoutText == answer ? .accepted : .wrongAnswer
        case .limitExceeded(.wallTime), .limitExceeded(.cpuTime): return .tooSlow
        default: return .failed
        }
    }
}
