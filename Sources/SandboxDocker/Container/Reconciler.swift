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
        /// What nobody uses for so long, in seconds, is nobody's, even if its owner cannot be judged from here: most
        /// often he died with his machine. One that lives after all makes it anew.
        static let desertion: Int64 = 24 * 3600

        /// Something of ours on the engine.
        struct Item {
            var labels: [String: String]
            /// In seconds; 0 when the engine does not say.
            var age: Int64
            /// A container that runs, or the volume of an owner who has one.
            var isUsed: Bool
            /// Of the backend that asks: it knows it.
            var isKnown = false
        }

        /// What is to be removed. Pure.
        static func isLeftBehind(
            _ item: Item, own: ContainerOwner?, here: String, startTime: (Int32) -> UInt64?
        ) -> Bool {
            guard let owner = ContainerOwner(labels: item.labels) else { return false }
            if owner == own { return !item.isKnown && item.age > youth }
            switch owner.life(seenFrom: here, startTime: startTime) {
            case .lives: return false
            case .dead: return true
            case .unknown: return !item.isUsed && item.age > desertion
            }
        }

        /// Removes containers, then volumes.
        ///
        /// - Returns: what was removed, as "container ID" and "volume NAME".
        func run(logger: Logger) async throws(EngineError) -> [String] {
            var removed: [String] = []
            let now = Int64(ProcessFacts.secondsSince1970)
            var users: Set<ContainerOwner> = []
            for container in try await client.containers.list(labels: [ContainerOwner.hostLabel: ""]) {
                let item = Item(
                    labels: container.labels, age: container.created.map { now - $0 } ?? 0,
                    isUsed: container.status == "running", isKnown: own?.knows(container.id) ?? false)
                guard isLeftBehind(item) else {
                    if let owner = ContainerOwner(labels: item.labels) { users.insert(owner) }
                    continue
                }
                if await remove(
                    { () async throws(EngineError) in
                        try await client.containers.remove(container.id)
                    }, "container \(container.id)", logger)
                {
                    removed.append("container \(container.id)")
                }
            }
            for volume in try await client.volumes.list(labels: [ContainerOwner.hostLabel: ""]) {
                let created = volume.labels[ContainerOwner.createdLabel].flatMap { Int64($0) }
                // A backend's own volume is in use until it shuts down.
                let item = Item(
                    labels: volume.labels, age: created.map { now - max(0, $0) } ?? 0,
                    isUsed: ContainerOwner(labels: volume.labels).map(users.contains) ?? false, isKnown: true)
                guard isLeftBehind(item) else { continue }
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

        private func isLeftBehind(_ item: Item) -> Bool {
            Self.isLeftBehind(
                item, own: own?.owner, here: ProcessFacts.host, startTime: ProcessFacts.startTime)
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
