/// The engine's requests about containers.

#if Docker
import NIOCore
import NIOHTTP1

/// The requests of an ``EngineClient`` about containers.
package struct EngineContainers: Sendable {
    let client: EngineClient

    /// Makes a container without starting it.
    ///
    /// - Throws: `.refused(status: 404)` if the engine has no such image, 409 if the name is taken.
    package func create(
        _ spec: ContainerSpec, name: String? = nil
    ) async throws(EngineError) -> CreatedContainer {
        var request = request(.POST, "create", patience: .total(client.timeouts.slowAnswer))
        if let name { request.query = [("name", name)] }
        request.body = .bytes(
            try EngineJSON.encode(spec, operation: request.operation), type: "application/json")
        return try await client.decoded(CreatedContainer.self, request)
    }

    /// Starts a container; no error if it runs already.
    package func start(_ id: String) async throws(EngineError) {
        let request = request(.POST, id, "start", patience: .total(client.timeouts.slowAnswer))
        try await client.send(request, successes: [304])
    }

    package func inspect(_ id: String) async throws(EngineError) -> ContainerState {
        try await client.decoded(ContainerState.self, request(.GET, id, "json", isRepeatable: true))
    }

    /// Waits for a container without a time limit.
    ///
    /// Podman checks every quarter of a second, and returns 0 for a container that was removed in between:
    /// ``inspect(_:)`` gives more, and sooner, once the streams have ended.
    /// - Parameter registered: called on the event loop as soon as the engine has registered the wait, so
    ///   that no later end of the container is missed. Podman before version 5 calls it only at the end.
    package func wait(
        _ id: String, condition: WaitCondition = .notRunning, registered: (@Sendable () -> Void)? = nil
    ) async throws(EngineError) -> WaitResult {
        var request = request(.POST, id, "wait", patience: .forever)
        request.query = [("condition", condition.rawValue)]
        let answer = try await client.send(request, accepted: registered)
        return try EngineJSON.decode(WaitResult.self, from: answer.body, operation: request.operation)
    }

    /// Sends a signal to the container's first process.
    ///
    /// - Returns: false if the container does not run, or is gone.
    @discardableResult
    package func kill(_ id: String, signal: String = "KILL") async throws(EngineError) -> Bool {
        var request = request(.POST, id, "kill", patience: .total(client.timeouts.slowAnswer))
        request.query = [("signal", signal)]
        do throws(EngineError) {
            return try await client.send(request, successes: [404, 409]).isSuccess
        } catch {
            // Podman 4 reports this as an error of its own.
            guard error.status == 500, error.message.contains("can only kill running containers") else {
                throw error
            }
            return false
        }
    }

    /// Removes a container; no error if it is gone already.
    ///
    /// - Returns: false if the engine did not have it.
    /// - Parameters:
    ///   - force: kills it if it runs.
    ///   - volumes: removes its anonymous volumes too.
    @discardableResult
    package func remove(
        _ id: String, force: Bool = true, volumes: Bool = true
    ) async throws(EngineError) -> Bool {
        var request = request(
            .DELETE, id, patience: .total(client.timeouts.slowAnswer), isRepeatable: true)
        request.query = [("force", force ? "1" : "0"), ("v", volumes ? "1" : "0")]
        let deadline = ContinuousClock.now + client.timeouts.slowAnswer
        while true {
            do throws(EngineError) {
                return try await client.send(request, successes: [404]).status != 404
            } catch {
                // The engine, or another client, is removing it; it is gone when that is done.
                guard error.status == 409, error.message.contains("already in progress"), .now < deadline
                else { throw error }
            }
            do {
                try await Task.sleep(for: .milliseconds(20))
            } catch {
                throw EngineError(
                    .cancelled, operation: request.operation, message: "the task was cancelled")
            }
        }
    }

    /// Waits until a container that ends by itself is gone, removed by the engine; removes one that does not
    /// end.
    ///
    /// Does not remove it at once: the two removals would collide, and Docker then logs errors, and may go on
    /// listing it.
    func removeEnding(_ id: String) async throws(EngineError) {
        var pause = Duration.milliseconds(10)
        for _ in 0..<8 {
            // A cancelled task does not wait, but still removes.
            try? await Task.sleep(for: pause)
            do throws(EngineError) {
                let state = try await inspect(id)
                // A container that never ran does not end, and neither does a frozen one.
                if state.status == "created" { break }
                if state.status == "paused" { try await unpause(id) }
            } catch {
                if error.status == 404 { return }
                throw error
            }
            pause *= 2
        }
        try await remove(id)
    }

    /// Unpauses a container; no error if it is not paused, or gone.
    private func unpause(_ id: String) async throws(EngineError) {
        try await client.send(request(.POST, id, "unpause"), successes: [404, 409, 500])
    }

    /// Changes the limits of a container, which may be running.
    ///
    /// - Parameters:
    ///   - memory: bytes of memory and, without swap, of both together.
    ///   - pids: processes and threads.
    ///   - processorQuota: microseconds of CPU time in each `ContainerSpec.processorPeriod`; -1 for no bound,
    ///     which crun refuses.
    ///   - isPodman: Podman has this request only in its own part of the API (404 elsewhere), from 4.3 on.
    package func update(
        _ id: String, memory: Int64? = nil, pids: Int64? = nil, processorQuota: Int64? = nil,
        isPodman: Bool = false
    ) async throws(EngineError) {
        if isPodman {
            return try await updateInPodman(
                id, memory: memory, pids: pids, processorQuota: processorQuota)
        }
        struct Limits: Encodable {
            var memory: Int64?
            var memoryAndSwap: Int64?
            var pids: Int64?
            var processorQuota: Int64?
            var processorPeriod: Int64?

            enum CodingKeys: String, CodingKey {
                case memory = "Memory"
                case memoryAndSwap = "MemorySwap"
                case pids = "PidsLimit"
                case processorQuota = "CpuQuota"
                case processorPeriod = "CpuPeriod"
            }
        }
        var request = request(.POST, id, "update", isRepeatable: true)
        let limits = Limits(
            memory: memory, memoryAndSwap: memory, pids: pids, processorQuota: processorQuota,
            processorPeriod: processorQuota.map { _ in ContainerSpec.processorPeriod })
        request.body = .bytes(
            try EngineJSON.encode(limits, operation: request.operation), type: "application/json")
        try await client.send(request)
    }

    private func updateInPodman(
        _ id: String, memory: Int64?, pids: Int64?, processorQuota: Int64?
    ) async throws(EngineError) {
        /// The runtime specification's `LinuxResources`.
        struct Resources: Encodable {
            struct Memory: Encodable {
                var limit: Int64
                var swap: Int64
            }

            struct Processes: Encodable { var limit: Int64 }
            struct Processors: Encodable {
                var quota: Int64
                var period = ContainerSpec.processorPeriod
            }

            var memory: Memory?
            var pids: Processes?
            var cpu: Processors?
        }
        var request = EngineRequest(
            method: .POST, path: "/libpod/containers/\(EngineRequest.segment(id))/update",
            patience: .total(client.timeouts.answer), isRepeatable: true)
        let resources = Resources(
            memory: memory.map { .init(limit: $0, swap: $0) }, pids: pids.map { .init(limit: $0) },
            cpu: processorQuota.map { .init(quota: $0) })
        request.body = .bytes(
            try EngineJSON.encode(resources, operation: request.operation), type: "application/json")
        try await client.send(request)
    }

    /// The containers with all of `labels`.
    ///
    /// - Parameters:
    ///   - labels: an empty value stands for any.
    ///   - all: whether to include those that do not run.
    package func list(
        labels: [String: String] = [:], all: Bool = true
    ) async throws(EngineError) -> [ContainerSummary] {
        var request = request(.GET, "json", isRepeatable: true)
        request.query = [
            ("all", all ? "1" : "0"),
            ("filters", try EngineFilters.labels(labels, operation: request.operation)),
        ]
        return try await client.decoded([ContainerSummary].self, request)
    }

    /// Unpacks a tar archive into a directory of a container. The engine refuses this for a read-only
    /// container.
    package func putArchive(_ id: String, path: String, tar: [UInt8]) async throws(EngineError) {
        var request = request(.PUT, id, "archive", isRepeatable: true)
        request.query = [("path", path)]
        request.body = .bytes(ByteBuffer(bytes: tar), type: "application/x-tar")
        try await client.send(request)
    }

    /// Attaches to the standard streams of a container. Nothing that the container writes after this returns
    /// is lost.
    package func attach(
        _ id: String, handler: any AttachedStreamHandler
    ) async throws(EngineError) -> AttachedStream {
        var request = request(.POST, id, "attach")
        request.query = [("stream", "1"), ("stdin", "1"), ("stdout", "1"), ("stderr", "1")]
        request.attachment = handler
        return try await client.attached(request)
    }

    private func request(
        _ method: HTTPMethod, _ parts: String..., patience: EngineRequest.Patience? = nil,
        isRepeatable: Bool = false
    ) -> EngineRequest {
        EngineRequest(
            method: method,
            path: "/containers/" + parts.map(EngineRequest.segment).joined(separator: "/"),
            patience: patience ?? .total(client.timeouts.answer), isRepeatable: isRepeatable)
    }
}

extension EngineClient {
    /// Sends a request whose connection then becomes a container's stream.
    func attached(_ request: EngineRequest) async throws(EngineError) -> AttachedStream {
        guard let stream = try await send(request).stream else {
            throw EngineError(
                .malformedAnswer, operation: request.operation,
                message: "the engine answered, but did not hand over the connection")
        }
        return stream
    }
}

/// The filters of lists.
enum EngineFilters {
    static func labels(_ labels: [String: String], operation: String) throws(EngineError) -> String {
        let values = labels.map { $0.value.isEmpty ? $0.key : "\($0.key)=\($0.value)" }.sorted()
        let filters = values.isEmpty ? [:] : ["label": values]
        return String(buffer: try EngineJSON.encode(filters, operation: operation))
    }
}
#endif
