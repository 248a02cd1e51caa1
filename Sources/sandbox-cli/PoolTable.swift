/// Lays out a pool's statistics as tables for a person.

#if CLI
import Sandbox

enum PoolTable {
    static func render(_ details: PoolDetails) -> String {
        let statistics = details.statistics
        let times = details.acquireTimes
        func time(_ share: Double) -> String { times.quantile(share).map(brief) ?? "-" }
        let summary = [
            ("total", "\(statistics.total)"), ("in use", "\(statistics.inUse)"),
            ("available", "\(statistics.available)"), ("waiting", "\(statistics.waiting)"),
            ("created", "\(statistics.created)"), ("destroyed", "\(statistics.destroyed)"),
            ("failures", "\(statistics.failures)"), ("acquire p50", time(0.5)), ("p99", time(0.99)),
        ]
        let members =
            [["sandbox", "state", "age", "uses", "pool"]]
            + details.sandboxes.map {
                ["\($0.id)", name($0.state), brief($0.age), "\($0.uses)", $0.pool]
            }
        return table([summary.map(\.0), summary.map(\.1)]) + "\n" + table(members)
    }

    private static func name(_ state: PooledSandbox.State) -> String {
        state == .inUse ? "in use" : state.rawValue
    }

    /// `12 µs`, `1.4 ms`, `3.2 s`, `5 min`.
    static func brief(_ duration: Duration) -> String {
        let seconds = Seconds.value(duration)
        func tenths(_ value: Double, _ unit: String) -> String {
            let tenths = Int((value * 10).rounded())
            return value < 10 && tenths % 10 != 0
                ? "\(tenths / 10).\(tenths % 10) \(unit)" : "\(Int(value.rounded())) \(unit)"
        }
        if seconds < 0.000_000_5 { return "\(Int((seconds * 1e9).rounded())) ns" }
        if seconds < 0.000_999_5 { return tenths(seconds * 1e6, "µs") }
        if seconds < 0.999_5 { return tenths(seconds * 1e3, "ms") }
        if seconds < 120 { return tenths(seconds, "s") }
        return "\(Int(seconds / 60)) min"
    }

    /// Columns as wide as their widest cell, two spaces apart.
    static func table(_ rows: [[String]]) -> String {
        let widths = (rows.first ?? []).indices.map { column in
            rows.map { $0[column].count }.reduce(0, max)
        }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }
}
#endif
