/// Finds what disturbs figures on this host: settings and loads with which one program takes other times, or
/// another amount of memory, from run to run.

import SandboxAPI
import SandboxRuntime

/// Pure but for the reader that it is given.
struct HostDisturbances {
    /// A file's text without the white space around it; `nil` where it is not there.
    let read: (_ path: String) -> String?

    static func find() -> [HostReport.Disturbance] { HostDisturbances(read: text(of:)).all() }

    func all() -> [HostReport.Disturbance] {
        [
            frequencyScaling(), turbo(), siblings(), hugePages(), swap(), addressRandomization(),
            stolenTime(), load(),
        ]
    }

    private static let processors = "/sys/devices/system/cpu/"

    private func frequencyScaling() -> HostReport.Disturbance {
        let governors = processorNumbers().compactMap {
            read(Self.processors + "cpu\($0)/cpufreq/scaling_governor")
        }
        let others = Set(governors).subtracting(["performance"]).sorted()
        guard !governors.isEmpty else {
            return absent("frequencyScaling", "the kernel scales no processor's frequency")
        }
        guard !others.isEmpty else { return absent("frequencyScaling", "governor performance") }
        return present(
            "frequencyScaling",
            "governor \(others.joined(separator: ", ")): a processor is slower after a pause",
            mend: "cpupower frequency-set -g performance")
    }

    private func turbo() -> HostReport.Disturbance {
        // Where turbo is switched, what the file says when it is on, and what switches it off.
        let switches = [("intel_pstate/no_turbo", "0", "1"), ("cpufreq/boost", "1", "0")]
            .map { (path: Self.processors + $0, on: $1, off: $2, setting: read(Self.processors + $0)) }
        if let turbo = switches.first(where: { $0.setting == $0.on }) {
            return present("turbo", Self.turboIsOn, mend: "echo \(turbo.off) > \(turbo.path)")
        }
        let isControlled = switches.contains { $0.setting != nil }
        return absent("turbo", isControlled ? "switched off" : "the kernel controls none")
    }

    private static let turboIsOn = "on: a processor is faster while it is cool and its neighbours are idle"

    private func siblings() -> HostReport.Disturbance {
        guard read(Self.processors + "smt/active") == "1" else {
            return absent("siblings", "no two processors share a core")
        }
        return present(
            "siblings", "two processors share a core: a run is slower while its sibling is busy",
            mend: "echo off > \(Self.processors)smt/control, or give every second processor to runs")
    }

    private func hugePages() -> HostReport.Disturbance {
        let path = "/sys/kernel/mm/transparent_hugepage/enabled"
        let setting = read(path)
        guard setting?.contains("[always]") == true else {
            return absent(
                "hugePages", setting.map { "transparent huge pages: \($0)" } ?? "the kernel has none")
        }
        return present(
            "hugePages",
            "transparent huge pages for all: a program can be charged 2 MiB for the first byte of them",
            mend: "echo madvise > \(path)")
    }

    private func swap() -> HostReport.Disturbance {
        let areas = (read("/proc/swaps") ?? "").split(separator: "\n").dropFirst()
            .compactMap { $0.split(separator: " ").first.map(String.init) }
        guard !areas.isEmpty else { return absent("swap", "none in use") }
        return present(
            "swap", "\(areas.joined(separator: ", ")): what a run touches can have to be read back",
            mend: "swapoff -a")
    }

    private func addressRandomization() -> HostReport.Disturbance {
        let setting = read("/proc/sys/kernel/randomize_va_space") ?? ""
        guard setting != "0" else { return absent("addressRandomization", "switched off") }
        return present(
            "addressRandomization",
            "addresses differ from run to run, and with them what shares a cache line or a page",
            mend: "sysctl -w kernel.randomize_va_space=0, on a machine that does nothing but judge")
    }

    /// The share of the processors' time since the start that the hypervisor gave to other guests.
    private func stolenTime() -> HostReport.Disturbance {
        let ticks =
            (read("/proc/stat") ?? "").split(separator: "\n").first?
            .split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) } ?? []
        let sum = ticks.reduce(0, +)
        guard ticks.count == 8, sum > 0 else { return absent("stolenTime", "the kernel counts none") }
        let percent = (ticks[7] / sum * 1000).rounded() / 10
        guard percent >= 0.5 else { return absent("stolenTime", "\(percent)% of the time since the start") }
        return present(
            "stolenTime", "other guests had \(percent)% of the processors' time since the start",
            mend: "ask the host's owner for processors of this guest's own")
    }

    /// The load of the last minute, this process included.
    private func load() -> HostReport.Disturbance {
        let text = (read("/proc/loadavg") ?? "").split(separator: " ").first.map(String.init)
        guard let text, let average = Double(text) else { return absent("load", "the kernel tells none") }
        let count = max(1, processorNumbers().count)
        let detail = "\(text) processes on \(count) processors wanted to run in the last minute"
        guard average > Double(count) / 2 else { return absent("load", detail) }
        return present("load", detail, mend: "run fewer programs at a time, or end what else is running")
    }

    /// The numbers of the processors in use, from a list such as `0-3,8`; at most 8192.
    private func processorNumbers() -> [Int] {
        (read(Self.processors + "online") ?? "").split(separator: ",").flatMap { part -> [Int] in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, 0 <= first, first <= last, last < 8192 else {
                return []
            }
            return Array(first...last)
        }
    }

    private func present(_ name: String, _ detail: String, mend: String) -> HostReport.Disturbance {
        HostReport.Disturbance(name: name, isPresent: true, detail: detail, mend: mend)
    }

    private func absent(_ name: String, _ detail: String) -> HostReport.Disturbance {
        HostReport.Disturbance(name: name, isPresent: false, detail: detail)
    }

    private static func text(of path: String) -> String? {
        FileBytes.text(ofFile: path).map { text in
            String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
        }
    }
}
