/// A container as the place of a sandbox.

#if Docker
import CIsolate
import NIOCore
import SandboxAPI
import SandboxRuntime

struct DockerPlace: KeepingPlace {
    let container: Container
    /// The variables that the image sets.
    let environment: [ByteString: ByteString]
    var blockedSyscalls = BlockedSyscallPolicy.standard
    /// How long after its wall time limit the end of a run may arrive. The agent itself measures the wall
    /// time; this bound is for an agent that is stopped.
    var grace = Duration.seconds(10)
    /// The pool and the lease that the container comes from; `nil` while the pool itself uses it.
    var origin: (pool: ContainerPool, lease: PoolLease<Container>)?

    private var connection: AgentConnection { container.connection }
    var rootfs: Rootfs { container.key.rootfs }

    func checkUsable() throws(SandboxError) { try origin?.pool.checkOwner() }

    func giveBack() {
        guard let (pool, lease) = origin else { return }
        pool.release(lease, reusable: container.key.isReusable && !connection.mustRetire)
    }

    func explain(_ error: SandboxError) -> SandboxError { origin?.pool.explain(error) ?? error }

    func requestLeft() { origin?.pool.replenish() }

    func prepare(_ limits: Limits) async throws(SandboxError) {
        guard limits.memory >= ContainerPlan.minimumMemory else {
            throw SandboxError(
                .invalidLimit,
                message:
                    "limit memory is \(limits.memory) bytes, less than the engine can hold a container to",
                hint: "give at least \(ContainerPlan.minimumMemory) bytes, or use the local backend")
        }
        try container.checkProcessors(limits)
        // The engine gets the limits when the input files are written: their bytes are not the run's memory.
        try await container.setDisk(limits)
    }

    func withKeptFiles<Value>(_ body: (inout KeptFiles, _ disk: Int) -> Value) -> Value {
        connection.state.withLock { body(&$0.kept, $0.disk) }
    }

    var keepsFiles: Bool { container.key.isReusable }

    func place(_ file: KeptFile, _ bytes: [UInt8]?) async throws(SandboxError) -> Bool {
        // The slot copies what it keeps.
        try await container.makeRoom(bytes == nil ? file.bytes : 2 * file.bytes)
        return try await connection.place(file, bytes)
    }

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        try await container.makeRoom(bytes.count)
        try await connection.write(bytes, to: path, executable: executable)
    }

    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        try await container.makeRoom(bytes.count)
        try await connection.write(bytes, to: path, at: offset)
    }

    func read(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        try await connection.read(path, maxBytes: maxBytes)
    }

    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        try await connection.read(path, from: offset, maxBytes: maxBytes)
    }

    func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        try await connection.info(of: path)
    }

    func list(_ path: ByteString, from position: UInt64) async throws(SandboxError) -> DirectoryPart {
        try await connection.list(path, from: position)
    }

    func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        try await connection.makeDirectory(path)
    }

    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        try await connection.makeSymbolicLink(path, to: target)
    }

    func remove(_ path: ByteString) async throws(SandboxError) -> Bool {
        try await connection.remove(path)
    }

    // MARK: Runs

    /// How the stdin gets to the program.
    private enum Input {
        case none
        case bytes([UInt8])
        case live(AgentInput)

        init(_ input: StandardInput) throws(SandboxError) {
            switch input {
            case .none: self = .none
            case .bytes(let bytes): self = bytes.isEmpty ? .none : .bytes(bytes)
            case .file(let path): self = .live(.file(try HostFile(path: path)))
            case .stream(let stream): self = .live(.stream(stream))
            }
        }
    }

    func start(
        _ asked: PlacedRequest, onEnd: @escaping @Sendable () -> Void
    ) async throws(SandboxError) -> any RunUnderWay {
        let input = try Input(asked.stdin)
        let (strings, limits) = (asked.strings, asked.limits)
        var request = isolate_agent_run()
        request.output_bytes = UInt64(limits.output)
        let credit = asked.isStreaming ? UInt64(AgentRun.streamingCredit) : UInt64(limits.output) + 1
        request.credit = (credit, credit)
        request.run.limits = isolate_limits(limits)
        request.run.limits.cpus = 0  // The engine applies the rate to the whole container.
        request.run.argc = UInt32(strings.argumentCount)
        request.run.envc = UInt32(strings.variableCount)
        request.run.string_bytes = UInt32(strings.bytes.count)
        request.run.flags = blockedSyscalls.runFlags
        var content: [[UInt8]] = []
        let isInline = strings.bytes.count <= Int(ISOLATE_INLINE_MAX)
        if !isInline {
            request.strings_follow = 1
            content.append(strings.bytes)
        }
        switch input {
        case .none: request.run.flags |= ISOLATE_RUN_NO_INPUT.rawValue
        case .bytes(let bytes):
            request.input_bytes = UInt64(bytes.count)
            content.append(bytes)
        case .live: request.input_streams = 1
        }
        let announced = content.reduce(0) { $0 + $1.count }
        let patience = limits.wallTime + grace + AgentConnection.sending(announced)
        let run = try await connection.withTurn { () throws(SandboxError) -> AgentRun in
            if withKeptFiles({ files, _ in files.isTaken }) {
                request.run.flags |= ISOLATE_RUN_TAKES_PLACED.rawValue
            }
            try await container.setLimits(limits, announced: announced)
            origin?.pool.noteHeld(connection.heldBytes)
            let run = try connection.begin(patience: patience) { [connection] serial in
                AgentRun(connection, serial: serial, asked, onEnd: onEnd)
            } _: { serial, buffer in
                request.run.serial = serial
                var payload = withUnsafeBytes(of: request) { Array($0) }
                if isInline { payload += strings.bytes }
                payload.withUnsafeBytes { buffer.writeFrame(ISOLATE_FRAME_RUN, $0) }
            }
            await run.feed(content: content)
            return run
        }
        if case .live(let source) = input { run.feed(source) }
        return run
    }
}
#endif
