/// The descriptors of this process, and the cgroups of its supervisors.

import CIsolate
import Foundation

enum Holdings {
    static func descriptors() -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }

    /// The target of each descriptor, for messages.
    static func descriptorList() -> String {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
            return target.map { "\(name): \($0)" }
        }.sorted().joined(separator: ", ")
    }

    static func cgroups() -> [String] {
        var choice = isolate_cgroup_choice()
        isolate_cgroup_choose(0, 0, &choice)
        let path = withUnsafeBytes(of: choice.parent.0) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasPrefix("swift-sandbox-") && $0.contains("-\(getpid())-") }
    }

    /// Waits a while until descriptors and cgroups in the process of removal are gone.
    static func settle(descriptors: Int, cgroups: Int) async throws {
        for _ in 0..<500 where Self.descriptors() > descriptors || Self.cgroups().count > cgroups {
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
