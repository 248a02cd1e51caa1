/// One supervisor with its slots and the pool of prepared sandboxes on them.

import CIsolate
import Glibc
import SandboxAPI
import SandboxImages
import SandboxRuntime
import Synchronization

/// A directory of the host, whatever its path.
struct DirectoryIdentity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
    /// When it was made, where the file system keeps that: the number of an inode that is gone is given again.
    var birth: UInt64

    /// `nil` for a path at which nothing can be looked at; making the pool then says why.
    init?(_ path: ByteString) {
        var status = stat()
        guard stat(path.cString, &status) == 0 else { return nil }
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
        birth = isolate_directory_birth(path.cString)
    }
}

/// What all sandboxes of a pool start from.
struct LocalPoolKey: Hashable, Sendable, CustomStringConvertible {
    var image: Image
    /// The digest of an image's archive: an archive that replaced another under the same name is another
    /// image.
    var digest: String?
    var rootfs: Rootfs
    var network = NetworkMode.none
    var bindMounts: [BindMount] = []
    /// Which directories these are: another one under the same path makes another pool.
    var directories: [DirectoryIdentity] = []

    /// Names the pool in reports.
    var description: String {
        "\(image), \(rootfs.rawValue)" + (network == .none ? "" : ", network \(network.rawValue)")
            + (bindMounts.isEmpty ? "" : ", with \(bindMounts.targets)")
    }
}

/// Makes sandboxes out of slots: when a sandbox is closed, the pool clears its slot and prepares it for the
/// next.
final class LocalPool: Sendable {
    let key: LocalPoolKey
    let supervisor: Supervisor
    let slots: Pool<Slot>
    let image: PreparedImage
    /// The variables that the image sets.
    let environment: [ByteString: ByteString]

    static func start(
        _ key: LocalPoolKey, _ image: PreparedImage, _ configuration: LocalBackend.Configuration
    ) async throws(SandboxError) -> LocalPool {
        let setup = Supervisor.Setup(
            root: key.image == .host ? nil : image.path, isWritable: key.rootfs == .writable,
            network: key.network, bindMounts: key.bindMounts, adoptCgroup: configuration.adoptCgroup,
            avoid: configuration.avoid,
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

    /// Refuses a writable host root to an ordinary user, whose program could change only that user's own
    /// files.
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
        // A caller that waits for a sandbox of this pool fails at once, and the backend serves it from the
        // next pool.
        supervisor.onLoss { [weak self] in self?.slots.refuse() }
        slots.start()
    }

    var details: PoolDetails { slots.details.named("\(key)") }

    func checkOwner() throws(SandboxError) {
        guard getpid() == supervisor.handle.owner else {
            throw SandboxError.forkedEmbedder("LocalBackend")
        }
    }

    private let isStopping = Atomic<Bool>(false)

    /// Ends the supervisor and all sandboxes: runs under way fail with `.shutDown`. A sandbox that a caller
    /// still holds has no slot then, and the pool forgets it when the caller closes it.
    func stop() async {
        // A lost supervisor stays lost for the callers that hold sandboxes of it.
        if !supervisor.isLost { isStopping.store(true, ordering: .releasing) }
        await supervisor.stop()
        image.hold.release()
        Task { await slots.drain() }
    }

    /// Replaces an error from the loss of the supervisor: the pool ended it, or something else killed it.
    func explain(_ error: SandboxError) -> SandboxError {
        guard error.code == .supervisorLost, isStopping.load(ordering: .acquiring) else { return error }
        return .backendShutDown
    }

    /// Makes, resets and removes the pool's slots.
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
                // The slot is gone or does not work: the supervisor removes what is left of it.
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
