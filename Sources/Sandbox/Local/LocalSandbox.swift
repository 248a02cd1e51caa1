/// A sandbox of the local backend: files through the slot, runs in its cells.

import CIsolate
import Glibc
import Synchronization

final class LocalSandbox: SandboxInstance {
    private struct State {
        var isClosed = false
        /// A run is under way, the body of a streaming one included.
        var isBusy = false
        /// The run still needs the slot.
        var runHoldsSlot = false
        /// Files being read or written, and the run.
        var users = 0
        var live: Live?
        /// Whoever closes the sandbox waits until nobody uses the slot, which then serves somebody else.
        var closing: CheckedContinuation<Void, Never>?
    }

    let provenance: Provenance
    let isolation: IsolationReport
    private let engine: LocalEngine
    private let lease: PoolLease<Slot>
    private let options: SandboxOptions
    private let state = Mutex(State())

    private var slot: Slot { lease.member }

    init(engine: LocalEngine, lease: PoolLease<Slot>, options: SandboxOptions, provenance: Provenance) {
        self.engine = engine
        self.lease = lease
        self.options = options
        self.provenance = provenance
        self.isolation = engine.supervisor.world.report(bits: lease.member.layers)
    }

    deinit {
        // A sandbox that was never closed still goes back: nothing is left behind.
        if state.withLock({ !$0.isClosed }) { engine.pool.release(lease, reusable: false) }
    }

    func close() async {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        // A run under way is killed, and its end awaited: only then may the slot serve another sandbox.
        await withCheckedContinuation { continuation in
            let (isUsed, live) = state.withLock { state in
                if state.users > 0 { state.closing = continuation }
                return (state.users > 0, state.live)
            }
            live?.kill(ISOLATE_END_CANCEL)
            if !isUsed { continuation.resume() }
        }
        engine.pool.release(lease, reusable: false)
    }

    // MARK: Files

    func write(_ bytes: [UInt8], to path: String, executable: Bool) async throws(SandboxError) {
        do throws(SandboxError) {
            try beginUse()
            defer { endUse() }
            try await writeFile(bytes, to: path, executable: executable)
        } catch {
            throw engine.explain(error).with(provenance)
        }
    }

    private func writeFile(_ bytes: [UInt8], to path: String, executable: Bool) async throws(SandboxError) {
        let name = try Validation.workPath(path)
        if executable {
            let content = bytes.withUnsafeBytes { isolate_memory_file($0.baseAddress, $0.count) }
            guard content >= 0 else { throw FileErrors.error(errno: -content, path: path) }
            defer { Glibc.close(content) }
            return try await slot.writeExecutable(name, content: content)
        }
        let (fd, _) = try await slot.open(name, mode: ISOLATE_FILE_WRITE)
        defer { Glibc.close(fd) }
        do throws(SandboxError) {
            try Self.writeAll(bytes, fd, path)
        } catch {
            // A part of a file is worse than none.
            try? await slot.remove(name)
            throw error
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ fd: Int32, _ path: String) throws(SandboxError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress! + done, bytes.count - done) }
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw FileErrors.error(errno: errno, path: path)
            }
        }
    }

    func read(_ path: String, maxBytes: Int) async throws(SandboxError) -> [UInt8] {
        do throws(SandboxError) {
            try beginUse()
            defer { endUse() }
            let name = try Validation.workPath(path)
            guard maxBytes >= 0 else {
                throw SandboxError(
                    .invalidArgument, message: "maxBytes is \(maxBytes)", hint: "give 0 or more")
            }
            let (fd, size) = try await slot.open(name, mode: ISOLATE_FILE_READ)
            defer { Glibc.close(fd) }
            guard size <= maxBytes else { throw Self.tooLarge(path, maxBytes) }
            return try Self.readAll(fd, maxBytes, path)
        } catch {
            throw engine.explain(error).with(provenance)
        }
    }

    /// The file may grow or shrink while it is read: the bound is on what is really read.
    private static func readAll(_ fd: Int32, _ maxBytes: Int, _ path: String) throws(SandboxError) -> [UInt8]
    {
        var result: [UInt8] = []
        while true {
            var count = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
                count = Glibc.read(fd, buffer.baseAddress, buffer.count)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileErrors.error(errno: errno, path: path) }
            if count == 0 { return result }
            guard result.count + count <= maxBytes else { throw tooLarge(path, maxBytes) }
            result += chunk
        }
    }

    private static func tooLarge(_ path: String, _ maxBytes: Int) -> SandboxError {
        SandboxError(
            .fileTooLarge, stage: "file", errno: EFBIG,
            message: "\(Validation.quoted(path)) is larger than \(maxBytes) bytes", hint: "raise maxBytes")
    }

    private func checkUsable() throws(SandboxError) {
        try engine.checkOwner()
        if state.withLock({ $0.isClosed }) { throw Self.closedError }
    }

    /// Holds off ``close()`` while a file is read or written.
    private func beginUse() throws(SandboxError) {
        try engine.checkOwner()
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

    func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError) -> RunResult
    {
        try await perform(command, stdin: stdin, limits: limits, isStreaming: false) { _ in }
    }

    func run<Value: Sendable>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: @concurrent @Sendable (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        let outcome = Mutex<Result<Value, any Error>?>(nil)
        let result: RunResult
        do throws(SandboxError) {
            result = try await perform(command, stdin: stdin, limits: limits, isStreaming: true) { live in
                let execution = Execution(output: .init(next: { await live.run.nextChunk() }))
                do {
                    let value = try await body(execution)
                    outcome.withLock { $0 = .success(value) }
                    live.run.discardRest()
                } catch {
                    outcome.withLock { $0 = .failure(error) }
                    live.kill(ISOLATE_END_CANCEL)
                    live.run.discardRest()
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

    /// A run that is under way, for whoever may have to end it.
    struct Live: Sendable {
        let run: LocalRun
        let slot: Slot
        let serial: UInt64
        func kill(_ end: isolate_end) { slot.endRun(serial, end) }
    }

    private func perform(
        _ command: Command, stdin: StandardInput, limits: Limits, isStreaming: Bool,
        while body: (Live) async -> Void
    ) async throws(SandboxError) -> RunResult {
        do throws(SandboxError) {
            try checkUsable()
            try Validation.check(limits)
            let strings = try Validation.strings(of: command)
            for file in command.inputFiles { _ = try Validation.workPath(file.path) }
            try enter()
            defer { leave() }
            if Task.isCancelled { throw Self.cancelled }
            try await slot.setDisk(limits.disk)
            for file in command.inputFiles {
                try await writeFile(file.bytes, to: file.path, executable: file.executable)
            }
            let live = try start(strings, stdin: stdin, limits: limits, isStreaming: isStreaming)
            defer { live.input.stop() }
            let handle = live.live
            // A close that came before there was anything to kill.
            if setLive(handle) { handle.kill(ISOLATE_END_CANCEL) }
            engine.pool.replenish()
            let end = await withTaskCancellationHandler {
                if isStreaming { await body(handle) }
                return await handle.run.wait()
            } onCancel: {
                handle.kill(ISOLATE_END_CANCEL)
            }
            let output = handle.run.takeOutput()
            if !Task.isCancelled { try checkUsable() }
            return try result(of: end, output, command, limits)
        } catch {
            throw engine.explain(error).with(provenance)
        }
    }

    /// True when the sandbox was closed meanwhile.
    private func setLive(_ live: Live) -> Bool {
        state.withLock { state in
            if state.runHoldsSlot { state.live = live }
            return state.isClosed
        }
    }

    /// The run is over, or never began.
    private func leave() {
        releaseSlot()
        state.withLock { $0.isBusy = false }
    }

    /// The run's processes are dead; a streaming body may still be at work. Done once for each run.
    private func releaseSlot() {
        let isFirst = state.withLock { state in
            defer { state.runHoldsSlot = false }
            state.live = nil
            return state.runHoldsSlot
        }
        if isFirst { endUse() }
    }

    private func enter() throws(SandboxError) {
        let (isClosed, isBusy) = state.withLock { state in
            let before = (state.isClosed, state.isBusy)
            if !state.isClosed, !state.isBusy {
                state.isBusy = true
                state.runHoldsSlot = true
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

    private struct Started {
        let live: Live
        let input: InputSource
    }

    private func start(
        _ strings: Validation.Strings, stdin: StandardInput, limits: Limits, isStreaming: Bool
    ) throws(SandboxError) -> Started {
        let input = try InputSource.make(stdin, user: slot.hostUser, loop: slot.loop)
        let out: ProgramPipe
        let err: ProgramPipe
        do throws(SandboxError) {
            out = try ProgramPipe(reading: slot.hostUser)
            do throws(SandboxError) { err = try ProgramPipe(reading: slot.hostUser) } catch {
                out.closeBoth()
                throw error
            }
        } catch {
            input.closeProgramEnd()
            input.stop()
            throw error
        }
        defer {
            input.closeProgramEnd()
            Glibc.close(out.theirs)
            Glibc.close(err.theirs)
        }
        let slot = slot
        let box = SerialBox()
        let run = LocalRun(
            loop: slot.loop, stdout: out.ours, stderr: err.ours, bound: limits.output,
            isStreaming: isStreaming, onExceeded: { slot.endRun(box.serial, ISOLATE_END_OUTPUT) },
            onEnd: { [weak self] in self?.releaseSlot() })
        guard let serial = slot.begin(run) else {
            run.abandon()
            input.stop()
            throw SandboxError(.sandboxBusy, message: "a run is under way in this slot")
        }
        box.serial = serial
        var bounds = isolate_limits(limits)
        var flags = options.blockedSyscalls == .deny ? ISOLATE_RUN_DENY_BLOCKED.rawValue : 0
        if input.fd < 0 { flags |= ISOLATE_RUN_NO_INPUT.rawValue }
        var stdio = (input.fd < 0 ? out.theirs : input.fd, out.theirs, err.theirs)
        let sent = strings.bytes.withUnsafeBytes { bytes in
            withUnsafeBytes(of: &stdio) { stdio in
                slot.withSockets { _, request in
                    isolate_run_send(
                        request, serial, &bounds, flags, UInt32(strings.argumentCount),
                        UInt32(strings.variableCount), bytes.assumingMemoryBound(to: CChar.self).baseAddress,
                        bytes.count, stdio.assumingMemoryBound(to: Int32.self).baseAddress)
                }
            }
        }
        guard sent == 0 else {
            slot.forget(run)
            run.abandon()
            input.stop()
            throw sent == -EPIPE || sent == -ECONNRESET
                ? Slot.gone
                : SandboxError(
                    .setupFailed, stage: "request", errno: -sent,
                    message: "cannot send the request: \(describe(errno: -sent))")
        }
        return Started(live: Live(run: run, slot: slot, serial: serial), input: input)
    }

    private func result(
        of end: LocalRun.End, _ output: LocalRun.Output, _ command: Command, _ limits: Limits
    ) throws(SandboxError) -> RunResult {
        let record: isolate_run_record
        switch end {
        case .success(let ended): record = ended
        case .failure(let error):
            if Task.isCancelled { throw Self.cancelled }
            throw error
        }
        return try RunResult(
            record, output: output, command: command, limits: limits, isolation: isolation,
            provenance: provenance)
    }

    static var cancelled: SandboxError {
        SandboxError(.cancelled, message: "the run was cancelled; every process of it was killed")
    }
}

/// Set before the request is sent; read on the loop's thread when output passed its bound.
private final class SerialBox: Sendable {
    private let value = Atomic<UInt64>(0)
    var serial: UInt64 {
        get { value.load(ordering: .acquiring) }
        set { value.store(newValue, ordering: .releasing) }
    }
}

extension SandboxError {
    /// Adds who answered, unless it is there.
    func with(_ provenance: Provenance) -> SandboxError {
        var error = self
        if error.provenance == nil { error.provenance = provenance }
        return error
    }
}
