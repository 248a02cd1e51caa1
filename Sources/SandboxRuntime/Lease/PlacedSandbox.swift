/// A sandbox in use: decides which call is allowed when, for every kind of place.

public import SandboxAPI

/// The ``/SandboxAPI/SandboxLease`` of all backends that have places: serial runs, files, and a close that
/// waits for both.
///
/// `LeaseStateMachine` decides; this class waits and resumes.
public final class PlacedSandbox: SandboxLease {
    private typealias Machine = LeaseStateMachine<any RunUnderWay, Waiter<Void>>

    public let provenance: Provenance
    public let isolation: IsolationReport
    private let place: any SandboxPlace
    private let state = Locked(Machine())

    /// - Parameters:
    ///   - place: given back when the sandbox is closed, or released without a close.
    ///   - isolation: the layers in force for its runs.
    ///   - provenance: which backend and sandbox answered.
    public init(_ place: any SandboxPlace, isolation: IsolationReport, provenance: Provenance) {
        self.place = place
        self.isolation = isolation
        self.provenance = provenance
    }

    deinit {
        // A sandbox that the caller never closed gives its place back, too.
        if case .first = state.withLock({ $0.close() }) { place.giveBack() }
    }

    public func close() async {
        guard case .first(let run) = state.withLock({ $0.close() }) else { return }
        // Kills a run under way and waits for its end: only then may the place serve another sandbox.
        run?.kill()
        await state.answer { machine, waiter in machine.waitUntilFree(waiter) ? nil : () }
        place.giveBack()
    }

    // MARK: Files

    public func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        try await use { place throws(SandboxError) in
            try await place.write(bytes, to: try Validation.workPath(path), executable: executable)
        }
    }

    public func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        try await use { place throws(SandboxError) in
            try Validation.check(offset, "offset", least: 1)
            try await place.write(bytes, to: try Validation.workPath(path), at: offset)
        }
    }

    public func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        try await use { place throws(SandboxError) in
            let name = try Validation.workPath(path)
            try Validation.check(maxBytes, "maxBytes")
            return try await place.read(name, maxBytes: maxBytes)
        }
    }

    public func read(
        _ path: ByteString, from offset: Int, maxBytes: Int
    ) async throws(SandboxError) -> FilePart {
        try await use { place throws(SandboxError) in
            let name = try Validation.existingPath(path)
            try Validation.check(maxBytes, "maxBytes")
            try Validation.check(offset, "offset")
            return try await place.read(name, from: offset, maxBytes: maxBytes)
        }
    }

    public func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        try await use { place throws(SandboxError) in
            try await place.info(of: try Validation.directoryPath(path))
        }
    }

    public func list(
        _ path: ByteString, maxEntries: Int
    ) async throws(SandboxError) -> [DirectoryEntry] {
        try await use { place throws(SandboxError) in
            let name = try Validation.directoryPath(path)
            try Validation.check(maxEntries, "maxEntries")
            var entries: [DirectoryEntry] = []
            var position: UInt64 = 0
            repeat {
                let part = try await place.list(name, from: position)
                entries += part.entries
                guard entries.count <= maxEntries else {
                    throw SandboxError(
                        .tooManyFiles, stage: "file",
                        message: "\(name.quoted) has more than \(maxEntries) entries",
                        hint: "raise the number of entries, or have the program make fewer")
                }
                position = part.next
            } while position != 0
            return entries.sorted { $0.name < $1.name }
        }
    }

    public func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        try await use { place throws(SandboxError) in
            try await place.makeDirectory(try Validation.workPath(path))
        }
    }

    public func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        try await use { place throws(SandboxError) in
            let name = try Validation.workPath(path)
            try Validation.linkTarget(target, of: name)
            try await place.makeSymbolicLink(name, to: target)
        }
    }

    /// How many parts of a tree a removal removes before it fails, since a program may make files as fast.
    private static let mostParts = 256

    public func remove(_ path: ByteString) async throws(SandboxError) {
        try await use { place throws(SandboxError) in
            let name = try Validation.existingPath(path)
            if try await place.remove(name) { return }
            for _ in 1..<Self.mostParts {
                do throws(SandboxError) {
                    if try await place.remove(name) { return }
                } catch {
                    // The program may have removed the rest itself.
                    if error.code == .fileNotFound { return }
                    throw error
                }
            }
            throw SandboxError(
                .tooManyFiles, stage: "file",
                message: "\(name.quoted) has too many files in it to be removed",
                hint: "end the run that makes them, or close the sandbox")
        }
    }

    /// Uses the place's files; a close waits until this is over.
    private func use<Value>(
        _ body: (any SandboxPlace) async throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        do throws(SandboxError) {
            try beginUse()
            defer { endUse() }
            return try await body(place)
        } catch {
            throw place.explain(error).with(provenance)
        }
    }

    private func checkUsable() throws(SandboxError) {
        try place.checkUsable()
        if state.withLock({ $0.isClosed }) { throw Self.error(.closed) }
    }

    /// Makes `close()` wait while a file is read or written.
    private func beginUse() throws(SandboxError) {
        try place.checkUsable()
        try enter { machine throws(Machine.Refusal) in try machine.beginFile() }
    }

    private func endUse() { state.withLock { $0.endFile() }?.resume() }

    private func enter(
        _ begin: (inout Machine) throws(Machine.Refusal) -> Void
    ) throws(SandboxError) {
        do throws(Machine.Refusal) {
            try state.withLock { machine throws(Machine.Refusal) in try begin(&machine) }
        } catch {
            throw Self.error(error)
        }
    }

    private static func error(_ refusal: Machine.Refusal) -> SandboxError {
        switch refusal {
        case .closed:
            SandboxError(
                .sandboxClosed, message: "the sandbox is closed", hint: "use it inside withSandbox only")
        case .busy:
            SandboxError(
                .sandboxBusy, message: "a run is under way in this sandbox",
                hint: "runs of one sandbox are serial: wait for it, or take another sandbox")
        }
    }

    // MARK: Runs

    public func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError)
        -> RunResult
    {
        try await perform(command, stdin: stdin, limits: limits, isStreaming: false) { _ in }
    }

    public func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        var outcome: Result<Value, any Error>?
        let result: RunResult
        do throws(SandboxError) {
            result = try await perform(command, stdin: stdin, limits: limits, isStreaming: true) { run in
                let execution = Execution(output: .init(next: { await run.output.nextChunk() }))
                do {
                    outcome = .success(try await body(execution))
                    run.output.discardRest()
                    if case .stream(let chunks) = stdin { await chunks.bodyEnded() }
                } catch {
                    outcome = .failure(error)
                    run.kill()
                    run.output.discardRest()
                }
            }
        } catch {
            // An error of the body takes precedence: it is the reason why the run was killed.
            if case .failure(let bodyError) = outcome { throw bodyError }
            throw error
        }
        guard let value = outcome else {
            throw SandboxError(.internalError, message: "the body did not end", provenance: provenance)
        }
        return (result, try value.get())
    }

    /// Whether programs of this sandbox can have descriptors of this process as their streams.
    package var takesDescriptors: Bool { place is any DescriptorPlace }

    /// Runs a command whose streams are connected, and which `control` can end.
    ///
    /// - Parameters:
    ///   - ends: descriptors in place of its streams; none, unless ``takesDescriptors``.
    ///   - body: takes the output that is not in `ends`, and is told the end of each stream by an empty piece. `nil`:
    ///     that output is collected.
    package func run(
        _ command: Command, stdin: StandardInput, limits: Limits, ends: ProgramEnds, control: RunControl,
        body: (@Sendable (Execution) async -> Void)?
    ) async throws(SandboxError) -> RunResult {
        try await perform(
            command, stdin: stdin, limits: limits, isStreaming: body != nil, ends: ends, control: control
        ) { run in
            guard let body else { return }
            await body(Execution(output: .init(next: { await run.output.nextChunk() })))
            run.output.discardRest()
            if case .stream(let chunks) = stdin { await chunks.bodyEnded() }
        }
    }

    private func perform(
        _ command: Command, stdin: StandardInput, limits: Limits, isStreaming: Bool,
        ends: ProgramEnds? = nil, control own: RunControl? = nil, while body: (any RunUnderWay) async -> Void
    ) async throws(SandboxError) -> RunResult {
        do throws(SandboxError) {
            try checkUsable()
            try Validation.check(limits)
            let strings = try Validation.strings(
                of: command, user: Validation.userName(place.rootfs), image: place.environment,
                work: place.work)
            for file in command.inputFiles { _ = try Validation.workPath(file.path) }
            try enter { machine throws(Machine.Refusal) in try machine.beginRun() }
            defer { state.withLock { $0.runLeft() }?.resume() }
            if Task.isCancelled { throw SandboxError.runCancelled }
            try await place.prepare(limits)
            for file in command.inputFiles {
                try await place.put(file, at: try Validation.workPath(file.path))
            }
            var request = PlacedRequest(
                command: command, strings: strings, stdin: stdin, limits: limits, isStreaming: isStreaming)
            request.ends = ends
            request.tellsEnds = own != nil
            let control = own ?? RunControl.current
            let run = try await place.start(request) { [weak self] in self?.placeFreed() }
            defer { run.stopInput() }
            // The sandbox was closed before there was a run to kill.
            if state.withLock({ $0.started(run) }) { run.kill() }
            control?.started(run)
            place.requestLeft()
            let end = await withTaskCancellationHandler {
                if isStreaming { await body(run) }
                return await run.output.wait()
            } onCancel: {
                run.kill()
            }
            if case .success(let ended) = end { control?.ended(at: ended.endedAt) }
            let output = run.output.takeCollected()
            if !Task.isCancelled { try checkUsable() }
            if let failure = run.inputFailure { throw failure }
            return try result(of: end, output, limits)
        } catch {
            throw place.explain(error).with(provenance)
        }
    }

    /// Called when the run's processes are dead; a streaming body may still be working.
    private func placeFreed() { state.withLock { $0.runEnded() }?.resume() }

    private func result(
        of end: RunOutput.End, _ output: RunOutput.Collected, _ limits: Limits
    ) throws(SandboxError) -> RunResult {
        let ended: RunEnd
        switch end {
        case .success(let end): ended = end
        case .failure(let error):
            if Task.isCancelled { throw SandboxError.runCancelled }
            throw error
        }
        var isolation = isolation
        isolation.holes += place.holes(limits)
        return RunResult(
            outcome: ended.outcome, limitsHit: ended.limitsHit, deniedSyscalls: ended.deniedSyscalls,
            stdout: output.stdout, stderr: output.stderr, stdoutTruncated: output.stdoutExceeded,
            stderrTruncated: output.stderrExceeded, usage: ended.usage, limits: limits,
            isolation: isolation, provenance: provenance)
    }
}

extension SandboxError {
    /// The end of a run that ``RunUnderWay/kill()`` ended.
    public static var runCancelled: SandboxError {
        SandboxError(.cancelled, message: "the run was cancelled; every process of it was killed")
    }

    /// The answer of a backend that was shut down.
    public static var backendShutDown: SandboxError {
        SandboxError(.shutDown, message: "the backend was shut down", hint: "make a new backend")
    }

    /// - Parameter backend: the name of the backend's class.
    package static func forkedEmbedder(_ backend: String) -> SandboxError {
        SandboxError(
            .forkedEmbedder, message: "this process was forked from the one that made the backend",
            hint: "make a new \(backend) in the child")
    }

    /// The same error with who answered, unless it has that already. A backend's `acquire` adds it; a
    /// ``PlacedSandbox`` does so itself.
    public func with(_ provenance: Provenance) -> SandboxError {
        var error = self
        if error.provenance == nil { error.provenance = provenance }
        return error
    }
}
