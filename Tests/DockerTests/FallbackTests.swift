/// The fallback over real sandboxes; its first backend has faults.

#if Docker
import Foundation
import Logging
import Metrics
import MetricsTestKit
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker
@testable import SandboxRuntime
@testable import SandboxFallback

/// A fallback, its two backends, and its log and metrics.
final class FallbackWorld: Sendable {
    static var isPossible: Bool {
        get async {
            if ProcessInfo.processInfo.environment["MUST_WORK"] == "1" { return true }
            return await LocalBackend(.init(minimum: 0, maximum: 1)).capabilities.layers.contains(.seccomp)
        }
    }

    let first = FaultyBackend()
    let second = LocalBackend(.init(minimum: 0, maximum: 4))
    let metrics = TestMetrics()
    let log = LogLines()
    let events = Mutex<[FallbackEvent]>([])
    private let time = Mutex(Duration.zero)

    func backend(
        _ change: (inout FallbackBackend.Configuration) -> Void = { _ in }
    ) throws -> FallbackBackend {
        var configuration = FallbackBackend.Configuration()
        configuration.breaker = .init(
            threshold: 3, initialPause: .seconds(10), maximumPause: .seconds(40))
        configuration.logger = log.logger
        configuration.logger.logLevel = .debug
        configuration.metrics = metrics
        configuration.onFallback = { event in self.events.withLock { $0.append(event) } }
        configuration.clock = PoolClock(
            now: { self.time.withLock { $0 } }, sleep: { _ in try await Task.sleep(for: .seconds(3600)) })
        change(&configuration)
        return try FallbackBackend(primary: first, secondary: second, configuration)
    }

    func pass(_ duration: Duration) { time.withLock { $0 += duration } }

    /// No sandbox is in use on either backend when all are closed.
    func expectNothingInUse(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(first.open == 0 && first.statistics.inUse == 0, sourceLocation: sourceLocation)
        #expect(second.statistics.inUse == 0, sourceLocation: sourceLocation)
    }

    func fallbacks(_ code: SandboxError.Code) -> Int64 {
        metrics.counterTotal(label: "sandbox_fallback_total", dimensions: [("reason", code.rawValue)])
    }
}

private func echo(_ text: String) -> Command { Command("/bin/echo", [text]) }

@Suite(
    .timeLimit(.minutes(2)),
    .enabled("this host makes no sandboxes; MUST_WORK=1 runs these anyway") { await FallbackWorld.isPossible }
)
struct FallbackTests {
    private let world = FallbackWorld()

    // MARK: Per run

    @Test func theFirstBackendAnswersWhereItCan() async throws {
        let backend = try world.backend()
        let result = try await backend.run(echo("x"))
        #expect(result.stdoutText == "x\n" && result.provenance.kind == .docker)
        #expect(result.provenance.requested == "auto" && result.provenance.fallbackReason == nil)
        #expect(result.provenance.attempt == 1)
        #expect(world.second.statistics.created == 0 && world.events.withLock { $0.isEmpty })
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test(arguments: [
        SandboxError.Code.backendUnavailable, .engineRefused, .imageUnavailable, .supervisorLost,
        .containerLost, .acquireTimedOut, .isolationUnavailable, .writableRootfsUnavailable,
    ])
    func aFailureOfTheBackendFallsBack(_ code: SandboxError.Code) async throws {
        let backend = try world.backend()
        world.first.faults.acquire = code
        let result = try await backend.run(echo("x"))
        let reason = "the fault was injected (\(code))"
        #expect(result.stdoutText == "x\n" && result.provenance.kind == .local)
        #expect(result.provenance.requested == "auto" && result.provenance.fallbackReason == reason)
        #expect(result.provenance.attempt == 1)
        let event = FallbackEvent(code: code, reason: reason, wasTried: true, isRetry: false)
        #expect(world.events.withLock { $0 } == [event])
        #expect(world.fallbacks(code) == 1)
        await backend.shutdown()
    }

    @Test(arguments: [
        SandboxError.Code.shutDown, .cancelled, .invalidArgument, .invalidLimit, .setupFailed,
        .hostOutOfMemory, .internalError, SandboxError.Code(rawValue: "somethingNew"),
    ])
    func anyOtherFailureIsTheCallers(_ code: SandboxError.Code) async throws {
        let backend = try world.backend()
        world.first.faults.acquire = code
        for _ in 0..<5 {
            let error = await #expect(throws: SandboxError.self) { try await backend.run(echo("x")) }
            #expect(error?.code == code && error?.hint == "take it out")
        }
        #expect(world.second.statistics.created == 0 && backend.breakerPosition == .closed)
        await backend.shutdown()
    }

    /// The first backend works: it serves callers that need less, before and after.
    @Test func whatTheFirstBackendWorksWithoutIsNoFaultOfIt() async throws {
        let backend = try world.backend()
        for _ in 0..<4 {
            world.first.faults.acquire = .isolationUnavailable
            #expect(try await backend.run(echo("x")).provenance.fallbackReason != nil)
            world.first.faults.acquire = nil
            #expect(try await backend.run(echo("x")).provenance.fallbackReason == nil)
        }
        #expect(backend.breakerPosition == .closed)
        await backend.shutdown()
    }

    /// The first backend's least is 6 MiB here.
    @Test func aLimitBelowTheFirstBackendsLeastIsHeldByTheSecond() async throws {
        let backend = try world.backend()
        let small = Limits(memory: 4 << 20)
        let result = try await backend.run(echo("x"), limits: small)
        #expect(
            result.stdoutText == "x\n" && result.provenance.fallbackReason?.contains("4194304") == true)
        // The sandbox's files move along; a sandbox that has run does not move.
        try await backend.withSandbox { sandbox in
            try await sandbox.write("text", to: "file")
            let moved = try await sandbox.run(Command("/bin/cat", ["file"]), limits: small)
            #expect(moved.stdoutText == "text" && moved.provenance.fallbackReason != nil)
        }
        try await backend.withSandbox { sandbox in
            let first = try await sandbox.run(echo("x"))
            #expect(first.provenance.fallbackReason == nil)
            let second = try? await sandbox.run(echo("x"), limits: small)
            #expect(second?.provenance.fallbackReason == nil)
        }
        // A limit that neither backend can hold is an error for the caller.
        let error = await #expect(throws: SandboxError.self) {
            try await backend.run(echo("x"), limits: Limits(memory: -1))
        }
        #expect(error?.code == .invalidLimit && error?.provenance?.fallbackReason == nil)
        #expect(backend.breakerPosition == .closed)
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test func aBackendThatNobodyAnswersForIsLeftAloneForAWhile() async throws {
        let backend = try world.backend()
        world.first.faults.acquire = .backendUnavailable
        for _ in 0..<5 {
            let result = try await backend.run(echo("x"))
            #expect(result.provenance.fallbackReason == "the fault was injected (backendUnavailable)")
        }
        #expect(world.first.acquisitions == 1 && backend.breakerPosition == .open)
        world.pass(.seconds(10))
        _ = try await backend.run(echo("x"))
        #expect(world.first.acquisitions == 2)
        world.first.faults.acquire = nil
        world.pass(.seconds(19))
        #expect(try await backend.run(echo("x")).provenance.kind == .local)
        world.pass(.seconds(1))
        #expect(try await backend.run(echo("x")).provenance.kind == .docker)
        #expect(backend.breakerPosition == .closed)

        #expect(world.fallbacks(.backendUnavailable) == 7)
        let state = try world.metrics.expectRecorder("sandbox_breaker_state").values
        #expect(state == [0, 2, 1, 2, 1, 0])
        let loud = world.log.loud
        #expect(
            loud == [
                "warning: the first backend is out of use; the second answers until it is back",
                "notice: the first backend is not used for this sandbox",
                "notice: the first backend is not used for this sandbox",
                "notice: the first backend is in use again",
            ])
        await backend.shutdown()
    }

    /// The pool may have a dead sandbox ready: acquiring it proves nothing.
    @Test func onlyARunProvesTheBackend() async throws {
        let backend = try world.backend()
        world.first.faults.runs = [.beforeStart, .beforeStart, .beforeStart]
        for _ in 0..<3 { #expect(try await backend.run(echo("x")).provenance.attempt == 2) }
        #expect(backend.breakerPosition == .open && world.first.acquisitions == 3)
        world.pass(.seconds(10))
        try await backend.withSandbox { sandbox in
            #expect(sandbox.provenance.kind == .docker && backend.breakerPosition == .halfOpen)
            // The probe is under way: other requests do not wait for it.
            #expect(try await backend.run(echo("y")).provenance.kind == .local)
            _ = try await sandbox.run(echo("x"))
            #expect(backend.breakerPosition == .closed)
        }
        await backend.shutdown()
    }

    @Test func aProbeThatIsNeverRunIsFollowedByAnother() async throws {
        let backend = try world.backend()
        world.first.faults.acquire = .backendUnavailable
        _ = try await backend.run(echo("x"))
        world.first.faults.acquire = nil
        world.pass(.seconds(10))
        try await backend.withSandbox { _ in #expect(backend.breakerPosition == .halfOpen) }
        #expect(try await backend.run(echo("x")).provenance.kind == .docker)
        #expect(backend.breakerPosition == .closed)
        // Nor does a probe whose sandbox is neither run nor closed block the next one.
        world.first.faults.acquire = .backendUnavailable
        _ = try await backend.run(echo("x"))
        world.first.faults.acquire = nil
        world.pass(.seconds(10))
        _ = try await backend.acquire(SandboxOptions())
        #expect(try await backend.run(echo("x")).provenance.kind == .docker)
        await backend.shutdown()
    }

    @Test func whenBothFailTheSecondErrorSaysWhyItWasAsked() async throws {
        let backend = try world.backend()
        world.first.faults.acquire = .engineRefused
        let error = await #expect(throws: SandboxError.self) {
            try await backend.run(echo("x"), options: SandboxOptions(image: .reference("no/such:image")))
        }
        #expect(error?.code == .imageUnavailable && error?.provenance?.kind == .local)
        #expect(error?.provenance?.fallbackReason == "the fault was injected (engineRefused)")
        #expect(error?.provenance?.requested == "auto")
        await backend.shutdown()
    }

    @Test func theSecondBackendMayCallTheImageOtherwise() async throws {
        let asked = Mutex<[Image]>([])
        let backend = try world.backend {
            $0.secondaryImage = { image in
                asked.withLock { $0.append(image) }
                return .host
            }
        }
        world.first.faults.acquire = .imageUnavailable
        let options = SandboxOptions(image: .reference("cpp-runner"))
        #expect(try await backend.run(echo("x"), options: options).provenance.image == "host")
        #expect(asked.withLock { $0 } == [.reference("cpp-runner")])
        // Other images keep their names.
        world.first.faults.acquire = nil
        #expect(try await backend.run(echo("x"), options: options).provenance.kind == .local)
        #expect(world.first.acquisitions == 1)
        #expect(try await backend.run(echo("x")).provenance.kind == .docker)
        await backend.shutdown()
    }

    @Test func aCancelledCallerGetsNoOtherSandbox() async throws {
        let backend = try world.backend()
        world.first.faults.acquireDelay = .seconds(60)
        world.first.faults.acquire = .backendUnavailable
        let task = Task { try await backend.run(echo("x")) }
        while world.first.acquisitions == 0 { try await Task.sleep(for: .milliseconds(1)) }
        task.cancel()
        let error = await #expect(throws: SandboxError.self) { try await task.value }
        #expect(error?.code == .cancelled && world.second.statistics.created == 0)
        #expect(backend.breakerPosition == .closed)
        await backend.shutdown()
    }

    // MARK: Of both

    @Test func capabilitiesAreTheWeakerOnes() async throws {
        let backend = try world.backend()
        let (weak, strong) = (await world.first.capabilities, await world.second.capabilities)
        let both = await backend.capabilities
        #expect(both.minimumMemory == 6 << 20 && both.wallTimeTolerance == weak.wallTimeTolerance)
        #expect(both.rootfsModes == [.readOnly] && both.layers == weak.layers)
        #expect(both.cpuTimeTolerance == strong.cpuTimeTolerance && both.kind == .docker)
    }

    @Test func statisticsAreSummedAndShutdownEndsBoth() async throws {
        let backend = try world.backend()
        _ = try await backend.run(echo("x"))
        world.first.faults.acquire = .containerLost
        _ = try await backend.run(echo("x"))
        #expect(backend.statistics.created == 2 && backend.statistics.acquired == 2)
        #expect(backend.poolDetails.acquireTimes.count == 1)
        await backend.shutdown()
        world.first.faults.acquire = nil
        for _ in 0..<2 {
            let error = await #expect(throws: SandboxError.self) { try await backend.run(echo("x")) }
            #expect(error?.code == .shutDown)
            // The second backend is shut down even while the breaker is open.
            world.first.faults.acquire = .backendUnavailable
        }
        #expect(backend.statistics.total == 0)
    }

    @Test func nonsenseIsRefused() {
        #expect(throws: SandboxError.self) { try world.backend { $0.breaker.threshold = 0 } }
        #expect(throws: SandboxError.self) { try world.backend { $0.replayBytes = -1 } }
    }

    /// Whatever the first backend does, each caller gets the result of its own run.
    @Test func aCrowdOverAnUnreliableBackend() async throws {
        let backend = try world.backend { $0.breaker = .init(threshold: 1_000) }
        let codes: [SandboxError.Code?] = [nil, .containerLost, .engineRefused, nil, .supervisorLost]
        try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<40 {
                group.addTask {
                    self.world.first.faults.acquire = codes[number % codes.count]
                    self.world.first.faults.runs =
                        number % 3 == 0 ? [.afterwards, nil, .beforeStart] : []
                    let result = try await backend.withSandbox { sandbox in
                        try await sandbox.write("\(number)", to: "n")
                        return try await sandbox.run(Command("/bin/sh", ["-c", "cat n; rm n"]))
                    }
                    #expect(result.stdoutText == "\(number)")
                    #expect(
                        (result.provenance.kind == .docker) == (result.provenance.fallbackReason == nil))
                }
            }
        }
        world.expectNothingInUse()
        await backend.shutdown()
    }
}
#endif
