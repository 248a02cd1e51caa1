/// A log that a test reads.

#if Docker
import Logging
import Synchronization

final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    /// The lines so far, each "level: message".
    var all: [String] { lines.withLock { $0 } }
    /// Those of a level above debug.
    var loud: [String] { all.filter { !$0.hasPrefix("debug") } }

    var logger: Logger { Logger(label: "test", factory: { _ in Handler(log: self) }) }

    private struct Handler: LogHandler {
        let log: LogLines
        var logLevel = Logger.Level.debug
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.lines.withLock { $0.append("\(event.level): \(event.message)") }
        }
    }
}
#endif
