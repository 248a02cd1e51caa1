/// Why a container did not come to life, in the words of whoever knows.

#if Docker
import SandboxAPI
import SandboxRuntime

enum StartFailure {
    /// Whether an engine that refused to start a container had lost it, and another one may do better: it was removed,
    /// or with its volume the agent. Anything else is the engine's own trouble. Pure.
    static func isLoss(status: Int?, message: String) -> Bool {
        guard let status else { return false }
        let marks = ["marked for removal", "is being removed", "is dead", "removal of container"]
        return status == 404 || marks.contains(where: message.contains)
            || message.contains(ContainerPlan.agentDirectory + "/" + ContainerPlan.agentFile)
    }

    /// A container that ended before it said a word: what it wrote, and what the engine says of its end.
    static func explain(
        _ error: SandboxError, _ words: String, _ id: String, _ client: EngineClient
    ) async -> SandboxError {
        var said: [String] = []
        if !words.isEmpty { said.append("it wrote \(Validation.quoted(words))") }
        if let state = try? await client.containers.inspect(id) {
            if !state.error.isEmpty { said.append("the engine says \(Validation.quoted(state.error))") }
            if state.isOOMKilled { said.append("it was out of memory") }
            if !state.isRunning { said.append("it left with \(state.exitCode)") }
        }
        guard !said.isEmpty else { return error }
        var explained = error
        explained.message =
            "container \(id.prefix(12)) ended before its agent said anything: "
            + said.joined(separator: ", ")
        return explained
    }
}
#endif
