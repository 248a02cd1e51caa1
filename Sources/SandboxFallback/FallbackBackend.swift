/// A backend made of two: where the first one fails, the second one serves.

#if Fallback
public import Logging
public import Metrics
import SandboxAPI
package import SandboxRuntime

/// Uses a first backend, and a second one for each run that the first one fails; every result says which.
///
/// The second backend serves when the *first backend* failed: it cannot be reached (`backendUnavailable`), it
/// refuses (`engineRefused`), it lost the sandbox (`supervisorLost`, `containerLost`), or it does not have
/// the image (`imageUnavailable`). It also serves when the first backend lacks what this sandbox needs: a
/// level of isolation or a root, a memory limit below the first backend's least, a program missing in its
/// image for `.host`. Any other error is thrown to the caller: bad arguments, limits, cancellation, shutdown.
///
/// Every result and error has `requested: "auto"`, the backend that answered, and why it was not the first
/// one. A ``CircuitBreaker`` keeps a first backend that fails from costing each run a timeout.
///
/// A sandbox whose backend is lost before its first run is over is made again on the second backend, with the
/// files written so far, and the run is repeated (`attempt: 2`): nothing of the first try is left. The run is
/// not repeated, and the error is thrown, where a repetition would differ: after the first run (its effects
/// are lost), once the caller has seen output or input was taken from a stream, and beyond
/// ``Configuration/replayBytes``.
public final class FallbackBackend: SandboxBackend {
    public struct Configuration: Sendable {
        /// When the first backend is not tried, and for how long.
        public var breaker = CircuitBreaker.Policy()
        /// How many bytes of written files are kept for a repetition, per sandbox and until its first run is
        /// over.
        public var replayBytes = 64 << 20
        /// Maps the image requested from the first backend to the second backend's name for it.
        public var secondaryImage: @Sendable (Image) -> Image = { $0 }
        public var logger = Logger(label: "swift-sandbox")
        /// `nil`: the factory with which the process was bootstrapped.
        public var metrics: (any MetricsFactory)?
        /// Called for each sandbox that the second backend serves, as soon as that is decided.
        public var onFallback: (@Sendable (FallbackEvent) -> Void)?
        /// The clock; tests replace it.
        package var clock = PoolClock.continuous

        public init() {}
    }

    public let configuration: Configuration
    private let primary: any SandboxBackend
    private let secondary: any SandboxBackend
    private let board: Locked<BreakerBoard>
    private let reports: FallbackReports

    /// - Throws: `.invalidArgument` if the breaker's policy or `replayBytes` are invalid.
    public init(
        primary: any SandboxBackend, secondary: any SandboxBackend,
        _ configuration: Configuration = Configuration()
    ) throws(SandboxError) {
        try configuration.breaker.validate()
        guard configuration.replayBytes >= 0 else {
            throw SandboxError(
                .invalidArgument, message: "replayBytes is \(configuration.replayBytes)",
                hint: "give 0 to repeat only runs of sandboxes without files, or more")
        }
        self.configuration = configuration
        self.primary = primary
        self.secondary = secondary
        board = Locked(BreakerBoard(policy: configuration.breaker))
        reports = FallbackReports(
            logger: configuration.logger, factory: configuration.metrics ?? MetricsSystem.factory)
    }

    /// What both backends have: of each figure the weaker one, the root file system modes and layers that
    /// both have. `kind` is the first one's.
    public var capabilities: BackendCapabilities {
        get async { Self.weaker(await primary.capabilities, await secondary.capabilities) }
    }

    private static func weaker(_ a: BackendCapabilities, _ b: BackendCapabilities) -> BackendCapabilities {
        var weaker = BackendCapabilities(
            kind: a.kind, rootfsModes: a.rootfsModes.intersection(b.rootfsModes),
            minimumMemory: max(a.minimumMemory, b.minimumMemory),
            memoryResolution: max(a.memoryResolution, b.memoryResolution),
            wallTimeTolerance: max(a.wallTimeTolerance, b.wallTimeTolerance),
            cpuTimeTolerance: max(a.cpuTimeTolerance, b.cpuTimeTolerance),
            layers: a.layers.intersection(b.layers), level: min(a.level, b.level))
        weaker.enforcedLimits = a.enforcedLimits.intersection(b.enforcedLimits)
        weaker.hasDiskQuota = a.hasDiskQuota && b.hasDiskQuota
        weaker.isRootfsMemory = a.isRootfsMemory && b.isRootfsMemory
        weaker.hasOwnEtc = a.hasOwnEtc && b.hasOwnEtc
        weaker.hasBindMounts = a.hasBindMounts && b.hasBindMounts
        weaker.visibleProcesses = max(a.visibleProcesses, b.visibleProcesses)
        return weaker
    }

    /// The statistics of both pools, added.
    public var statistics: PoolStatistics { primary.statistics + secondary.statistics }

    public var poolDetails: PoolDetails { primary.poolDetails + secondary.poolDetails }

    /// The state of the first backend's breaker.
    public var breakerPosition: CircuitBreaker.Position { board.withLock { $0.position } }

    public func shutdown() async {
        async let first: Void = primary.shutdown()
        await secondary.shutdown()
        await first
    }

    public func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        let cause: BreakerBoard.Cause
        let wasTried: Bool
        switch change(nil, { $0.request(image: options.imageName, now: $1) }) {
        case .second(let known):
            (cause, wasTried) = (known, false)
        case .first(let pass):
            let start = configuration.clock.now()
            do throws(SandboxError) {
                let sandbox = try await primary.acquire(options)
                reports.acquired(fromSecond: false, after: configuration.clock.now() - start)
                return FallbackSandbox(self, options, primary: sandbox, pass: pass)
            } catch {
                guard let failed = failed(pass, error), !Task.isCancelled else {
                    throw error.answered(by: nil, reason: nil)
                }
                (cause, wasTried) = (failed, true)
            }
        }
        announce(cause, wasTried: wasTried, isRetry: false)
        let sandbox = try await acquireSecond(options, cause)
        return FallbackSandbox(self, options, secondary: sandbox, cause: cause)
    }

    // MARK: For the sandboxes

    func acquireSecond(
        _ options: SandboxOptions, _ cause: BreakerBoard.Cause
    ) async throws(SandboxError) -> any SandboxLease {
        var options = options
        options.image = configuration.secondaryImage(options.image)
        let start = configuration.clock.now()
        do throws(SandboxError) {
            let sandbox = try await secondary.acquire(options)
            reports.acquired(fromSecond: true, after: configuration.clock.now() - start)
            return sandbox
        } catch {
            throw error.answered(by: nil, reason: cause.text)
        }
    }

    /// Why the first backend cannot hold these limits although the second can; `nil` if the first can, or the
    /// second cannot.
    func shortcoming(_ limits: Limits) async -> BreakerBoard.Cause? {
        let first = await primary.capabilities
        guard limits.memory < first.minimumMemory,
            limits.memory >= (await secondary.capabilities).minimumMemory
        else { return nil }
        return BreakerBoard.Cause(
            code: .invalidLimit,
            text:
                "a memory limit of \(limits.memory) bytes is below the least of \(first.kind.rawValue), "
                + "\(first.minimumMemory)")
    }

    func announce(_ cause: BreakerBoard.Cause, wasTried: Bool, isRetry: Bool) {
        let event = FallbackEvent(
            code: cause.code, reason: cause.text, wasTried: wasTried, isRetry: isRetry)
        reports.fellBack(event)
        configuration.onFallback?(event)
    }

    func succeeded(_ pass: BreakerBoard.Pass) { change(nil) { $0.succeeded(pass, now: $1) } }

    func ended(_ pass: BreakerBoard.Pass) { change(nil) { $0.ended(pass, now: $1) } }

    /// Reports an error of the first backend to the breakers.
    ///
    /// - Returns: why the second backend is used instead; `nil` if that would not help.
    func failed(_ pass: BreakerBoard.Pass, _ error: SandboxError) -> BreakerBoard.Cause? {
        guard let failure = BackendFailure(error) else {
            ended(pass)
            return nil
        }
        let cause = BreakerBoard.Cause(code: error.code, text: error.message)
        change(cause) { $0.failed(pass, failure, cause, now: $1) }
        return cause
    }

    @discardableResult
    private func change<Value: Sendable>(
        _ cause: BreakerBoard.Cause?, _ event: (inout BreakerBoard, Duration) -> Value
    ) -> Value {
        let now = configuration.clock.now()
        let (value, old, new) = board.withLock { board in
            let old = board.position
            let value = event(&board, now)
            return (value, old, board.position)
        }
        reports.breakerMoved(from: old, to: new, cause: cause)
        return value
    }
}

extension SandboxOptions {
    /// The key of an image's own breaker: `.host` may stand for a different image for each language.
    fileprivate var imageName: String {
        image == .host ? "host, \(language ?? "no language")" : "\(image)"
    }
}

extension SandboxError {
    /// The same error, with the fallback's part of the provenance.
    ///
    /// - Parameter sandbox: the provenance where the error has none.
    func answered(by sandbox: Provenance?, reason: String?, attempt: Int = 1) -> SandboxError {
        var complete = self
        complete.provenance = provenance ?? sandbox
        complete.provenance?.requested = "auto"
        complete.provenance?.fallbackReason = reason
        complete.provenance?.attempt = attempt
        return complete
    }
}
#endif
