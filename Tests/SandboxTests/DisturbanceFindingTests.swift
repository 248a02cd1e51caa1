/// Tests what `sandbox doctor` says of settings and loads that disturb figures.

import SandboxAPI
import Testing

@testable import Sandbox

@Suite struct DisturbanceFindingTests {
    private static let processors = "/sys/devices/system/cpu/"
    private static let hugePages = "/sys/kernel/mm/transparent_hugepage/enabled"

    private static let quiet: [String: String] = [
        processors + "online": "0-1",
        processors + "cpu0/cpufreq/scaling_governor": "performance",
        processors + "cpu1/cpufreq/scaling_governor": "performance",
        processors + "intel_pstate/no_turbo": "1",
        processors + "smt/active": "0",
        hugePages: "always [madvise] never",
        "/proc/swaps": "Filename Type Size Used Priority",
        "/proc/sys/kernel/randomize_va_space": "0",
        "/proc/stat": "cpu  900 0 100 9000 0 0 0 10 0 0\ncpu0 1 1 1 1",
        "/proc/loadavg": "0.20 0.10 0.10 1/91 26767",
    ]

    private func find(_ changes: [String: String?] = [:]) -> [HostReport.Disturbance] {
        var files = Self.quiet
        for (path, text) in changes { files[path] = text }
        return HostDisturbances { files[$0] }.all()
    }

    private func present(_ changes: [String: String?]) -> [String] {
        find(changes).filter(\.isPresent).map(\.name)
    }

    @Test func nothingOnAQuietHost() {
        #expect(present([:]) == [])
        #expect(find().allSatisfy { $0.mend == nil && !$0.detail.isEmpty })
        #expect(
            HostDisturbances { _ in nil }.all().filter(\.isPresent).map(\.name) == ["addressRandomization"])
    }

    @Test(
        arguments: [
            ("frequencyScaling", processors + "cpu1/cpufreq/scaling_governor", "powersave"),
            ("turbo", processors + "intel_pstate/no_turbo", "0"),
            ("turbo", processors + "cpufreq/boost", "1"),
            ("siblings", processors + "smt/active", "1"),
            ("hugePages", hugePages, "[always] madvise never"),
            ("swap", "/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1048572 0 -2"),
            ("addressRandomization", "/proc/sys/kernel/randomize_va_space", "2"),
            ("stolenTime", "/proc/stat", "cpu  900 0 100 9000 0 0 0 100 0 0"),
            ("load", "/proc/loadavg", "1.01 0.10 0.10 1/91 26767"),
        ])
    func each(name: String, path: String, text: String) throws {
        #expect(present([path: text]) == [name])
        let found = try #require(find([path: text]).first { $0.name == name })
        #expect(found.mend != nil && !found.detail.isEmpty)
    }

    @Test func numbersAreTold() {
        let found = find([
            "/proc/stat": "cpu  900 0 100 8900 0 0 0 100 0 0",
            "/proc/swaps": "Filename Type Size\n/a partition 1\n/b file 2",
        ])
        let details = found.map(\.detail)
        #expect(details.contains("other guests had 1.0% of the processors' time since the start"))
        #expect(details.contains { $0.hasPrefix("/a, /b: ") })
        #expect(details.contains("0.20 processes on 2 processors wanted to run in the last minute"))
    }

    @Test(arguments: ["", "x", "-1", "3-1", "0-99999999999", "1-", ","]) func oddLists(list: String) {
        let found = find([Self.processors + "online": list])
        #expect(found.count == 8 && found.first?.isPresent == false)
    }

    @Test func thisHost() {
        let found = HostDisturbances.find()
        #expect(Set(found.map(\.name)).count == 8)
        #expect(found.allSatisfy { $0.isPresent == ($0.mend != nil) })
    }
}
