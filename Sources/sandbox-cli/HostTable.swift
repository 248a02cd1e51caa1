/// Lays out the host's report as a table for a person.

#if CLI
import Sandbox

enum HostTable {
    static func render(_ report: HostReport) -> String {
        var lines = [
            "kernel \(report.kernel) (\(report.machine)), cgroup \(report.cgroup.rawValue)",
            "strongest isolation level: \(report.level?.rawValue ?? "none works here")",
        ]
        if report.entries.isEmpty { return lines.joined(separator: "\n") + "\n" }
        lines.append("")

        let heading = "layer"
        let width = report.entries.map(\.name.count).reduce(heading.count, max)
        func row(_ name: String, _ answer: String, _ detail: String) {
            let line = pad(name, to: width) + "  " + pad(answer, to: 3) + "  " + detail
            lines.append(trimmed(line))
        }
        row(heading, "has", "detail")
        for entry in report.entries {
            row(entry.name, entry.isAvailable ? "yes" : "no", oneLine(entry.detail))
            if let mend = entry.mend { row("", "", "to mend: " + oneLine(mend)) }
        }
        return lines.joined(separator: "\n") + "\n"
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
