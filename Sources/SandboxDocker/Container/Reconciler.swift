/// Removes what owners left behind: processes that were killed, and answers of the engine that were lost.

#if Docker
import Logging
import SandboxAPI
import SandboxRuntime

/// Looks at labels, never at memory: whoever was killed told nobody what he had made.
///
/// No two clocks are compared. How old something is, the engine's own clock tells; how long one of ours has been
/// unknown to us, ours does, which never jumps.
struct Reconciler: Sendable {
    let client: EngineClient
    /// Of the backend that asks; nil for a clean-up by somebody who has none.
    var own: (owner: ContainerOwner, knows: @Sendable (String) -> Bool)?
    private let sightings = Sightings()

    /// A container is made before its maker knows its id.
    static let youth = Duration.seconds(120)
    /// What nobody uses for so long, in seconds, is nobody's, even if its owner cannot be judged from here: most
    /// often he died with his machine. One that lives after all makes it anew.
    static let desertion: Int64 = 24 * 3600

    init(client: EngineClient) { self.client = client }

    /// Something of ours on the engine.
    struct Item {
        var labels: [String: String]
        /// In seconds of the engine's clock; 0 when it does not say.
        var age: Int64
        /// A container that runs, or the volume of an owner who has one.
        var isUsed: Bool
        /// Of the backend that asks: it knows it.
        var isKnown = false
        /// Of the backend that asks: for how long it has seen it without knowing it.
        var unknownFor = Duration.zero
    }

    /// What a round found.
    struct Report: Sendable {
        /// As "container ID" and "volume NAME".
        var removed: [String] = []
        /// What the engine lists and does not have.
        var ghosts: [String] = []
    }

    /// What is to be removed. Pure.
    ///
    /// - Parameter hasEnded: whether an owner is a backend of this process that was shut down.
    static func isLeftBehind(
        _ item: Item, own: ContainerOwner?, here: String,
        hasEnded: (ContainerOwner) -> Bool = { _ in false }, startTime: (Int32) -> UInt64?
    ) -> Bool {
        guard let owner = ContainerOwner(labels: item.labels) else { return false }
        if owner == own { return !item.isKnown && item.unknownFor > youth }
        if hasEnded(owner) { return true }
        switch owner.life(seenFrom: here, startTime: startTime) {
        case .lives: return false
        case .dead: return true
        case .unknown: return !item.isUsed && item.age > desertion
        }
    }

    /// Removes containers, then volumes.
    func run(logger: Logger) async throws(EngineError) -> Report {
        var report = Report()
        let now = try await client.time()
        func age(_ created: Int64?) -> Int64 {
            created.flatMap { created in now.map { $0 - created } } ?? 0
        }
        var users: Set<ContainerOwner> = []
        let containers = try await client.containers.list(labels: [ContainerOwner.hostLabel: ""])
        sightings.keep(only: containers.map(\.id))
        for container in containers {
            let isKnown = own?.knows(container.id) ?? false
            let item = Item(
                labels: container.labels, age: age(container.created),
                isUsed: container.status == "running", isKnown: isKnown,
                unknownFor: isKnown ? .zero : sightings.age(of: container.id))
            guard isLeftBehind(item) else {
                if let owner = ContainerOwner(labels: item.labels) { users.insert(owner) }
                continue
            }
            await remove("container \(container.id)", &report, logger) { () async throws(EngineError) in
                try await client.containers.remove(container.id)
            }
        }
        for volume in try await client.volumes.list(labels: [ContainerOwner.hostLabel: ""]) {
            // A backend's own volume is in use until it shuts down.
            let item = Item(
                labels: volume.labels, age: age(volume.created),
                isUsed: ContainerOwner(labels: volume.labels).map(users.contains) ?? false, isKnown: true)
            guard isLeftBehind(item) else { continue }
            await remove("volume \(volume.name)", &report, logger) { () async throws(EngineError) in
                try await client.volumes.removeWhenUnused(volume.name)
                return true
            }
        }
        return report
    }

    private func isLeftBehind(_ item: Item) -> Bool {
        Self.isLeftBehind(
            item, own: own?.owner, here: ProcessFacts.host, hasEnded: ContainerOwner.hasEnded,
            startTime: ProcessFacts.startTime)
    }

    /// One that cannot be removed must not keep the others: the next round tries it again.
    ///
    /// - Parameter body: false: there was nothing to remove.
    private func remove(
        _ what: String, _ report: inout Report, _ logger: Logger,
        _ body: () async throws(EngineError) -> Bool
    ) async {
        do throws(EngineError) {
            if try await body() {
                report.removed.append(what)
                logger.notice("removed what a dead owner left", metadata: ["what": "\(what)"])
            } else {
                report.ghosts.append(what)
                logger.info("the engine lists what it does not have", metadata: ["what": "\(what)"])
            }
        } catch {
            logger.warning(
                "cannot remove what a dead owner left",
                metadata: ["what": "\(what)", "error": "\(error)"])
        }
    }

    /// When something was seen first, by a clock that never jumps.
    private final class Sightings: Sendable {
        private let first = Locked<[String: ContinuousClock.Instant]>([:])

        func age(of id: String) -> Duration {
            first.withLock { first in
                let seen = first[id] ?? .now
                first[id] = seen
                return .now - seen
            }
        }

        func keep(only ids: [String]) {
            let ids = Set(ids)
            first.withLock { first in first = first.filter { ids.contains($0.key) } }
        }
    }
}
#endif
