/// A sandbox of a fallback: one of the first backend that can become one of the second, or one of the second.

#if Fallback
import SandboxAPI
import SandboxRuntime

/// A ``FallbackStateMachine`` decides which backend has the sandbox and what may be repeated. This class does
/// the work, outside the machine's lock.
final class FallbackSandbox: SandboxLease {
    /// The way from the first backend to the second.
    private struct Move: Sendable {
        /// Makes the second sandbox.
        let task: Task<Result<any SandboxLease, SandboxError>, Never>
        /// Closes the first one.
        let retired: Task<Void, Never>
    }

    private typealias Machine = FallbackStateMachine<any SandboxLease, Move, BreakerBoard.Pass>

    private let backend: FallbackBackend
    private let options: SandboxOptions
    private let state: Locked<Machine>

    init(
        _ backend: FallbackBackend, _ options: SandboxOptions, primary sandbox: any SandboxLease,
        pass: BreakerBoard.Pass
    ) {
        self.backend = backend
        self.options = options
        let journal = FileJournal(capacity: backend.configuration.replayBytes)
        state = Locked(Machine(first: sandbox, pass: pass, journal: journal))
    }

    init(
        _ backend: FallbackBackend, _ options: SandboxOptions, secondary sandbox: any SandboxLease,
        cause: BreakerBoard.Cause
    ) {
        self.backend = backend
        self.options = options
        state = Locked(Machine(second: sandbox, cause: cause))
    }

    deinit {
        if let pass = state.withLock({ $0.passWithoutVerdict }) { backend.ended(pass) }
    }

    var provenance: Provenance {
        let (latest, cause) = state.withLock { ($0.latest, $0.cause) }
        return Self.complete(latest.provenance, cause, attempt: 1)
    }

    var isolation: IsolationReport { state.withLock { $0.latest }.isolation }

    func close() async {
        guard let closed = state.withLock({ $0.close() }) else { return }
        if let pass = closed.pass { backend.ended(pass) }
        switch closed.phase {
        case .first(let sandbox), .second(let sandbox): await sandbox.close()
        case .moving(let move):
            move.task.cancel()
            if case .success(let sandbox) = await move.task.value { await sandbox.close() }
        case .lost: break
        }
        await closed.move?.retired.value
    }

    // MARK: Files

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        try await change(.write(bytes, executable: executable), of: path)
    }

    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        try await change(.part(bytes, offset: offset), of: path)
    }

    func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        try await change(.directory, of: path)
    }

    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        try await change(.link(target: target), of: path)
    }

    func remove(_ path: ByteString) async throws(SandboxError) {
        try await use { sandbox throws(SandboxError) in try await sandbox.remove(path) }
        // Recorded only after it was made: repeated after a replay, a removal would find nothing to remove.
        state.withLock { state in
            if let entry = state.journal.begin(.removal, of: path) { state.journal.confirm(entry) }
        }
    }

    func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        try await use { sandbox throws(SandboxError) in
            try await sandbox.readFile(path, maxBytes: maxBytes)
        }
    }

    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        try await use { sandbox throws(SandboxError) in
            try await sandbox.read(path, from: offset, maxBytes: maxBytes)
        }
    }

    func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        try await use { sandbox throws(SandboxError) in try await sandbox.info(of: path) }
    }

    func list(_ path: ByteString, maxEntries: Int) async throws(SandboxError) -> [DirectoryEntry] {
        try await use { sandbox throws(SandboxError) in
            try await sandbox.list(path, maxEntries: maxEntries)
        }
    }

    /// Makes a change that gives the same result when it is repeated on the second backend.
    private func change(_ change: FileJournal.Change, of path: ByteString) async throws(SandboxError) {
        let entry = state.withLock { $0.journal.begin(change, of: path) }
        let made = FileJournal.Entry(id: 0, path: path, change: change)
        do throws(SandboxError) {
            try await use { sandbox throws(SandboxError) in try await made.replay(in: sandbox) }
        } catch {
            if let entry { state.withLock { $0.journal.cancel(entry) } }
            throw error
        }
        if let entry { state.withLock { $0.journal.confirm(entry) } }
    }

    /// Uses the present sandbox, and if that is lost, the one that replaces it.
    private func use<Value>(
        _ body: (any SandboxLease) async throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        let (sandbox, isFirst) = try await current()
        do throws(SandboxError) {
            return try await body(sandbox)
        } catch {
            guard let cause = judge(error, isOfFirst: isFirst), !Task.isCancelled else {
                throw complete(error)
            }
            if let refusal = refusal() { throw complete(error, notRepeated: refusal) }
            let replacement = try await replace(cause, isRetry: false)
            do throws(SandboxError) { return try await body(replacement) } catch { throw complete(error) }
        }
    }

    // MARK: Runs

    func run(
        _ command: Command, stdin: StandardInput, limits: Limits
    ) async throws(SandboxError) -> RunResult {
        try beginRun()
        defer { endRun() }
        do {
            try await leaveIfTooSmall(limits)
            return try await tries(
                stdin, mayRepeat: { true },
                run: { sandbox, stdin in
                    try await sandbox.run(command, stdin: stdin, limits: limits)
                })
        } catch let error as SandboxError {
            throw error
        } catch {
            throw complete(SandboxError(.internalError, message: "\(error)"))
        }
    }

    func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        try beginRun()
        defer { endRun() }
        let relay = StreamRelay()
        // The body runs here, once, and the tries run beside it, so that a second try does not call it again.
        async let result = stream(command, stdin, limits, relay)
        let value: Value
        do {
            value = try await body(Execution(output: .init(next: { await relay.next() })))
            relay.consumerEnded(.success(()))
            if case .stream(let chunks) = stdin { await chunks.bodyEnded() }
        } catch {
            relay.consumerEnded(.failure(error))
            _ = try? await result
            throw error
        }
        return (try await result, value)
    }

    private func stream(
        _ command: Command, _ stdin: StandardInput, _ limits: Limits, _ relay: StreamRelay
    ) async throws -> RunResult {
        defer { relay.end() }
        try await leaveIfTooSmall(limits)
        return try await tries(
            stdin, mayRepeat: { relay.claimRetry() },
            run: { sandbox, stdin in
                try await sandbox.run(command, stdin: stdin, limits: limits) { execution in
                    // A type of its own distinguishes an error of the consumer from a failure of the backend.
                    do { try await relay.serve(execution.output) } catch { throw ConsumerFailure() }
                }.result
            })
    }

    private struct ConsumerFailure: Error {}

    /// Runs on the present sandbox. If that is lost before the run had any effect, repeats the run on the
    /// second backend.
    ///
    /// - Parameter mayRepeat: asked once, after a loss.
    private func tries(
        _ stdin: StandardInput, mayRepeat: () -> Bool,
        run: (any SandboxLease, StandardInput) async throws -> RunResult
    ) async throws -> RunResult {
        defer { forbidReplay() }
        let (sandbox, isFirst) = try await current()
        let input = state.withLock({ $0.hasRun }) ? nil : InputGuard(stdin)
        do {
            let result = try await run(sandbox, input?.guarded ?? stdin)
            giveVerdict { $0.succeeded($1) }
            return complete(result)
        } catch let error as SandboxError {
            guard let cause = judge(error, isOfFirst: isFirst), !Task.isCancelled else {
                throw complete(error)
            }
            let isLoss = BackendFailure(error) != .incapable
            if let refusal = refusal(input) {
                throw complete(error, notRepeated: isLoss ? refusal : nil)
            }
            guard mayRepeat() else {
                throw complete(error, notRepeated: "its output was already handed out")
            }
            let replacement = try await replace(cause, isRetry: isLoss)
            do {
                return complete(try await run(replacement, stdin), attempt: 2)
            } catch let error as SandboxError {
                throw complete(error, attempt: 2)
            }
        }
    }

    /// Moves the sandbox to the second backend when the limits exceed what the first one can give and no work
    /// would be lost by the move.
    private func leaveIfTooSmall(_ limits: Limits) async throws(SandboxError) {
        guard let cause = await backend.shortcoming(limits), refusal() == nil,
            case .first = state.withLock({ $0.phase })
        else { return }
        _ = try await replace(cause, isRetry: false)
    }

    /// Returns why the lost work cannot be repeated; `nil` if it can.
    private func refusal(_ input: InputGuard? = nil) -> String? {
        if let refusal = state.withLock({ $0.refusal }) { return refusal }
        return input?.wasRead == true ? "a part of its input is gone" : nil
    }

    private func beginRun() throws(SandboxError) {
        guard state.withLock({ $0.beginRun() }) else {
            throw complete(
                SandboxError(
                    .sandboxBusy, message: "a run is under way in this sandbox",
                    hint: "wait for it, or use another sandbox"))
        }
    }

    private func endRun() { state.withLock { $0.endRun() } }

    // MARK: From the first to the second

    /// Forbids any repetition from now on: the first run had an effect, whatever its result.
    private func forbidReplay() { state.withLock { $0.forbidReplay() } }

    /// Reports the result of this sandbox to the first backend's breaker, unless the sandbox has moved.
    private func giveVerdict(_ report: (FallbackBackend, BreakerBoard.Pass) -> Void) {
        if let pass = state.withLock({ $0.takeVerdict() }) { report(backend, pass) }
    }

    /// Returns the present sandbox, and whether it is the first backend's.
    private func current() async throws(SandboxError) -> (sandbox: any SandboxLease, isFirst: Bool) {
        switch state.withLock({ $0.phase }) {
        case .first(let sandbox): return (sandbox, true)
        case .second(let sandbox): return (sandbox, false)
        case .moving(let move): return (try await arrived(move.task), false)
        case .lost(let error): throw error
        }
    }

    /// Reports the error to the breaker, and returns why it may send the sandbox to the second backend; `nil`
    /// if it may not.
    private func judge(_ error: SandboxError, isOfFirst: Bool) -> BreakerBoard.Cause? {
        guard let failure = BackendFailure(error), isOfUse(failure) else { return nil }
        let cause = BreakerBoard.Cause(code: error.code, text: error.message)
        let judgement = state.withLock { $0.failed(failure, cause, isOfFirst: isOfFirst) }
        if let pass = judgement.pass { _ = backend.failed(pass, error) }
        return judgement.cause
    }

    /// Programs are missing in an image on both backends. Only `.host` means different files on each, so only
    /// there is a second try useful.
    private func isOfUse(_ failure: BackendFailure) -> Bool {
        failure != .incapable || options.image == .host
    }

    /// Makes the sandbox again on the second backend, with its files. Concurrent callers share one move.
    private func replace(
        _ cause: BreakerBoard.Cause, isRetry: Bool
    ) async throws(SandboxError) -> any SandboxLease {
        let isMine = state.withLock { state in
            state.beginMove(cause) { lost, journal in
                Move(
                    task: Task { [backend, options] in await Self.move(backend, options, journal, cause) },
                    retired: Task { await lost.close() })
            }
        }
        if isMine { backend.announce(cause, wasTried: true, isRetry: isRetry) }
        return try await current().sandbox
    }

    private func arrived(
        _ task: Task<Result<any SandboxLease, SandboxError>, Never>
    ) async throws(SandboxError) -> any SandboxLease {
        let result = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        state.withLock { $0.moved(result) }
        do throws(SandboxError) { return try result.get() } catch { throw complete(error) }
    }

    private static func move(
        _ backend: FallbackBackend, _ options: SandboxOptions, _ journal: FileJournal,
        _ cause: BreakerBoard.Cause
    ) async -> Result<any SandboxLease, SandboxError> {
        do throws(SandboxError) {
            let sandbox = try await backend.acquireSecond(options, cause)
            do throws(SandboxError) {
                for entry in journal.entries {
                    do throws(SandboxError) {
                        try await entry.replay(in: sandbox)
                    } catch {
                        // A change that the first sandbox did not confirm may fail here as well: its caller
                        // gets that error anyway.
                        if entry.isConfirmed { throw error }
                    }
                }
            } catch {
                await sandbox.close()
                throw error
            }
            return .success(sandbox)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Who answered

    private func complete(_ result: RunResult, attempt: Int = 1) -> RunResult {
        var complete = result
        complete.provenance = Self.complete(
            result.provenance, state.withLock { $0.cause }, attempt: attempt)
        return complete
    }

    /// - Parameter notRepeated: why what failed was not repeated on the second backend.
    private func complete(
        _ error: SandboxError, attempt: Int = 1, notRepeated: String? = nil
    ) -> SandboxError {
        let (latest, cause) = state.withLock { ($0.latest, $0.cause) }
        var complete = error.answered(by: latest.provenance, reason: cause?.text, attempt: attempt)
        if let notRepeated {
            complete.hint = "it was not repeated on the second backend: \(notRepeated)"
        }
        return complete
    }

    private static func complete(
        _ provenance: Provenance, _ cause: BreakerBoard.Cause?, attempt: Int
    ) -> Provenance {
        var complete = provenance
        complete.requested = "auto"
        complete.fallbackReason = cause?.text
        complete.attempt = attempt
        return complete
    }
}
#endif
