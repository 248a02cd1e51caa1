/// An engine's facts about itself.

#if Docker
/// An engine, its host and what it can limit.
package struct EngineInfo: Sendable, Hashable {
    /// The version of the API that client and engine agreed on.
    package var apiVersion: String
    /// The engine's own identifier, which outlives its restarts; empty if it has none.
    package var id: String
    /// The engine's own version.
    package var engineVersion: String
    package var isPodman: Bool
    /// Whether the engine runs without root's rights.
    package var isRootless: Bool
    package var os: String
    package var architecture: String
    package var kernel: String
    /// "1" or "2"; nil if the engine does not report it.
    package var cgroupVersion: String?
    /// "cgroupfs", "systemd" or "none".
    package var cgroupDriver: String?
    /// As `name=seccomp,profile=default`.
    package var securityOptions: [String]
    /// The host's memory, in bytes; 0 if the engine does not report it.
    package var memoryTotal: Int64
    package var processors: Int
    package var storageDriver: String
    package var canLimitMemory: Bool
    package var canLimitSwap: Bool
    package var canLimitProcesses: Bool
    package var canLimitProcessors: Bool
    /// The engine's warnings.
    package var warnings: [String]
}

extension EngineInfo {
    /// The answer of `GET /version`.
    struct Version: Decodable, Sendable {
        struct Component: Decodable, Sendable {
            var name: String?

            enum CodingKeys: String, CodingKey { case name = "Name" }
        }

        var newest: String
        var oldest: String?
        var engine: String?
        var os: String?
        var architecture: String?
        var kernel: String?
        var components: [Component]?

        enum CodingKeys: String, CodingKey {
            case newest = "ApiVersion"
            case oldest = "MinAPIVersion"
            case engine = "Version"
            case os = "Os"
            case architecture = "Arch"
            case kernel = "KernelVersion"
            case components = "Components"
        }
    }

    /// The used part of the answer of `GET /info`.
    struct System: Decodable, Sendable {
        var id: String?
        var cgroupVersion: String?
        var cgroupDriver: String?
        var securityOptions: [String]?
        var memoryTotal: Int64?
        var processors: Int?
        var storageDriver: String?
        var memoryLimit: Bool?
        var swapLimit: Bool?
        var pidsLimit: Bool?
        var processorQuota: Bool?
        var warnings: [String]?

        enum CodingKeys: String, CodingKey {
            case id = "ID"
            case cgroupVersion = "CgroupVersion"
            case cgroupDriver = "CgroupDriver"
            case securityOptions = "SecurityOptions"
            case memoryTotal = "MemTotal"
            case processors = "NCPU"
            case storageDriver = "Driver"
            case memoryLimit = "MemoryLimit"
            case swapLimit = "SwapLimit"
            case pidsLimit = "PidsLimit"
            case processorQuota = "CpuCfsQuota"
            case warnings = "Warnings"
        }
    }

    init(apiVersion: String, _ version: Version, _ system: System) {
        self.apiVersion = apiVersion
        id = system.id ?? ""
        engineVersion = version.engine ?? ""
        isPodman = version.components?.contains { $0.name?.hasPrefix("Podman") ?? false } ?? false
        securityOptions = system.securityOptions ?? []
        isRootless = securityOptions.contains { $0 == "rootless" || $0.hasPrefix("name=rootless") }
        os = version.os ?? ""
        architecture = version.architecture ?? ""
        kernel = version.kernel ?? ""
        cgroupVersion = system.cgroupVersion
        cgroupDriver = system.cgroupDriver
        memoryTotal = system.memoryTotal ?? 0
        processors = system.processors ?? 0
        storageDriver = system.storageDriver ?? ""
        canLimitMemory = system.memoryLimit ?? false
        canLimitSwap = system.swapLimit ?? false
        canLimitProcesses = system.pidsLimit ?? false
        canLimitProcessors = system.processorQuota ?? false
        warnings = system.warnings ?? []
    }
}
#endif
