/// The volume that brings the agent into containers of any image.

#if Docker
import NIOCore
import SandboxAPI
import SandboxRuntime

/// A volume with the agent's executable. It belongs to one backend and ends with it.
final class AgentVolume: Sendable {
    let name: String
    private let client: EngineClient
    private let owner: ContainerOwner
    private let state = Locked(State())

    private struct State {
        var filling: Task<EngineError?, Never>?
        /// Whether the engine may have the volume: stays true when it was lost, or when the engine's answer
        /// is unknown.
        var isMade = false
    }

    init(_ client: EngineClient, owner: ContainerOwner) {
        self.client = client
        self.owner = owner
        name = owner.volumeName
    }

    /// Whether the engine may have the volume.
    var isMade: Bool { state.withLock { $0.isMade } }

    /// Makes and fills the volume once; several first callers share one attempt.
    ///
    /// - Parameter image: any image that the engine has: a helper container of it, which never runs, is the only
    ///   way to put a file into a volume.
    func prepare(image: String) async throws(EngineError) {
        let task = state.withLock { state in
            if let filling = state.filling { return filling }
            let task = Task { () -> EngineError? in
                do throws(EngineError) {
                    try await fill(image)
                    return nil
                } catch {
                    return error
                }
            }
            (state.filling, state.isMade) = (task, true)
            return task
        }
        guard case .value(let failure) = await Awaited(task) else {
            throw EngineError(
                .cancelled, operation: "POST /volumes/create", message: "the task was cancelled")
        }
        if let error = failure {
            state.withLock { if $0.filling == task { $0.filling = nil } }
            throw error
        }
    }

    /// The volume was removed or emptied from outside: the next caller fills it again.
    func forget() { state.withLock { $0.filling = nil } }

    private func fill(_ image: String) async throws(EngineError) {
        // For a container with a missing volume the engine makes one without the owner's labels. Removing a
        // volume in use is refused, so the backend's own stays.
        try? await client.volumes.remove(name)
        try await client.volumes.create(
            name, labels: owner.labels(.agent, pool: "", engine: "\(client.address)"))
        var spec = ContainerSpec(image: image)
        spec.entrypoint = ["\(ContainerPlan.agentDirectory)/\(ContainerPlan.agentFile)"]
        spec.command = []
        spec.hasInput = false
        spec.labels = owner.labels(.agent, pool: "", engine: "\(client.address)")
        // The archive endpoint refuses read-only containers; this one never starts.
        spec.readOnlyRootfs = false
        spec.mounts = [.init(source: name, target: ContainerPlan.agentDirectory, isReadOnly: false)]
        let helper = try await client.containers.create(spec)
        do throws(EngineError) {
            try await client.containers.putArchive(
                helper.id, path: ContainerPlan.agentDirectory,
                tar: TarArchive.file(ContainerPlan.agentFile, SupervisorImage.bytes))
        } catch {
            _ = try? await client.containers.remove(helper.id)
            throw error
        }
        try await client.containers.remove(helper.id)
    }

    /// - Throws: the engine's error.
    func remove() async throws(EngineError) {
        let (filling, isMade) = state.withLock { ($0.filling, $0.isMade) }
        guard isMade else { return }
        _ = await filling?.value
        forget()
        try await client.volumes.removeWhenUnused(name)
    }
}

extension EngineVolumes {
    /// Removes a volume whose last container may still be ending.
    func removeWhenUnused(_ name: String) async throws(EngineError) {
        for attempt in 0... {
            do throws(EngineError) {
                return try await remove(name)
            } catch {
                guard error.status == 409, attempt < 100 else { throw error }
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// The one archive that the library sends to an engine.
enum TarArchive {
    private static let block = 512

    /// A ustar archive with one executable file.
    static func file(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put(octal(0o755, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(bytes.count, 11), at: 124)
        put(octal(0, 11), at: 136)
        // The checksum is computed with blanks in its own field.
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
        let padding = (block - bytes.count % block) % block
        return header + bytes + [UInt8](repeating: 0, count: padding + 2 * block)
    }
}
#endif
