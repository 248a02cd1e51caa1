/// A logger for those who say by themselves what happened.

#if Docker
public import Logging

extension Logger {
    /// Drops everything: for a command that tells its user in words of its own.
    public static var silent: Logger {
        Logger(label: "swift-sandbox", factory: { _ in SwiftLogNoOpLogHandler() })
    }
}
#endif
