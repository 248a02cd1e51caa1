/// A sandbox whose files are a tree in memory.

import SandboxAPI
import SandboxRuntime

/// The sandbox of a ``FakeBackend``.
final class FakeSandbox: SandboxLease {
    private struct State {
        var files = FakeFiles()
        var isClosed = false
        var isBusy = false
        /// The run under way: its script, or the steps of its answer.
        var running: Running?
    }

    /// How `close()` cancels a run and waits for its end.
    private struct Running: Sendable {
        var cancel: @Sendable () -> Void
        var wait: @Sendable () async -> Void
    }

    let provenance: Provenance
    let isolation: IsolationReport
    private let number: Int
    private let backend: FakeBackend
    private let rootfs: Rootfs
    private let state = Locked(State())

    init(_ number: Int, of backend: FakeBackend, _ options: SandboxOptions) {
        self.number = number
        self.backend = backend
        rootfs = options.rootfs
        provenance = backend.provenance(image: options.image, sandbox: "\(number)")
        let layers = backend.capabilities.layers
        let missing = IsolationLayer.allCases.filter { !layers.contains($0) }
        isolation = IsolationReport(
            level: backend.capabilities.level, layers: layers.sorted { $0.rawValue < $1.rawValue },
            missing: missing, cgroup: .none,
            reasons: missing.isEmpty ? [] : ["the fake's capabilities say so"])
    }

    func close() async {
        let running = state.withLock { state in
            state.isClosed = true
            return state.running
        }
        running?.cancel()
        await running?.wait()
        backend.closed(number)
    }

    // MARK: Files

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        let name = try named(path)
        try await perform(.write(name, executable: executable)) { files throws(SandboxError) in
            try files.write(OutputFile(bytes, executable: executable), to: name)
        }
    }

    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        try check(offset, "offset", least: 1)
        let name = try named(path)
        try await perform(.writePart(name, offset: offset)) { files throws(SandboxError) in
            try files.write(bytes, to: name, at: offset)
        }
    }

    func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        let name = try named(path)
        try check(maxBytes, "maxBytes")
        let file = try await perform(.read(name, maxBytes: maxBytes)) { files throws(SandboxError) in
            try files.file(name)
        }
        guard file.bytes.count <= maxBytes else {
            throw SandboxError(
                .fileTooLarge, message: "\(Validation.quoted(name)) has more than \(maxBytes) bytes",
                provenance: provenance)
        }
        return file
    }

    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        let name = try validated { () throws(SandboxError) in try Validation.existingPath(path) }
        try check(maxBytes, "maxBytes")
        try check(offset, "offset")
        return try await perform(.readPart(name, offset: offset)) { files throws(SandboxError) in
            try files.part(of: name, from: offset, maxBytes: maxBytes)
        }
    }

    func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        let name = try validated { () throws(SandboxError) in try Validation.directoryPath(path) }
        return try await perform(.info(name)) { files throws(SandboxError) in
            try files.info(of: name)
        }
    }

    func list(_ path: ByteString, maxEntries: Int) async throws(SandboxError) -> [DirectoryEntry] {
        let name = try validated { () throws(SandboxError) in try Validation.directoryPath(path) }
        try check(maxEntries, "maxEntries")
        let entries = try await perform(.list(name)) { files throws(SandboxError) in
            try files.list(name)
        }
        guard entries.count <= maxEntries else {
            throw SandboxError(
                .tooManyFiles, message: "\(Validation.quoted(name)) has more than \(maxEntries) entries",
                provenance: provenance)
        }
        return entries
    }

    func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        let name = try named(path)
        try await perform(.makeDirectory(name)) { files throws(SandboxError) in
            try files.makeDirectory(name)
        }
    }

    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        let name = try named(path)
        try validated { () throws(SandboxError) in try Validation.linkTarget(target, of: name) }
        try await perform(.makeSymbolicLink(name, target: target)) { files throws(SandboxError) in
            try files.makeLink(name, to: target)
        }
    }

    func remove(_ path: ByteString) async throws(SandboxError) {
        let name = try validated { () throws(SandboxError) in try Validation.existingPath(path) }
        try await perform(.remove(name)) { files throws(SandboxError) in
            try files.remove(name)
        }
    }

    private func named(_ path: ByteString) throws(SandboxError) -> ByteString {
        try validated { () throws(SandboxError) in try Validation.workPath(path) }
    }

    private func check(_ value: Int, _ name: String, least: Int = 0) throws(SandboxError) {
        do throws(SandboxError) { try Validation.check(value, name, least: least) } catch {
            throw error.with(provenance)
        }
    }

    private func validated<Value>(
        _ body: () throws(SandboxError) -> Value
    ) throws(SandboxError) -> Value {
        do throws(SandboxError) {
            try checkOpen()
            return try body()
        } catch {
            throw error.with(provenance)
        }
    }

    /// Lets the script fail or delay the operation, and then does it.
    private func perform<Value: Sendable>(
        _ operation: FakeBackend.Operation, _ body: (inout FakeFiles) throws(SandboxError) -> Value
    ) async throws(SandboxError) -> Value {
        do throws(SandboxError) {
            try await backend.perform(operation)
            return try state.withLock { state throws(SandboxError) in try body(&state.files) }
        } catch {
            throw error.with(provenance)
        }
    }

    private func checkOpen() throws(SandboxError) {
        try backend.checkOpen()
        if state.withLock({ $0.isClosed }) { throw Self.closed }
    }

    private static var closed: SandboxError {
        SandboxError(.sandboxClosed, message: "the sandbox is closed", hint: "use it inside withSandbox only")
    }

    // MARK: Runs

    func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError) -> RunResult
    {
        let output = Locked<[Execution.Chunk]>([])
        do {
            let answer = try await begin(command, stdin, limits, isStreaming: false)
            defer { leave() }
            let played = try await end(
                of: play(answer, limits) { chunk in output.withLock { $0.append(chunk) } })
            return result(answer, played, limits, output.withLock { $0 })
        } catch {
            throw FakeBackend.sandboxError(error).with(provenance)
        }
    }

    func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        let answer: FakeBackend.Answer
        do {
            answer = try await begin(command, stdin, limits, isStreaming: true)
        } catch {
            throw FakeBackend.sandboxError(error).with(provenance)
        }
        defer { leave() }
        let (chunks, continuation) = AsyncStream<Execution.Chunk>.makeStream()
        let task = play(answer, limits) { continuation.yield($0) }
        let finished = Task {
            let result = await task.result
            continuation.finish()
            return result
        }
        let value: Value
        do {
            value = try await withTaskCancellationHandler {
                try await body(
                    Execution(
                        output: .init(next: {
                            var iterator = chunks.makeAsyncIterator()
                            return await iterator.next()
                        })))
            } onCancel: {
                task.cancel()
            }
        } catch {
            task.cancel()
            _ = await finished.value
            throw error
        }
        if case .stream(let chunks) = stdin { await chunks.bodyEnded() }
        do {
            let played = try await end(of: task)
            return (result(answer, played, limits, []), value)
        } catch {
            throw FakeBackend.sandboxError(error).with(provenance)
        }
    }

    /// Does the checks of every backend, reserves the sandbox for the run, and calls the script. An error
    /// releases the sandbox.
    private func begin(
        _ command: Command, _ stdin: StandardInput, _ limits: Limits, isStreaming: Bool
    ) async throws -> FakeBackend.Answer {
        try checkOpen()
        try Validation.check(limits)
        guard limits.memory >= backend.capabilities.minimumMemory else {
            throw SandboxError(
                .invalidLimit, message: "limit memory is \(limits.memory) bytes",
                hint: "give \(backend.capabilities.minimumMemory) or more")
        }
        _ = try Validation.strings(of: command, user: Validation.userName(rootfs))
        let inputs = try command.inputFiles.map {
            (try Validation.workPath($0.path), OutputFile($0.bytes, executable: $0.executable))
        }
        let isFree = state.withLock { state in
            defer { state.isBusy = true }
            return !state.isBusy
        }
        guard isFree else {
            throw SandboxError(
                .sandboxBusy, message: "a run is under way in this sandbox",
                hint: "runs of one sandbox are serial")
        }
        do {
            if Task.isCancelled { throw SandboxError.runCancelled }
            let files = state.withLock { state in
                for (path, file) in inputs { state.files.put(file, at: path) }
                return state.files.regular
            }
            let run = FakeBackend.Run(
                sandbox: number, command: command, stdin: stdin, limits: limits, files: files,
                isStreaming: isStreaming)
            return try await end(of: underWay(Task { [backend] in try await backend.script(for: run) }))
        } catch {
            leave()
            throw error
        }
    }

    private func leave() {
        state.withLock { state in
            state.isBusy = false
            state.running = nil
        }
    }

    /// Plays the steps of an answer.
    private func play(
        _ answer: FakeBackend.Answer, _ limits: Limits, write: @escaping @Sendable (Execution.Chunk) -> Void
    ) -> Task<FakeBackend.Answer.Played, any Error> {
        let clock = backend.clock
        return underWay(Task { try await answer.play(limits: limits, clock: clock, write: write) })
    }

    /// Registers the task, so that ``close()`` can cancel it. Cancels it at once in a sandbox that was closed
    /// meanwhile.
    private func underWay<Value>(_ task: Task<Value, any Error>) -> Task<Value, any Error> {
        let isClosed = state.withLock { state in
            state.running = Running(cancel: { task.cancel() }, wait: { _ = await task.result })
            return state.isClosed
        }
        if isClosed { task.cancel() }
        return task
    }

    private func end<Value>(of task: Task<Value, any Error>) async throws -> Value {
        let end = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        if Task.isCancelled { throw SandboxError.runCancelled }
        try checkOpen()
        return try end.get()
    }

    private func result(
        _ answer: FakeBackend.Answer, _ played: FakeBackend.Answer.Played, _ limits: Limits,
        _ chunks: [Execution.Chunk]
    ) -> RunResult {
        state.withLock { state in
            for (path, file) in answer.files { state.files.put(file, at: path) }
        }
        var usage = answer.usage
        usage.wallTime = max(usage.wallTime, played.wallTime)
        func bytes(_ stream: Execution.Chunk.Stream) -> [UInt8] {
            chunks.filter { $0.stream == stream }.flatMap(\.bytes)
        }
        return RunResult(
            outcome: played.outcome, limitsHit: answer.limitsHit, deniedSyscalls: answer.deniedSyscalls,
            stdout: bytes(.stdout), stderr: bytes(.stderr),
            stdoutTruncated: played.truncated.contains(.stdout),
            stderrTruncated: played.truncated.contains(.stderr), usage: usage, limits: limits,
            isolation: isolation, provenance: provenance)
    }
}
