/// A pool's own errors.

package import SandboxAPI

extension SandboxError {
    package static var acquireCancelled: SandboxError {
        SandboxError(.cancelled, message: "the task was cancelled before it had a sandbox")
    }

    /// No caller was given a member for the pool's whole `acquireTimeout`.
    static func acquireTimedOut(
        _ configuration: PoolConfiguration, _ statistics: PoolStatistics
    ) -> SandboxError {
        let states = [
            ("in use", statistics.inUse), ("being made", statistics.creating),
            ("being made as new", statistics.resetting), ("being checked", statistics.checking),
            ("being destroyed", statistics.destroying),
        ]
        let words = states.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
        let seconds = configuration.acquireTimeout.map { "\($0 / .seconds(1)) s" } ?? "the time allowed"
        return SandboxError(
            .acquireTimedOut, stage: "acquire",
            message: "nobody was given a sandbox for \(seconds); of at most \(configuration.maximum), "
                + (words.isEmpty ? "none exists" : "\(words)"),
            hint:
                "close sandboxes that are no longer needed, or raise the pool's maximum or its acquireTimeout"
        )
    }
}
