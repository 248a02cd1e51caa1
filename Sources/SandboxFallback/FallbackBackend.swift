/// A backend made of two: the first one answers, and where it cannot, the second does and says why.

#if Fallback
public import Logging
public import Metrics
import SandboxAPI
package import SandboxRuntime

/// Uses a first backend, and for each run that this fails a second one; never silently.
///
/// What falls back is a failure of the *backend*: it cannot be reached (`backendUnavailable`), it refuses
/// (`engineRefused`), it lost the sandbox (`supervisorLost`, `containerLost`), or it does not have the image
/// (`imageUnavailable`). So does what the first backend works without and this sandbox needs: a level of isolation or a
/// root that it does not give, a memory limit below its least, a program that its own image, taken for `.host`, lacks.
/// Anything else is the caller's to know: bad arguments, limits, cancellation, shutdown.
///
/// Every result and error says `requested: "auto"`, which backend answered, and why it was not the first one. A
/// ``CircuitBreaker`` keeps a first backend that fails from costing each run a timeout.
///
/// A sandbox whose backend is lost before its first run is over is made again on the second backend, with the
/// files it was given, and the run is repeated (`attempt: 2`): nothing of the first try is left anywhere. That
/// ends where it could not be honest: after the first run (its effects are lost), once output was handed out or
/// input was taken from a stream, and beyond ``Configuration/replayBytes``. Then the error is thrown.
public final class FallbackBackend: SandboxBackend {
    public struct Configuration: Sendable {
        /// When the first backend is left alone, and for how long.
        public var breaker = CircuitBreaker.Policy()
        /// How many bytes of written files are kept, per sandbox and until its first run is over.
        public var replayBytes = 64 << 20
        /// What the second backend calls the image that the first one was asked for.
        public var secondaryImage: @Sendable (Image) -> Image = { $0 }
        public var logger = Logger(label: "swift-sandbox")
        /// `nil`: the one that the process was bootstrapped with.
        public var metrics: (any MetricsFactory)?
        /// Called for each sandbox that is taken from the second backend, as soon as that is decided.
        public var onFallback: (@Sendable (FallbackEvent) -> Void)?
        /// Time, for tests.
        package var clock = PoolClock.continuous

        public init() {}
    }

    public let configuration: Configuration
    private let primary: any SandboxBackend
    private let secondary: any SandboxBackend
    private let board: Locked<BreakerBoard>
    private let reports: FallbackReports

    /// - Throws: `.invalidArgument` if the breaker's policy or `replayBytes` make no sense.
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

    /// What holds whichever of the two answers: of each figure the weaker one, and of the root file system modes
    /// and the layers those that both have. `kind` is the first one's.
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
        weaker.visibleProcesses = max(a.visibleProcesses, b.visibleProcesses)
        return weaker
    }

    /// Both pools taken together.
    public var statistics: PoolStatistics { primary.statistics + secondary.statistics }

    public var poolDetails: PoolDetails { primary.poolDetails + secondary.poolDetails }

    /// Where the breaker of the first backend stands.
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

    /// Why the first backend cannot hold these limits although the second can; `nil` if it is no question of that.
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

    /// Tells the breakers of an error of the first backend.
    ///
    /// - Returns: why another backend is to be used; `nil` if that would not help.
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
    /// What a breaker of its own knows the image by: `.host` may stand for another one for each language.
    fileprivate var imageName: String {
        image == .host ? "host, \(language ?? "no language")" : "\(image)"
    }
}

extension SandboxError {
    /// The same error with what a fallback adds to its provenance.
    ///
    /// - Parameter sandbox: who answered, where the error does not say.
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
