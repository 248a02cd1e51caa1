/// A pool's statistics as metrics.

#if Fallback
public import Metrics
import SandboxAPI
import SandboxRuntime

/// Publishes a pool's statistics through swift-metrics, on demand or periodically.
///
/// A present value is a gauge (`sandbox_pool_available`, …), a total since the start a counter
/// (`sandbox_pool_created_total`, …), and the callers' waiting time a gauge for the median and one for 99 %
/// (`sandbox_pool_acquire_seconds{quantile="0.5"}`). Use one publisher for each backend: counters grow by the
/// difference to its last snapshot.
public final class PoolMetrics: Sendable {
    private static let states: [(String, @Sendable (PoolStatistics) -> Int)] = [
        ("total", \.total), ("in_use", \.inUse), ("available", \.available), ("waiting", \.waiting),
        ("creating", \.creating), ("resetting", \.resetting), ("checking", \.checking),
        ("destroying", \.destroying),
    ]
    private static let events: [(String, @Sendable (PoolStatistics) -> Int)] = [
        ("created", \.created), ("destroyed", \.destroyed), ("failures", \.failures), ("unfit", \.unfit),
        ("acquired", \.acquired), ("cancelled", \.cancelled), ("refused", \.refused),
    ]
    private static let shares = ["0.5", "0.99"]

    private let gauges: [Gauge]
    private let counters: [Counter]
    private let quantiles: [Gauge]
    private let published = Locked(PoolStatistics())

    /// - Parameters:
    ///   - dimensions: added to each metric, such as `("backend", "docker")`; few values, never free text.
    ///   - factory: `nil`: the factory with which the process was bootstrapped.
    public init(dimensions: [(String, String)] = [], factory: (any MetricsFactory)? = nil) {
        let factory = factory ?? MetricsSystem.factory
        gauges = Self.states.map { name, _ in
            Gauge(label: "sandbox_pool_\(name)", dimensions: dimensions, factory: factory)
        }
        counters = Self.events.map { name, _ in
            Counter(label: "sandbox_pool_\(name)_total", dimensions: dimensions, factory: factory)
        }
        quantiles = Self.shares.map { share in
            Gauge(
                label: "sandbox_pool_acquire_seconds", dimensions: dimensions + [("quantile", share)],
                factory: factory)
        }
    }

    public func publish(_ details: PoolDetails) {
        let statistics = details.statistics
        for (gauge, state) in zip(gauges, Self.states) { gauge.record(state.1(statistics)) }
        published.withLock { published in
            for (counter, event) in zip(counters, Self.events) {
                // A snapshot older than the last one adds nothing.
                let news = event.1(statistics) - event.1(published)
                if news > 0 { counter.increment(by: news) }
            }
            if statistics.created >= published.created { published = statistics }
        }
        for (gauge, share) in zip(quantiles, Self.shares) {
            guard let time = Double(share).flatMap(details.acquireTimes.quantile) else { continue }
            gauge.record(time / .seconds(1))
        }
    }

    /// Publishes a backend's statistics at each interval, until the task is cancelled.
    public func publish(_ backend: any SandboxBackend, every interval: Duration) async {
        while !Task.isCancelled {
            publish(backend.poolDetails)
            try? await Task.sleep(for: interval)
        }
    }
}
#endif
