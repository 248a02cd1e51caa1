/// Finds what disturbs figures on this host: settings and loads with which one program takes other times, or
/// another amount of memory, from run to run.

import Glibc
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
            stolenTime(),
            load(),
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
        let intel = Self.processors + "intel_pstate/no_turbo"
        let boost = Self.processors + "cpufreq/boost"
        if read(intel) == "0" {
            return present("turbo", Self.turboIsOn, mend: "echo 1 > \(intel)")
        }
        if read(boost) == "1" {
            return present("turbo", Self.turboIsOn, mend: "echo 0 > \(boost)")
        }
        return absent(
            "turbo", read(intel) ?? read(boost) == nil ? "the kernel controls none" : "switched off")
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

    /// Reads a file of the kernel's: at most 64 KiB.
    private static func text(of path: String) -> String? {
        guard let file = OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC)) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = Glibc.read(file.number, &bytes, bytes.count)
        guard count >= 0 else { return nil }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
