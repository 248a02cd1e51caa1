/// How long the embedder waits for processes of its own: the most that a stopped, killed or blocked slot
/// costs.

import SandboxAPI
import SandboxRuntime

/// The time limits of a local backend. None of them depends on anything that a slot does.
struct Patience: Sendable {
    /// For an answer of a slot, and for one of the supervisor.
    var answer: Duration
    /// For the end of a run, on top of its wall time limit.
    var grace: Duration
    /// For the end of a run, or the answer to a question, that its caller no longer waits for.
    static let unwanted = Duration.milliseconds(500)
    /// Between two attempts to send to a supervisor whose socket is full.
    static let retry = Duration.milliseconds(50)

    func silentSlot(_ doing: String) -> SandboxError {
        SandboxError(
            .watchdog, stage: "watchdog",
            message:
                "\(doing): the sandbox's processes did not answer within \(answer); the watchdog had them killed",
            hint: "try again in a new sandbox; on a very busy host raise answerTimeout")
    }

    func endlessRun(_ wallTime: Duration) -> SandboxError {
        SandboxError(
            .watchdog, stage: "watchdog",
            message:
                "the run did not end within its wall time limit of \(wallTime) and the grace of \(grace); "
                + "the watchdog had its sandbox killed",
            hint: "what the program did is not known; on a very busy host raise grace")
    }

    func silentSupervisor(_ doing: String) -> SandboxError {
        SandboxError(
            .supervisorLost, stage: "watchdog",
            message:
                "\(doing): the supervisor did not answer within \(answer); the watchdog killed it, and with it "
                + "every sandbox",
            hint: "try again: the next sandbox starts a new one; on a very busy host raise answerTimeout")
    }
}
