/// Maps the result of a run to the command's exit status and to the one line that explains it.

#if CLI
import Sandbox
import SandboxRuntime

enum ExitStatus {
    static let success: Int32 = 0
    /// Of `judge`: a submission did not get what was expected.
    static let unexpectedVerdict: Int32 = 1
    static let compilationFailed: Int32 = 122
    static let limit: Int32 = 123
    static let timeLimit: Int32 = 124
    static let sandboxFailed: Int32 = 125
    static let notRunnable: Int32 = 126
    static let notFound: Int32 = 127
    static let signalBase: Int32 = 128
    static let blockedSyscall: Int32 = 159

    static func of(_ outcome: Outcome) -> Int32 {
        switch outcome {
        case .exited(let code): code & 0xFF
        case .signaled(let signal): signalBase + signal
        case .limitExceeded(let kind): LimitDescription.of(kind).isTime ? timeLimit : limit
        case .blockedSyscall: blockedSyscall
        }
    }

    /// - Parameter shell: whether a program that cannot be started gives 126 or 127, as in a shell.
    static func of(_ error: SandboxError, shell: Bool) -> Int32 {
        switch error.code {
        case .executableNotFound where shell: notFound
        case .executableNotRunnable where shell: notRunnable
        default: sandboxFailed
        }
    }

    /// What ended the run, for people; `nil` when the program exited by itself.
    static func explanation(of outcome: Outcome, limits: Limits) -> String? {
        switch outcome {
        case .exited: nil
        case .signaled(let signal): "killed by signal \(signal) (\(SignalName.of(signal)))"
        case .limitExceeded(let kind): LimitDescription.of(kind).explanation(in: limits)
        case .blockedSyscall(let name): "blocked system call: \(name)"
        }
    }

    /// What ended a compiler, for people: its own exit status says only "failed".
    static func explanation(ofCompilation outcome: Outcome, limits: Limits) -> String {
        explanation(of: outcome, limits: limits).map { "compilation failed: " + $0 }
            ?? "compilation failed"
    }
}
#endif
