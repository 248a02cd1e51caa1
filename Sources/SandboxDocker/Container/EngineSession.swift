/// A backend's facts about its engine, requested once and again after the engine was lost.

#if Docker
import SandboxAPI
import SandboxRuntime

/// A connection to an engine whose facts are known.
final class EngineSession: Sendable {
    let client: EngineClient
    private let asking = Locked<Task<Result<EngineInfo, EngineError>, Never>?>(nil)

    private let last = Locked<EngineInfo?>(nil)

    init(_ client: EngineClient) { self.client = client }

    /// The engine's facts; several first callers share one request.
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
        // Other callers may wait for this request, too.
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

    /// The latest facts, which may be out of date.
    var known: EngineInfo? { last.withLock { $0 } }

    /// Drops the facts: after a loss another engine may answer.
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
