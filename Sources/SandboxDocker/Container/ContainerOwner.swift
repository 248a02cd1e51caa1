/// The owner of a container or a volume, as its labels name it, and whether that process still lives. Pure
/// except for `ProcessFacts`.

#if Docker
import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// The process that made a container, and its backend object.
struct ContainerOwner: Hashable, Sendable {
    /// This boot of this kernel and the pid namespace, which together give pids a meaning.
    var host: String
    var pid: Int32
    /// The process's birth, see `isolate_process_birth`: the pid alone may have been reused.
    var start: UInt64
    /// The backend object.
    var backend: Int

    private static let prefix = "swift-sandbox."
    static let hostLabel = prefix + "host"
    static let pidLabel = prefix + "pid"
    static let birthLabel = prefix + "birth"
    /// The label of containers of older versions, which recorded clock ticks after the boot.
    static let startLabel = prefix + "start"
    static let backendLabel = prefix + "backend"
    static let poolLabel = prefix + "pool"
    static let purposeLabel = prefix + "purpose"
    static let versionLabel = prefix + "version"
    static let engineLabel = prefix + "engine"
    static let createdLabel = prefix + "created"

    /// What a container is for.
    enum Purpose: String { case sandbox, agent }

    /// - Parameter engine: the address at which the owner reaches the engine; an engine may have several.
    func labels(_ purpose: Purpose, pool: String, engine: String = "") -> [String: String] {
        let more = [
            Self.engineLabel: engine,
            Self.poolLabel: pool, Self.purposeLabel: purpose.rawValue, Self.versionLabel: libraryVersion,
            Self.createdLabel: "\(ProcessFacts.secondsSince1970)",
        ]
        return ownLabels.merging(more) { $1 }
    }

    /// The labels that everything of this owner has.
    var ownLabels: [String: String] {
        [
            Self.hostLabel: host, Self.pidLabel: "\(pid)", Self.birthLabel: "\(start)",
            Self.backendLabel: "\(backend)",
        ]
    }

    init(host: String, pid: Int32, start: UInt64, backend: Int) {
        self.host = host
        self.pid = pid
        self.start = start
        self.backend = backend
    }

    /// Returns nil for labels that this library did not write, or that were changed.
    init?(labels: [String: String]) {
        guard let host = labels[Self.hostLabel], let pid = labels[Self.pidLabel].flatMap(Int32.init),
            let start = (labels[Self.birthLabel] ?? labels[Self.startLabel]).flatMap(UInt64.init),
            let backend = labels[Self.backendLabel].flatMap(Int.init), pid > 0
        else { return nil }
        self.init(host: host, pid: pid, start: start, backend: backend)
    }

    /// The owner for a backend of this process.
    static func current(backend: Int) -> ContainerOwner {
        ContainerOwner(
            host: ProcessFacts.host, pid: getpid(), start: ProcessFacts.startTime(of: getpid()) ?? 0,
            backend: backend)
    }

    /// Backends of this process that were shut down: whatever still has their labels is left over.
    private static let ended = Locked<Set<ContainerOwner>>([])

    static func end(_ owner: ContainerOwner) { ended.withLock { _ = $0.insert(owner) } }

    static func hasEnded(_ owner: ContainerOwner) -> Bool { ended.withLock { $0.contains(owner) } }

    /// For names of containers and volumes.
    var name: String { "swift-sandbox-\(pid)-\(start)-\(backend)" }

    /// With the host in it: pids and start times of two machines may be the same, and their engine too.
    var volumeName: String {
        let host = host.utf8.reduce(5381 as UInt64) { $0 &* 33 ^ UInt64($1) }
        return "\(name)-\(String(UInt32(truncatingIfNeeded: host), radix: 16))-agent"
    }

    /// What this process can find out about an owner.
    enum Life: Hashable { case lives, dead, unknown }

    /// - Parameter startTime: returns the birth of the process with this pid here, or nil when there is none.
    func life(seenFrom here: String, startTime: (Int32) -> UInt64?) -> Life {
        // An owner on another machine, in another container, or before a reboot: its state cannot be known
        // here.
        guard host == here else { return .unknown }
        return isolate_births_may_match(startTime(pid) ?? 0, start) != 0 ? .lives : .dead
    }
}

/// Facts of processes, from /proc.
enum ProcessFacts {
    /// The boot's own id and the inode of this process's pid namespace.
    static let host: String = {
        let boot = read("/proc/sys/kernel/random/boot_id").prefix { $0 != "\n" }
        var status = stat()
        let namespace = stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0
        return "\(boot)-\(namespace)"
    }()

    static var secondsSince1970: Int { time(nil) }

    /// The process's birth; nil for a process that is missing or dead.
    static func startTime(of pid: Int32) -> UInt64? {
        let birth = isolate_process_birth(pid)
        return birth == 0 ? nil : birth
    }

    private static func read(_ path: String) -> String { FileBytes.text(ofFile: path) ?? "" }
}
#endif
