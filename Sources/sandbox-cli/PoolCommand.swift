/// `sandbox pool`: makes the pool that the environment configures, and prints its state.

#if CLI
import ArgumentParser
import Sandbox
import SandboxRuntime

struct PoolCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "pool", abstract: "Make a pool of sandboxes and print its statistics.",
        discussion: """
            The pool is the one that POOL_MIN_SIZE, POOL_MAX_SIZE, POOL_MAX_CONTAINER_AGE_MS, POOL_MAX_USES, \
            POOL_MAINTENANCE_INTERVAL_MS, ENABLE_CONTAINER_POOL and SANDBOX_IMAGE configure. It is destroyed \
            at the end.
            """)

    @Option(help: "Whose pool: docker, local, or auto (Docker, falling back to local).")
    var backend: BackendChoice = .docker

    @Flag(help: "Print again and again, until interrupted.")
    var watch = false

    @Option(
        parsing: .unconditional,
        help: .init(
            "The pause between two prints with --watch, in seconds. (\(LimitDescription.of(.wallTime).rangeText); default: 2 s)",
            valueName: "s"),
        transform: Seconds.parse)
    var interval: Duration = .seconds(2)

    @Flag(help: "Print JSON objects, one on a line.")
    var json = false

    /// How long the pool may take to be ready.
    private static let warmUp = Duration.seconds(60)
    /// How long the pool may take to be destroyed after a signal.
    private static let drain = Duration.seconds(30)

    func perform() async -> Int32 {
        let session = Session(backend, json: json)
        return await session.perform {
            _ = try await session.withBackend(for: .pool, patience: Self.drain) { backend in
                do {
                    try await Self.fill(backend)
                    try await print(backend)
                } catch is CancellationError where watch {
                    // With --watch a signal is the ordinary end.
                }
            }
            return ExitStatus.success
        }
    }

    /// Fills the pool, which otherwise starts with the first caller.
    private static func fill(_ backend: any SandboxBackend) async throws {
        try await backend.warm()
        let end = ContinuousClock.now + warmUp
        while ContinuousClock.now < end {
            let statistics = backend.statistics
            if statistics.creating + statistics.resetting + statistics.destroying == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func print(_ backend: any SandboxBackend) async throws {
        while true {
            let details = backend.poolDetails
            let text =
                json
                ? try JSONText.encode(PoolObject(details)) : Array(PoolTable.render(details).utf8)
            try await StandardStreams.writeOut(text)
            guard watch else { return }
            try await Task.sleep(for: interval)
            if !json { try await StandardStreams.writeOut([UInt8(ascii: "\n")]) }
        }
    }
}

/// The object of `sandbox pool --json`.
struct PoolObject: Encodable {
    struct Member: Encodable {
        var pool: String
        var id: Int
        var state: String
        var ageSeconds: Double
        var uses: Int
    }

    struct AcquireTimes: Encodable {
        var count: UInt64
        @Nullable var p50Seconds: Double?
        @Nullable var p99Seconds: Double?
        var maximumSeconds: Double
    }

    let schemaVersion = 1
    var total: Int
    var inUse: Int
    var available: Int
    var waiting: Int
    var creating: Int
    var resetting: Int
    var checking: Int
    var destroying: Int
    var created: Int
    var destroyed: Int
    var failures: Int
    var unfit: Int
    var acquired: Int
    var cancelled: Int
    var refused: Int
    var acquireTimes: AcquireTimes
    var sandboxes: [Member]

    init(_ details: PoolDetails) {
        let statistics = details.statistics
        total = statistics.total
        inUse = statistics.inUse
        available = statistics.available
        waiting = statistics.waiting
        creating = statistics.creating
        resetting = statistics.resetting
        checking = statistics.checking
        destroying = statistics.destroying
        created = statistics.created
        destroyed = statistics.destroyed
        failures = statistics.failures
        unfit = statistics.unfit
        acquired = statistics.acquired
        cancelled = statistics.cancelled
        refused = statistics.refused
        let times = details.acquireTimes
        acquireTimes = AcquireTimes(
            count: times.count, p50Seconds: times.quantile(0.5).map(Seconds.value),
            p99Seconds: times.quantile(0.99).map(Seconds.value),
            maximumSeconds: Seconds.value(times.maximum))
        sandboxes = details.sandboxes.map {
            Member(
                pool: $0.pool, id: $0.id, state: $0.state.rawValue, ageSeconds: Seconds.value($0.age),
                uses: $0.uses)
        }
    }
}
#endif
