/// A fallback's log lines and metrics.

#if Fallback
import Logging
import Metrics
import SandboxAPI
import SandboxRuntime

/// A run that went to the second backend.
public struct FallbackEvent: Sendable, Hashable {
    /// The code of the first backend's failure.
    public var code: SandboxError.Code
    /// The reason as text, as in ``/SandboxAPI/Provenance/fallbackReason``.
    public var reason: String
    /// False when the first backend was not tried, because it failed shortly before.
    public var wasTried: Bool
    /// True when the first backend was lost in the middle of the run, which is repeated on the second.
    public var isRetry: Bool
}

/// The log has one line when a backend goes out of use and one when it is back; skipped requests in between
/// are logged at the debug level only. Each fallback that cost a try is a notice. Labels of metrics come from
/// small closed sets.
struct FallbackReports: Sendable {
    private let logger: Logger
    private let fallbacks: [SandboxError.Code: Counter]
    private let otherFallbacks: Counter
    private let breaker: Gauge
    private let first: Timer
    private let second: Timer

    init(logger: Logger, factory: any MetricsFactory) {
        func counter(_ reason: String) -> Counter {
            Counter(label: "sandbox_fallback_total", dimensions: [("reason", reason)], factory: factory)
        }
        func timer(_ backend: String) -> Timer {
            Timer(
                label: "sandbox_fallback_acquire", dimensions: [("backend", backend)], factory: factory)
        }
        self.logger = logger
        fallbacks = Dictionary(
            uniqueKeysWithValues: BackendFailure.codes.map { ($0, counter($0.rawValue)) })
        otherFallbacks = counter("other")
        breaker = Gauge(label: "sandbox_breaker_state", factory: factory)
        breaker.record(0)
        (first, second) = (timer("primary"), timer("secondary"))
    }

    func fellBack(_ event: FallbackEvent) {
        (fallbacks[event.code] ?? otherFallbacks).increment()
        logger.log(
            level: event.wasTried ? .notice : .debug,
            event.isRetry
                ? "the first backend lost a run, which is repeated on the second"
                : "the first backend is not used for this sandbox",
            metadata: ["code": "\(event.code)", "reason": "\(event.reason)"])
    }

    func breakerMoved(
        from old: CircuitBreaker.Position, to new: CircuitBreaker.Position, cause: BreakerBoard.Cause?
    ) {
        guard old != new else { return }
        switch new {
        case .closed:
            breaker.record(0)
            logger.notice("the first backend is in use again")
        case .halfOpen:
            breaker.record(1)
            logger.debug("the first backend is tried again")
        case .open:
            breaker.record(2)
            // A failed probe changes nothing for the operator.
            logger.log(
                level: old == .closed ? .warning : .debug,
                "the first backend is out of use; the second answers until it is back",
                metadata: cause.map { ["code": "\($0.code)", "reason": "\($0.text)"] })
        }
    }

    func acquired(fromSecond: Bool, after duration: Duration) {
        (fromSecond ? second : first).recordNanoseconds(
            Int64(clamping: duration.attoseconds / 1_000_000_000))
    }
}
#endif
