/// A logger that drops everything.

#if Docker
public import Logging

extension Logger {
    /// Drops everything: for a command that reports in its own words.
    public static var silent: Logger {
        Logger(label: "swift-sandbox", factory: { _ in SwiftLogNoOpLogHandler() })
    }
}
#endif
