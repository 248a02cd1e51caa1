/// A sandbox in use: what callers may do when, whatever it is made of.

import CIsolate
package import SandboxAPI

/// The one ``SandboxInstance``: serial runs, files, and a close that waits for both.
package final class PlacedSandbox<Place: SandboxPlace>: SandboxInstance {
    private struct State {
        var isClosed = false
        /// A run is under way, the body of a streaming one included.
        var isBusy = false
        /// The run still needs the place.
        var runHoldsPlace = false
        /// Files being read or written, and the run.
        var users = 0
        var live: (any RunUnderWay)?
        /// Whoever closes the sandbox waits until nobody uses the place, which then serves somebody else.
        var closing: CheckedContinuation<Void, Never>?
    }

    package let provenance: Provenance
    package let isolation: IsolationReport
    private let place: Place
    private let state = Locked(State())

    package init(_ place: Place, isolation: IsolationReport, provenance: Provenance) {
        self.place = place
        self.isolation = isolation
        self.provenance = provenance
    }

    deinit {
        // A sandbox that was never closed still goes back: nothing is left behind.
        if state.withLock({ !$0.isClosed }) { place.giveBack() }
    }

    package func close() async {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        // A run under way is killed, and its end awaited: only then may the place serve another sandbox.
        await withCheckedContinuation { continuation in
            let (isUsed, live) = state.withLock { state in
                if state.users > 0 { state.closing = continuation }
                return (state.users > 0, state.live)
            }
            live?.kill(ISOLATE_END_CANCEL)
            if !isUsed { continuation.resume() }
        }
        place.giveBack()
    }

    // MARK: Files

    package func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        do throws(SandboxError) {
            try beginUse()
            defer { endUse() }
            try await place.write(bytes, to: try Validation.workPath(path), executable: executable)
        } catch {
            throw place.explain(error).with(provenance)
        }
    }

    package func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        do throws(SandboxError) {
            try beginUse()
            defer { endUse() }
            let name = try Validation.workPath(path)
            guard maxBytes >= 0 else {
                throw SandboxError(
                    .invalidArgument, message: "maxBytes is \(maxBytes)", hint: "give 0 or more")
            }
            return try await place.read(name, maxBytes: maxBytes)
        } catch {
            throw place.explain(error).with(provenance)
        }
    }

    private func checkUsable() throws(SandboxError) {
        try place.checkUsable()
        if state.withLock({ $0.isClosed }) { throw Self.closedError }
    }

    /// Holds off ``close()`` while a file is read or written.
    private func beginUse() throws(SandboxError) {
        try place.checkUsable()
        let isOpen = state.withLock { state in
            if !state.isClosed { state.users += 1 }
            return !state.isClosed
        }
        if !isOpen { throw Self.closedError }
    }

    private func endUse() {
        let closing = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.users -= 1
            guard state.users == 0 else { return nil }
            defer { state.closing = nil }
            return state.closing
        }
        closing?.resume()
    }

    private static var closedError: SandboxError {
        SandboxError(.sandboxClosed, message: "the sandbox is closed", hint: "use it inside withSandbox only")
    }

    // MARK: Runs

    package func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError)
        -> RunResult
    {
        try await perform(command, stdin: stdin, limits: limits, isStreaming: false) { _ in }
    }

    package func run<Value: Sendable>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: @concurrent @Sendable (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        let outcome = Locked<Result<Value, any Error>?>(nil)
        let result: RunResult
        do throws(SandboxError) {
            result = try await perform(command, stdin: stdin, limits: limits, isStreaming: true) { live in
                let execution = Execution(output: .init(next: { await live.output.nextChunk() }))
                do {
                    let value = try await body(execution)
                    outcome.withLock { $0 = .success(value) }
                    live.output.discardRest()
                } catch {
                    outcome.withLock { $0 = .failure(error) }
                    live.kill(ISOLATE_END_CANCEL)
                    live.output.discardRest()
                }
            }
        } catch {
            // The body's own error came first, and is why the run was killed.
            if case .failure(let bodyError) = outcome.withLock({ $0 }) { throw bodyError }
            throw error
        }
        guard let value = outcome.withLock({ $0 }) else {
            throw SandboxError(.internalError, message: "the body did not end", provenance: provenance)
        }
        return (result, try value.get())
    }

    private func perform(
        _ command: Command, stdin: StandardInput, limits: Limits, isStreaming: Bool,
        while body: (any RunUnderWay) async -> Void
    ) async throws(SandboxError) -> RunResult {
        do throws(SandboxError) {
            try checkUsable()
            try Validation.check(limits)
            let strings = try Validation.strings(
                of: command, user: Validation.userName(place.rootfs))
            for file in command.inputFiles { _ = try Validation.workPath(file.path) }
            try enter()
            defer { leave() }
            if Task.isCancelled { throw SandboxError.runCancelled }
            try await place.prepare(limits)
            for file in command.inputFiles {
                try await place.write(
                    file.bytes, to: try Validation.workPath(file.path), executable: file.executable)
            }
            let live = try await place.start(
                strings, stdin: stdin, limits: limits, isStreaming: isStreaming
            ) { [weak self] in self?.releasePlace() }
            defer { live.stopInput() }
            // A close that came before there was anything to kill.
            if setLive(live) { live.kill(ISOLATE_END_CANCEL) }
            place.requestLeft()
            let end = await withTaskCancellationHandler {
                if isStreaming { await body(live) }
                return await live.output.wait()
            } onCancel: {
                live.kill(ISOLATE_END_CANCEL)
            }
            let output = live.output.takeCollected()
            if !Task.isCancelled { try checkUsable() }
            if let failure = live.inputFailure { throw failure }
            return try result(of: end, output, command, limits)
        } catch {
            throw place.explain(error).with(provenance)
        }
    }

    /// True when the sandbox was closed meanwhile.
    private func setLive(_ live: any RunUnderWay) -> Bool {
        state.withLock { state in
            if state.runHoldsPlace { state.live = live }
            return state.isClosed
        }
    }

    /// The run is over, or never began.
    private func leave() {
        releasePlace()
        state.withLock { $0.isBusy = false }
    }

    /// The run's processes are dead; a streaming body may still be at work. Done once for each run.
    private func releasePlace() {
        let isFirst = state.withLock { state in
            defer { state.runHoldsPlace = false }
            state.live = nil
            return state.runHoldsPlace
        }
        if isFirst { endUse() }
    }

    private func enter() throws(SandboxError) {
        let (isClosed, isBusy) = state.withLock { state in
            let before = (state.isClosed, state.isBusy)
            if !state.isClosed, !state.isBusy {
                state.isBusy = true
                state.runHoldsPlace = true
                state.users += 1
            }
            return before
        }
        if isClosed { throw Self.closedError }
        if isBusy {
            throw SandboxError(
                .sandboxBusy, message: "a run is under way in this sandbox",
                hint: "runs of one sandbox are serial: wait for it, or take another sandbox")
        }
    }

    private func result(
        of end: RunOutput.End, _ output: RunOutput.Collected, _ command: Command, _ limits: Limits
    ) throws(SandboxError) -> RunResult {
        let record: isolate_run_record
        switch end {
        case .success(let ended): record = ended
        case .failure(let error):
            if Task.isCancelled { throw SandboxError.runCancelled }
            throw error
        }
        var isolation = isolation
        isolation.holes += place.holes(limits)
        return try RunResult(
            record, output: output, command: command, limits: limits, isolation: isolation,
            provenance: provenance)
    }
}

extension SandboxError {
    package static var runCancelled: SandboxError {
        SandboxError(.cancelled, message: "the run was cancelled; every process of it was killed")
    }

    package static var backendShutDown: SandboxError {
        SandboxError(.shutDown, message: "the backend was shut down", hint: "make a new backend")
    }

    /// - Parameter backend: the name of its class.
    package static func forkedEmbedder(_ backend: String) -> SandboxError {
        SandboxError(
            .forkedEmbedder, message: "this process was forked from the one that made the backend",
            hint: "make a new \(backend) in the child")
    }

    /// Adds who answered, unless it is there.
    package func with(_ provenance: Provenance) -> SandboxError {
        var error = self
        if error.provenance == nil { error.provenance = provenance }
        return error
    }
}
