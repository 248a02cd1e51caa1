/// Standard input: the program's descriptor, and the pump that fills it.
import CSpawn
import Foundation
import SandboxAPI
import Synchronization

/// The program's descriptor, and the pump that fills it.
struct InputSource {
    let programsEnd: Descriptor
    let pump: InputPump?

    init(_ stdin: StandardInput) throws(SandboxError) {
        switch stdin {
        case .none:
            programsEnd = try Self.opened("/dev/null", O_RDONLY)
            pump = nil
        case .bytes(let bytes):
            // A file without a name, which the program can only read.
            let folder = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
            let number = cspawn_unnamed_file(folder)
            if number < 0 { throw Self.failure("stdin cannot be stored in '\(folder)'", -number) }
            let file = Descriptor(number)
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) }
                if count < 0 { throw Self.failure("stdin cannot be stored", errno) }
                rest = rest.dropFirst(count)
            }
            programsEnd = try Self.opened("/proc/self/fd/\(file.number)", O_RDONLY)
            pump = nil
        case .file(let path):
            let file = try Self.regularFile(path)
            let pipe = try Pipe()
            programsEnd = pipe.read
            pump = InputPump(pipe.write, file: file)
        case .stream(let stream):
            let pipe = try Pipe()
            programsEnd = pipe.read
            pump = InputPump(pipe.write, stream: stream)
        }
    }

    private static func failure(_ what: String, _ number: Int32) -> SandboxError {
        SandboxError(
            number == ENOENT || number == ENOTDIR ? .fileNotFound : .fileAccess, stage: "stdin",
            errno: number,
            message: "\(what): \(String(cString: strerror(number)))")
    }

    private static func opened(_ path: ByteString, _ flags: Int32) throws(SandboxError) -> Descriptor {
        let number = open(path.cString, flags | O_CLOEXEC, 0o600)
        if number < 0 { throw failure("'\(path)' cannot be opened", errno) }
        return Descriptor(number)
    }

    private static func regularFile(_ path: ByteString) throws(SandboxError) -> Descriptor {
        if path.isEmpty || path.bytes.contains(0) {
            throw SandboxError(.invalidPath, stage: "stdin", message: "'\(path)' is no name of a file")
        }
        let file = try opened(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SandboxError(.notRegularFile, stage: "stdin", message: "'\(path)' is no regular file")
        }
        return file
    }
}

/// Copies a file or a stream into a pipe, as fast as the program reads.
final class InputPump: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        var isOver = false
        /// Resumed when the pipe has taken the last piece, so that the stream gives the next one.
        var onRoom: CheckedContinuation<Void, Never>?
        var failure: SandboxError?
        var task: Task<Void, Never>?
    }

    private let pipe: Descriptor
    private let file: Descriptor?
    private let stream: InputChunks?
    private let state = Mutex(State())

    init(_ pipe: Descriptor, file: Descriptor? = nil, stream: InputChunks? = nil) {
        self.pipe = pipe
        self.file = file
        self.stream = stream
        _ = fcntl(pipe.number, F_SETFL, O_NONBLOCK)
    }

    var failure: SandboxError? { state.withLock { $0.failure } }

    /// The descriptor to be polled for room; -1 while there is nothing to write.
    var waitsFor: Int32 {
        let hasBytes = state.withLock { !$0.waiting.isEmpty || $0.isOver }
        return file != nil || hasBytes ? pipe.number : -1
    }

    func begin(waking wake: Pipe) {
        guard let stream else { return }
        let task = Task {
            do {
                try await stream.send { chunk in await feed(chunk, waking: wake) }
            } catch {
                state.withLock { state in
                    // Once the program has ended, the rest is not needed.
                    if !state.isOver {
                        state.failure = SandboxError(
                            .inputFailed, stage: "stdin", message: "stdin broke off: \(error)")
                    }
                }
            }
            state.withLock { $0.isOver = true }
            wake.poke()
        }
        state.withLock { $0.task = task }
    }

    /// Returns when the pipe has taken the chunk; false when the program no longer reads.
    private func feed(_ chunk: [UInt8], waking wake: Pipe) async -> Bool {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isOver { return true }
                state.waiting = chunk
                state.onRoom = continuation
                return false
            }
            if isOver { continuation.resume() }
            wake.poke()
        }
        return !Task.isCancelled && state.withLock { !$0.isOver }
    }

    /// Writes as much as the pipe takes. Called by the thread that polls.
    func move() {
        if let file { fill(from: file) }
        let (continuation, isDone) = state.withLock { state in
            while !state.waiting.isEmpty {
                let count = state.waiting.withUnsafeBytes { write(pipe.number, $0.baseAddress, $0.count) }
                if count >= 0 {
                    state.waiting.removeFirst(count)
                } else if errno == EAGAIN {
                    return (CheckedContinuation<Void, Never>?.none, false)
                } else {
                    // The program no longer reads.
                    state.waiting = []
                    state.isOver = true
                }
            }
            defer { state.onRoom = nil }
            return (state.onRoom, state.isOver)
        }
        continuation?.resume()
        if isDone { pipe.close() }
    }

    private func fill(from file: Descriptor) {
        state.withLock { state in
            guard state.waiting.isEmpty, !state.isOver else { return }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(file.number, &bytes, bytes.count)
            if count > 0 { state.waiting = Array(bytes.prefix(count)) } else { state.isOver = true }
            if count < 0 {
                state.failure = SandboxError(
                    .fileAccess, stage: "stdin", errno: errno, message: "stdin cannot be read to its end")
            }
        }
    }

    /// Called when the program has ended.
    func end() {
        let (continuation, task) = state.withLock { state in
            state.isOver = true
            defer { state.onRoom = nil }
            return (state.onRoom, state.task)
        }
        task?.cancel()
        continuation?.resume()
        pipe.close()
    }
}
