/// Explains why a container did not start, from the engine's and the agent's messages.

#if Docker
import SandboxAPI
import SandboxRuntime

enum StartFailure {
    /// Whether an engine that refused to start a container had lost it, so that another one may start: it was
    /// removed, or its volume with the agent was. Any other refusal is a failure of the engine. Pure.
    static func isLoss(status: Int?, message: String) -> Bool {
        guard let status else { return false }
        let marks = ["marked for removal", "is being removed", "is dead", "removal of container"]
        return status == 404 || marks.contains(where: message.contains)
            || message.contains(ContainerPlan.agentDirectory + "/" + ContainerPlan.agentFile)
    }

    /// Describes a container that ended before its agent sent anything: its output, and its end as the engine
    /// reports it.
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
