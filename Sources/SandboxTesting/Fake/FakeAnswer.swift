/// The scripted answer of a fake run.

public import SandboxAPI

extension FakeBackend {
    /// A run as the caller requested it, and the content of the sandbox when it began.
    public struct Run: Sendable {
        /// The number of its sandbox, from 1.
        public let sandbox: Int
        public let command: Command
        public let stdin: StandardInput
        public let limits: Limits
        /// The files in `/work`, by path below it, the command's own input files included.
        public let files: [ByteString: OutputFile]
        /// Whether the caller streams the output.
        public let isStreaming: Bool
    }

    /// A request to a backend other than a run.
    public enum Operation: Sendable {
        case acquire(SandboxOptions)
        /// The path is relative to `/work`, and normalized.
        case write(ByteString, executable: Bool)
        case read(ByteString, maxBytes: Int)
        /// A part of a file, as files that are streamed come.
        case writePart(ByteString, offset: Int)
        case readPart(ByteString, offset: Int)
        /// `.` is `/work` itself, here and in `list`.
        case info(ByteString)
        case list(ByteString)
        case makeDirectory(ByteString)
        case makeSymbolicLink(ByteString, target: ByteString)
        case remove(ByteString)
    }

    /// The steps of a run and its end.
    ///
    /// The fake backend enforces two limits: waits count against `limits.wallTime`, and each stream against
    /// `limits.output`. Otherwise the run ends as the answer says.
    public struct Answer: Sendable {
        public enum Step: Sendable {
            /// The program writes this.
            case output(Execution.Chunk)
            /// The run waits this long, by the backend's clock.
            case wait(Duration)
        }

        public var steps: [Step]
        public var outcome: Outcome
        public var limitsHit: [LimitKind] = []
        public var deniedSyscalls: [String] = []
        /// Files that the run leaves below `/work`, by path.
        public var files: [ByteString: OutputFile]
        /// The usage. `wallTime` is replaced by the time of the waits when that is more.
        public var usage = Usage(
            wallTime: .zero, cpuTime: .zero, userTime: .zero, systemTime: .zero, cpuSource: .scripted,
            peakMemory: 0, memorySource: .scripted, residentPeak: 0, residentSource: .scripted,
            peakProcesses: 1, processesSource: .scripted)

        /// A run that waits, writes, and ends.
        ///
        /// - Parameters:
        ///   - outcome: what ends the run.
        ///   - stdout: written as UTF-8.
        ///   - stderr: written as UTF-8, after stdout.
        ///   - files: left below `/work`, by path.
        ///   - delay: the wait before anything is written.
        public init(
            _ outcome: Outcome = .exited(code: 0), stdout: String = "", stderr: String = "",
            files: [ByteString: OutputFile] = [:], delay: Duration = .zero
        ) {
            self.outcome = outcome
            self.files = files
            steps = delay > .zero ? [.wait(delay)] : []
            for (stream, text) in [(Execution.Chunk.Stream.stdout, stdout), (.stderr, stderr)]
            where !text.isEmpty {
                steps.append(.output(Execution.Chunk(stream: stream, bytes: Array(text.utf8))))
            }
        }
    }
}

extension BackendKind {
    /// The kind of ``FakeBackend``, which runs no program.
    public static let fake = BackendKind(rawValue: "fake")
}

extension UsageSource {
    /// The figure comes from the script of a ``FakeBackend``.
    public static let scripted = UsageSource(rawValue: "scripted")
}

extension BackendCapabilities {
    /// The default capabilities of a ``FakeBackend``: every feature that a backend may have, so that it
    /// refuses nothing. It isolates nothing, since it runs nothing.
    public static let fake: BackendCapabilities = {
        var capabilities = BackendCapabilities(
            kind: .fake, rootfsModes: Set(Rootfs.allCases), minimumMemory: 1 << 20, memoryResolution: 0,
            wallTimeTolerance: .zero, cpuTimeTolerance: .zero, layers: Set(IsolationLayer.allCases),
            level: .strong)
        capabilities.hasBindMounts = true
        return capabilities
    }()
}

extension FakeBackend.Answer {
    /// The result of playing an answer.
    struct Played {
        var outcome: Outcome
        var wallTime = Duration.zero
        var kept: [Execution.Chunk.Stream: Int] = [:]
        var truncated: Set<Execution.Chunk.Stream> = []
    }

    /// Plays the steps, within the limits.
    ///
    /// - Throws: `CancellationError` when the task is cancelled in a wait.
    func play(
        limits: Limits, clock: any Clock<Duration>, write: (Execution.Chunk) -> Void
    ) async throws -> Played {
        var played = Played(outcome: outcome)
        for step in steps {
            switch step {
            case .wait(let duration):
                let left = limits.wallTime - played.wallTime
                try await clock.sleep(for: min(duration, left))
                played.wallTime += min(duration, left)
                if duration >= left {
                    played.outcome = .limitExceeded(.wallTime)
                    return played
                }
            case .output(var chunk):
                let room = limits.output - played.kept[chunk.stream, default: 0]
                let isTooMuch = chunk.bytes.count > room
                if isTooMuch { chunk.bytes.removeLast(chunk.bytes.count - room) }
                played.kept[chunk.stream, default: 0] += chunk.bytes.count
                if !chunk.bytes.isEmpty { write(chunk) }
                if isTooMuch {
                    played.truncated.insert(chunk.stream)
                    played.outcome = .limitExceeded(.output)
                    return played
                }
            }
        }
        try Task.checkCancellation()
        return played
    }
}
