/// What a backend knows of its engine, asked for once and again after it was lost.

#if Docker
import SandboxAPI
import SandboxRuntime

/// An engine that was spoken to.
final class EngineSession: Sendable {
    let client: EngineClient
    private let asking = Locked<Task<Result<EngineInfo, EngineError>, Never>?>(nil)

    private let last = Locked<EngineInfo?>(nil)

    init(_ client: EngineClient) { self.client = client }

    /// What the engine is; several first callers share one attempt.
    func info() async throws(SandboxError) -> EngineInfo {
        let task = asking.withLock { asking in
            if let asking { return asking }
            let client = client
            let task = Task { () -> Result<EngineInfo, EngineError> in
                do throws(EngineError) {
                    return .success(try await client.connect())
                } catch {
                    return .failure(error)
                }
            }
            asking = task
            return task
        }
        // Others may be waiting for it, too.
        guard case .value(let answer) = await Awaited(task) else { throw .acquireCancelled }
        switch answer {
        case .success(let info):
            last.withLock { $0 = info }
            try Self.check(info)
            return info
        case .failure(let error):
            asking.withLock { if $0 == task { $0 = nil } }
            throw error.sandboxError()
        }
    }

    /// What it said last, of which no more may be true.
    var known: EngineInfo? { last.withLock { $0 } }

    /// It went away: what comes back may be another one.
    func forget() { asking.withLock { $0 = nil } }

    private static func check(_ info: EngineInfo) throws(SandboxError) {
        #if arch(x86_64)
        let own: Set = ["amd64", "x86_64"]
        #else
        let own: Set = ["arm64", "aarch64"]
        #endif
        guard info.architecture.isEmpty || own.contains(info.architecture) else {
            throw SandboxError(
                .backendUnavailable, stage: "engine",
                message: "the engine's host is \(info.architecture); the agent was built for this one",
                hint: "use an engine on a host with the same kind of processor")
        }
        guard info.canLimitMemory, info.canLimitProcesses else {
            throw SandboxError(
                .isolationUnavailable, stage: "engine",
                message: "the engine cannot limit \(info.canLimitMemory ? "processes" : "memory")",
                hint: "give it the memory and pids controllers (`docker info` tells what is missing)")
        }
    }
}
#endif
