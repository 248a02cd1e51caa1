/// Facts about this machine, which the figures depend on.

import Glibc
import Sandbox

enum Machine {
    static func printFacts(_ title: String) {
        print("## \(title)\n")
        print(
            "kernel \(kernel), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors (\(processor)), "
                + "load \(load) at the start; times in milliseconds\n")
    }

    static func printIsolation(_ report: IsolationReport) {
        let missing = report.missing.map(\.rawValue).joined(separator: ", ")
        print(
            "sandbox: level \(report.level.rawValue), cgroup \(report.cgroup.rawValue), "
                + "\(report.layers.count) layers" + (missing.isEmpty ? "" : ", missing \(missing)") + "\n")
        fflush(nil)
    }

    private static var kernel: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static var processor: String {
        guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") else { continue }
            return String(text[text.index(colon, offsetBy: 2)...].dropLast())
        }
        return "unknown"
    }

    private static var load: String {
        var average = 0.0
        return getloadavg(&average, 1) == 1 ? average.text(1) : "unknown"
    }
}
