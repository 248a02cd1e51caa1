/// Removes what owners left behind: processes that were killed, and answers of the engine that were lost.

#if Docker
    import CIsolate
    import Logging
    import Sandbox

    /// Looks at labels, never at memory: whoever was killed told nobody what he had made.
    struct Reconciler: Sendable {
        let client: EngineClient
        /// Of the backend that asks; nil for a clean-up by somebody who has none.
        var own: (owner: ContainerOwner, knows: @Sendable (String) -> Bool)?
        /// A container is made before its maker knows its id.
        private static let youth: Int64 = 120

        /// What is to be removed. Pure.
        static func isLeftBehind(
            _ labels: [String: String], age: Int64, isKnown: Bool, own: ContainerOwner?, here: String,
            startTime: (Int32) -> UInt64?
        ) -> Bool {
            guard let owner = ContainerOwner(labels: labels) else { return false }
            if owner == own { return !isKnown && age > youth }
            return owner.life(seenFrom: here, startTime: startTime) == .dead
        }

        /// Removes containers, then volumes.
        ///
        /// - Returns: what was removed, as "container ID" and "volume NAME".
        func run(logger: Logger) async throws(EngineError) -> [String] {
            var removed: [String] = []
            let now = Int64(ProcessFacts.secondsSince1970)
            for container in try await client.containers.list(labels: [ContainerOwner.hostLabel: ""]) {
                let age = container.created.map { now - $0 } ?? 0
                guard isLeftBehind(container.labels, age: age, isKnown: own?.knows(container.id) ?? false)
                else { continue }
                if await remove(
                    { () async throws(EngineError) in
                        try await client.containers.remove(container.id)
                    }, "container \(container.id)", logger)
                {
                    removed.append("container \(container.id)")
                }
            }
            for volume in try await client.volumes.list(labels: [ContainerOwner.hostLabel: ""]) {
                // A backend's own volume is in use until it shuts down.
                guard isLeftBehind(volume.labels, age: 0, isKnown: true) else { continue }
                if await remove(
                    { () async throws(EngineError) in
                        try await client.volumes.removeWhenUnused(volume.name)
                    }, "volume \(volume.name)", logger)
                {
                    removed.append("volume \(volume.name)")
                }
            }
            return removed
        }

        private func isLeftBehind(_ labels: [String: String], age: Int64, isKnown: Bool) -> Bool {
            Self.isLeftBehind(
                labels, age: age, isKnown: isKnown, own: own?.owner, here: ProcessFacts.host,
                startTime: ProcessFacts.startTime)
        }

        /// One that cannot be removed must not keep the others: the next round tries it again.
        private func remove(
            _ body: () async throws(EngineError) -> Void, _ what: String, _ logger: Logger
        ) async -> Bool {
            do throws(EngineError) {
                try await body()
                logger.notice("removed what a dead owner left", metadata: ["what": "\(what)"])
                return true
            } catch {
                logger.warning(
                    "cannot remove what a dead owner left",
                    metadata: ["what": "\(what)", "error": "\(error)"])
                return false
            }
        }
    }
#endif
