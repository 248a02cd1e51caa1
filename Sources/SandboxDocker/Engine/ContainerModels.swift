/// The engine's answers about containers and volumes.

#if Docker
/// A container that was made.
package struct CreatedContainer: Sendable, Hashable, Decodable {
    package var id: String
    /// What the engine could not do as requested, in its own text.
    package var warnings: [String]

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case warnings = "Warnings"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        id = try values.decode(String.self, forKey: .id)
        warnings = try values.decodeIfPresent([String].self, forKey: .warnings) ?? []
    }
}

/// A container's present state.
package struct ContainerState: Sendable, Hashable {
    package var id: String
    package var name: String
    /// The image's id.
    package var image: String
    package var labels: [String: String]
    /// "created", "running", "exited", "dead", …
    package var status: String
    package var isRunning: Bool
    package var exitCode: Int
    package var isOOMKilled: Bool
    /// Why it did not start, in the engine's text; else empty.
    package var error: String
    /// The pid of its first process on the engine's host; 0 if it does not run.
    package var pid: Int

    /// Being removed; "dead" is a container whose removal failed half-way.
    package var isBeingRemoved: Bool { status == "removing" || status == "dead" }
}

extension ContainerState: Decodable {
    private struct State: Decodable {
        var status: String?
        var isRunning: Bool
        var exitCode: Int?
        var isOOMKilled: Bool?
        var error: String?
        var pid: Int?

        enum CodingKeys: String, CodingKey {
            case status = "Status"
            case isRunning = "Running"
            case exitCode = "ExitCode"
            case isOOMKilled = "OOMKilled"
            case error = "Error"
            case pid = "Pid"
        }
    }

    private struct Config: Decodable {
        var labels: [String: String]?

        enum CodingKeys: String, CodingKey { case labels = "Labels" }
    }

    private enum Key: String, CodingKey {
        case id = "Id"
        case name = "Name"
        case image = "Image"
        case state = "State"
        case config = "Config"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        let state = try values.decode(State.self, forKey: .state)
        id = try values.decode(String.self, forKey: .id)
        let name = try values.decodeIfPresent(String.self, forKey: .name) ?? ""
        self.name = name.hasPrefix("/") ? String(name.dropFirst()) : name
        image = try values.decodeIfPresent(String.self, forKey: .image) ?? ""
        labels = try values.decodeIfPresent(Config.self, forKey: .config)?.labels ?? [:]
        status = state.status ?? ""
        isRunning = state.isRunning
        exitCode = state.exitCode ?? 0
        isOOMKilled = state.isOOMKilled ?? false
        error = state.error ?? ""
        pid = state.pid ?? 0
    }
}

/// A container in a list.
package struct ContainerSummary: Sendable, Hashable, Decodable {
    package var id: String
    package var names: [String]
    /// As ``ContainerState/status``.
    package var status: String
    package var labels: [String: String]
    /// Seconds since 1970; nil if the engine does not report it.
    package var created: Int64?

    private enum Key: String, CodingKey {
        case id = "Id"
        case names = "Names"
        case state = "State"
        case labels = "Labels"
        case created = "Created"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        id = try values.decode(String.self, forKey: .id)
        names = (try values.decodeIfPresent([String].self, forKey: .names) ?? [])
            .map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        status = try values.decodeIfPresent(String.self, forKey: .state) ?? ""
        labels = try values.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        created = try? values.decodeIfPresent(Int64.self, forKey: .created)
    }
}

/// The event to wait for.
package enum WaitCondition: String, Sendable, Hashable {
    /// Returns at once if the container does not run, also before its start.
    case notRunning = "not-running"
    case nextExit = "next-exit"
    case removed = "removed"
}

/// How a container ended.
package struct WaitResult: Sendable, Hashable, Decodable {
    package var exitCode: Int
    /// Why the engine could not wait, in its text.
    package var error: String?

    private enum Key: String, CodingKey {
        case exitCode = "StatusCode"
        case error = "Error"
    }

    private struct Words: Decodable {
        var message: String?

        enum CodingKeys: String, CodingKey { case message = "Message" }
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        exitCode = try values.decode(Int.self, forKey: .exitCode)
        error = (try values.decodeIfPresent(Words.self, forKey: .error))?.message
            .flatMap { $0.isEmpty ? nil : EngineError.bounded($0) }
    }
}

/// A command's output and exit status.
package struct ExecResult: Sendable, Hashable {
    package var exitCode: Int
    package var standardOutput: [UInt8]
    package var standardError: [UInt8]
}

/// A volume.
package struct VolumeSummary: Sendable, Hashable, Decodable {
    package var name: String
    package var labels: [String: String]
    /// Seconds since 1970 by the engine's clock; nil if the engine does not report it.
    package var created: Int64?

    private enum Key: String, CodingKey {
        case name = "Name"
        case labels = "Labels"
        case created = "CreatedAt"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        name = try values.decode(String.self, forKey: .name)
        labels = try values.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        created = (try? values.decodeIfPresent(String.self, forKey: .created))
            .flatMap(EngineTime.seconds)
    }
}
#endif
