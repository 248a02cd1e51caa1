/// A backend for tests that runs no program: it answers from a script, and records the requests.

import Glibc
public import SandboxAPI
import SandboxRuntime

/// A backend without sandboxes, for tests of code that uses one.
///
/// It checks arguments, reports sandboxes as closed or busy, and makes callers wait and cancels tasks as any
/// other backend does. A script says what each program does: the answers added by ``enqueue(_:for:)``, and
/// where there are none a closure.
///
/// ```swift
/// let backend = FakeBackend()
/// backend.enqueue(.init(.limitExceeded(.memory)), .init(stdout: "42\n"))
/// try await judge(submission, on: backend)
/// #expect(backend.runs.map(\.limits.memory) == [64 << 20, 256 << 20])
/// ```
///
/// With a clock of the test's own, delays take no real time.
public final class FakeBackend: SandboxBackend {
    /// The answer to a run: its steps, or a failure of the sandbox.
    enum Scripted: Sendable {
        case answer(Answer)
        case failure(SandboxError)
    }

    private struct State: Sendable {
        var queues: [ByteString?: [Scripted]] = [:]
        var runs: [Run] = []
        var acquisitions: [SandboxOptions] = []
        var open: [Int: FakeSandbox] = [:]
        var inUse = 0
        var made = 0
        var cancelled = 0
        var isShutDown = false
        var waiting: [(number: Int, waiter: Waiter<Result<Void, SandboxError>>)] = []
        var nextWaiter = 0
    }

    public let capabilities: BackendCapabilities
    let clock: any Clock<Duration>
    private let maximum: Int
    private let answer: @Sendable (Run) async throws -> Answer
    private let before: @Sendable (Operation) async throws -> Void
    private let state = Locked(State())

    /// - Parameters:
    ///   - capabilities: the capabilities it reports; it refuses an `acquire` that requests more.
    ///   - maximum: the number of sandboxes at one time; further callers wait in order of arrival.
    ///   - clock: the clock of the delays.
    ///   - answer: answers a run for which nothing is enqueued; the run throws its error. It may suspend.
    ///   - before: called before every operation but a run; the operation throws its error. It may suspend.
    public init(
        capabilities: BackendCapabilities = .fake, maximum: Int = .max,
        clock: any Clock<Duration> = ContinuousClock(),
        answer: @escaping @Sendable (Run) async throws -> Answer = { _ in Answer() },
        before: @escaping @Sendable (Operation) async throws -> Void = { _ in }
    ) {
        self.capabilities = capabilities
        self.maximum = maximum
        self.clock = clock
        self.before = before
        self.answer = answer
    }

    // MARK: The script

    /// Enqueues answers for the next runs of this executable; without one, for runs of any executable that
    /// has no queue of its own.
    public func enqueue(_ answers: Answer..., for executable: ByteString? = nil) {
        state.withLock { $0.queues[executable, default: []] += answers.map(Scripted.answer) }
    }

    /// Enqueues a failure of the sandbox.
    public func enqueue(failure: SandboxError, for executable: ByteString? = nil) {
        state.withLock { $0.queues[executable, default: []].append(.failure(failure)) }
    }

    /// The number of enqueued answers that no run has taken.
    public var unusedAnswers: Int { state.withLock { $0.queues.values.reduce(0) { $0 + $1.count } } }

    // MARK: Recorded requests

    /// All runs that began, in order.
    public var runs: [Run] { state.withLock { $0.runs } }

    /// The options of all acquisitions, in order, refused ones included.
    public var acquisitions: [SandboxOptions] { state.withLock { $0.acquisitions } }

    /// The number of sandboxes that are not closed.
    public var openSandboxes: Int { state.withLock { $0.open.count } }

    public var statistics: PoolStatistics {
        state.withLock { state in
            var statistics = PoolStatistics()
            statistics.inUse = state.open.count
            statistics.waiting = state.waiting.count
            statistics.created = state.made
            statistics.acquired = state.made
            statistics.destroyed = state.made - state.open.count
            statistics.cancelled = state.cancelled
            return statistics
        }
    }

    // MARK: Sandboxes

    public func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        state.withLock { $0.acquisitions.append(options) }
        do throws(SandboxError) {
            try checkOpen()
            try check(options)
            try await perform(.acquire(options))
            try await enter()
            let sandbox = state.withLock { state -> FakeSandbox? in
                if state.isShutDown { return nil }
                state.made += 1
                let sandbox = FakeSandbox(state.made, of: self, options)
                state.open[state.made] = sandbox
                return sandbox
            }
            guard let sandbox else { throw SandboxError.backendShutDown }
            return sandbox
        } catch {
            throw error.with(provenance(image: options.image, sandbox: ""))
        }
    }

    private func check(_ options: SandboxOptions) throws(SandboxError) {
        guard capabilities.level >= options.isolation else {
            throw SandboxError(
                .isolationUnavailable,
                message: "level \(options.isolation) was asked for, \(capabilities.level) is given",
                hint: "give the fake other capabilities")
        }
        guard capabilities.rootfsModes.contains(options.rootfs) else {
            throw SandboxError(
                .writableRootfsUnavailable, message: "no root file system is \(options.rootfs.rawValue)",
                hint: "give the fake other capabilities")
        }
        guard capabilities.hasBindMounts || options.bindMounts.isEmpty else {
            throw SandboxError(
                .isolationUnavailable, message: "directories of the host cannot be bound here",
                hint: "give the fake other capabilities")
        }
        try Validation.check(options.bindMounts)
    }

    /// Takes one of the `maximum` places, or waits for one.
    private func enter() async throws(SandboxError) {
        let number = state.withLock { state -> Int? in
            if state.inUse < maximum {
                state.inUse += 1
                return nil
            }
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        guard let number else { return }
        let result = await withTaskCancellationHandler {
            await state.answer { state, waiter -> Result<Void, SandboxError>? in
                if Task.isCancelled { return .failure(.runCancelled) }
                if state.isShutDown { return .failure(.backendShutDown) }
                if state.inUse < maximum {
                    state.inUse += 1
                    return .success(())
                }
                state.waiting.append((number, waiter))
                return nil
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter<Result<Void, SandboxError>>? in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return nil }
                state.cancelled += 1
                return state.waiting.remove(at: index).waiter
            }
            waiter?.resume(returning: .failure(.runCancelled))
        }
        try result.get()
    }

    /// Marks the sandbox as closed, and gives its place to the next in the queue.
    func closed(_ number: Int) {
        let next = state.withLock { state -> Waiter<Result<Void, SandboxError>>? in
            guard state.open.removeValue(forKey: number) != nil else { return nil }
            if !state.waiting.isEmpty { return state.waiting.removeFirst().waiter }
            state.inUse -= 1
            return nil
        }
        next?.resume(returning: .success(()))
    }

    public func shutdown() async {
        let (open, waiting) = state.withLock { state in
            state.isShutDown = true
            defer { state.waiting = [] }
            return (Array(state.open.values), state.waiting)
        }
        for each in waiting { each.waiter.resume(returning: .failure(.backendShutDown)) }
        for sandbox in open { await sandbox.close() }
    }

    // MARK: For its sandboxes

    var isShutDown: Bool { state.withLock { $0.isShutDown } }

    func checkOpen() throws(SandboxError) {
        if isShutDown { throw SandboxError.backendShutDown }
    }

    func perform(_ operation: Operation) async throws(SandboxError) {
        do { try await before(operation) } catch { throw Self.sandboxError(error) }
    }

    /// Records a run, and returns its answer.
    func script(for run: Run) async throws -> Answer {
        let scripted = state.withLock { state -> Scripted? in
            state.runs.append(run)
            for key in [run.command.executable, nil] {
                if let queue = state.queues[key], !queue.isEmpty { return state.queues[key]!.removeFirst() }
            }
            return nil
        }
        switch scripted {
        case .answer(let answer): return answer
        case .failure(let error): throw error
        case nil: return try await answer(run)
        }
    }

    func provenance(image: Image, sandbox: String) -> Provenance {
        Provenance(
            kind: capabilities.kind, requested: capabilities.kind.rawValue, instance: "fake",
            sandbox: sandbox,
            image: "\(image)", hostPID: getpid())
    }

    static func sandboxError(_ error: any Error) -> SandboxError {
        switch error {
        case let error as SandboxError: error
        case is CancellationError: .runCancelled
        default: SandboxError(.internalError, message: "the fake's script failed: \(error)")
        }
    }
}
