/// Lays out the host's report as a table for a person.

#if CLI
import Sandbox

enum HostTable {
    static func render(_ report: HostReport) -> String {
        var lines = [
            "kernel \(report.kernel) (\(report.machine)), cgroup \(report.cgroup.rawValue)",
            "strongest isolation level: \(report.level?.rawValue ?? "none works here")",
        ]
        lines += table(
            "layer", "has", report.entries.map { ($0.name, $0.isAvailable, $0.detail, $0.mend) })
        lines += table(
            "disturbs figures", "is", report.disturbances.map { ($0.name, $0.isPresent, $0.detail, $0.mend) })
        return lines.joined(separator: "\n") + "\n"
    }

    private typealias Row = (name: String, answer: Bool, detail: String, mend: String?)

    /// An empty line and a table; nothing when there are no rows.
    private static func table(_ heading: String, _ question: String, _ rows: [Row]) -> [String] {
        if rows.isEmpty { return [] }
        var lines = [""]
        let width = rows.map(\.name.count).reduce(heading.count, max)
        func add(_ name: String, _ answer: String, _ detail: String) {
            lines.append(trimmed(pad(name, to: width) + "  " + pad(answer, to: 3) + "  " + detail))
        }
        add(heading, question, "detail")
        for row in rows {
            add(row.name, row.answer ? "yes" : "no", oneLine(row.detail))
            if let mend = row.mend { add("", "", "to mend: " + oneLine(mend)) }
        }
        return lines
    }

    private static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func trimmed(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }
}
#endif
