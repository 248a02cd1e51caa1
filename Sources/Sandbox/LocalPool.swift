/// One supervisor with its slots and the pool of prepared sandboxes on them.

import CIsolate
import Glibc
import SandboxAPI
import SandboxImages
import SandboxRuntime
import Synchronization

/// What a pool's sandboxes begin with.
struct LocalPoolKey: Hashable, Sendable, CustomStringConvertible {
    var image: Image
    /// Of an archive: one that was replaced under its name is another image.
    var digest: String?
    var rootfs: Rootfs
    var network = NetworkMode.none

    /// For people, as the name of a pool.
    var description: String {
        "\(image), \(rootfs.rawValue)" + (network == .none ? "" : ", network \(network.rawValue)")
    }
}

/// Makes sandboxes out of slots: a slot that gave one back is cleared and prepared for the next.
final class LocalPool: Sendable {
    let key: LocalPoolKey
    let supervisor: Supervisor
    let slots: Pool<Slot>
    let image: PreparedImage
    /// The image's own variables.
    let environment: [ByteString: ByteString]

    static func start(
        _ key: LocalPoolKey, _ image: PreparedImage, _ configuration: LocalBackend.Configuration
    ) async throws(SandboxError) -> LocalPool {
        let setup = Supervisor.Setup(
            root: key.image == .host ? nil : image.path, isWritable: key.rootfs == .writable,
            network: key.network, adoptCgroup: configuration.adoptCgroup, avoid: configuration.avoid,
            failStage: configuration.failStage)
        let supervisor: Supervisor
        do throws(SandboxError) {
            supervisor = try await Supervisor.start(setup, configuration.patience)
        } catch {
            image.hold.release()
            throw error
        }
        do throws(SandboxError) {
            try check(key, image, supervisor.world)
            return try LocalPool(key, supervisor, image, configuration)
        } catch {
            await supervisor.stop()
            image.hold.release()
            throw error
        }
    }

    /// An ordinary user's program can change only files that are his own.
    private static func check(
        _ key: LocalPoolKey, _ image: PreparedImage, _ world: LocalWorld
    ) throws(SandboxError) {
        guard key.rootfs == .writable, !world.isPrivileged, !image.isUnpacked else { return }
        throw SandboxError(
            .writableRootfsUnavailable,
            message:
                "an ordinary user cannot have \(Validation.quoted("\(key.image)")) as a writable root: its "
                + "files belong to somebody else",
            hint:
                "use an image archive, whose files this library unpacks as yours, or .readOnly, or run as root"
        )
    }

    private init(
        _ key: LocalPoolKey, _ supervisor: Supervisor, _ image: PreparedImage,
        _ configuration: LocalBackend.Configuration
    ) throws(SandboxError) {
        self.key = key
        self.supervisor = supervisor
        self.image = image
        environment = image.environment.asBytes
        let workshop = Workshop(supervisor: supervisor, keep: configuration.pool.maximum)
        slots = try Pool(
            configuration: configuration.pool,
            create: { _ throws(SandboxError) in try await workshop.make() },
            destroy: { slot in await workshop.unmake(slot) })
        // Whoever waits for a sandbox of it waits for nothing from then on, and is served by the next one.
        supervisor.onLoss { [weak self] in self?.slots.refuse() }
        slots.start()
    }

    var details: PoolDetails { slots.details.named("\(key)") }

    func checkOwner() throws(SandboxError) {
        guard getpid() == supervisor.handle.owner else {
            throw SandboxError.forkedEmbedder("LocalBackend")
        }
    }

    /// Its supervisor is gone, and not by our will: the next caller has another pool.
    var isBroken: Bool { supervisor.isLost && !isStopping.load(ordering: .acquiring) }

    private let isStopping = Atomic<Bool>(false)

    /// Ends everything at once: runs under way fail with `.shutDown`. Sandboxes that somebody still holds are empty
    /// shells then, which the pool forgets when they are closed.
    func stop() async {
        // One that is lost stays lost to those who hold sandboxes of it.
        if !supervisor.isLost { isStopping.store(true, ordering: .releasing) }
        await supervisor.stop()
        image.hold.release()
        Task { await slots.drain() }
    }

    /// What the loss of the supervisor means: we ended it ourselves, or it was killed.
    func explain(_ error: SandboxError) -> SandboxError {
        guard error.code == .supervisorLost, isStopping.load(ordering: .acquiring) else { return error }
        return .backendShutDown
    }

    /// Slots between two sandboxes.
    private final class Workshop: Sendable {
        private let supervisor: Supervisor
        private let keep: Int
        private let cleared = Locked<[Slot]>([])

        init(supervisor: Supervisor, keep: Int) {
            self.supervisor = supervisor
            self.keep = keep
        }

        func make() async throws(SandboxError) -> Slot {
            var idle = cleared.withLock { $0.popLast() }
            while let dead = idle, dead.isClosed {
                await supervisor.end(dead)
                idle = cleared.withLock { $0.popLast() }
            }
            let slot: Slot
            if let idle { slot = idle } else { slot = try await supervisor.makeSlot() }
            do {
                try await slot.prepare(disk: Limits.standard.disk)
                return slot
            } catch {
                await supervisor.end(slot)
                throw error
            }
        }

        func unmake(_ slot: Slot) async {
            do throws(SandboxError) {
                try await slot.clear()
            } catch {
                // It is gone or unwell: the supervisor removes what is left of it.
                await supervisor.end(slot)
                return
            }
            let isKept =
                !slot.mustRetire
                && cleared.withLock { cleared in
                    if cleared.count >= keep { return false }
                    cleared.append(slot)
                    return true
                }
            if !isKept { await supervisor.end(slot) }
        }
    }
}
