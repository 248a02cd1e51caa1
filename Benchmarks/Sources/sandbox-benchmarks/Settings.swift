/// A benchmark's settings from the environment: counts, and whether a comparison must hold.

import Glibc

enum Settings {
    static func flag(_ name: String) -> Bool { text(name) == "1" }

    /// The number in `name`, or `standard` when there is none above 0.
    static func count(_ standard: Int, _ name: String = "COUNT") -> Int {
        guard let number = text(name).flatMap({ Int($0) }), number > 0 else { return standard }
        return number
    }

    static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// The pause between samples.
enum Pace: CaseIterable {
    case backToBack, gaps

    var name: String {
        switch self {
        case .backToBack: "back to back"
        case .gaps: "20 ms of quiet before each"
        }
    }

    /// Before every sample: nothing, or 20 ms, as between the calls of most users.
    func pause() {
        if self == .gaps { usleep(20_000) }
    }
}
