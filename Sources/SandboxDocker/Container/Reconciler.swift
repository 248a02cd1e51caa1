/// Removes containers and volumes that killed processes, or lost answers of the engine, left behind.

#if Docker
import Logging
import SandboxAPI
import SandboxRuntime

/// Decides by labels, never by this process's memory, since a killed process could not pass on what it had
/// made.
///
/// Never compares two clocks. An item's age is by the engine's own clock; how long this backend has seen an
/// item with its labels without knowing it is by this process's clock, which never jumps.
struct Reconciler: Sendable {
    let client: EngineClient
    /// The backend that runs this, and whether it knows a container; nil for a clean-up without a backend.
    var own: (owner: ContainerOwner, knows: @Sendable (String) -> Bool)?
    private let sightings = Sightings()

    /// How long an unknown container of a living backend stays: a container exists before its maker knows its
    /// id.
    static let youth = Duration.seconds(120)
    /// The age, in seconds, from which an unused item is removed although its owner's state is unknown:
    /// usually the owner died with its machine. An owner that is still alive makes the item anew.
    static let desertion: Int64 = 24 * 3600

    init(client: EngineClient) { self.client = client }

    /// A container or a volume of this library on the engine.
    struct Item {
        var labels: [String: String]
        /// By the engine's clock, in seconds; 0 when it is unknown.
        var age: Int64
        /// Whether it is a running container, or the volume of an owner that has one.
        var isUsed: Bool
        /// Whether the running backend knows this container of its own.
        var isKnown = false
        /// How long the running backend has seen this container of its own without knowing it.
        var unknownFor = Duration.zero
    }

    /// The result of one round.
    struct Report: Sendable {
        /// Each as "container ID" or "volume NAME".
        var removed: [String] = []
        /// Containers that the engine lists but no longer has.
        var ghosts: [String] = []
    }

    /// Whether an item is to be removed. Pure.
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
            // A backend's volume is in use until the backend shuts down.
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

    /// Removes one item. One that cannot be removed must not block the others: the next round tries again.
    ///
    /// - Parameter body: returns false if there was nothing to remove.
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

    /// The time at which each item was first seen, by a clock that never jumps.
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
