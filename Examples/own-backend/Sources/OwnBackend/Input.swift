/// A program's standard input: what it reads from, and for a pipe the pump that fills it.
import CSpawn
import Foundation
import SandboxAPI
import SandboxRuntime
import Synchronization

/// What a program gets as its stdin. The caller closes the descriptor when the program was started.
struct Input {
    let descriptor: Int32
    let pump: InputPump?

    init(_ stdin: StandardInput, waking wakeup: Wakeup) throws(SandboxError) {
        let chunks: InputChunks
        switch stdin {
        case .none:
            let empty = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard empty >= 0 else { throw .cannotMake("stdin", errno) }
            self = Input(descriptor: empty, pump: nil)
            return
        case .bytes(let bytes):
            self = Input(descriptor: try Self.file(bytes), pump: nil)
            return
        case .file(let path): chunks = try HostFile(path: path).chunks
        case .stream(let stream): chunks = stream
        }
        var ends: [Int32] = [-1, -1]
        guard cspawn_pipe(&ends, 1) == 0 else { throw .cannotMake("stdin", errno) }
        self = Input(descriptor: ends[0], pump: InputPump(chunks, into: ends[1], waking: wakeup))
    }

    private init(descriptor: Int32, pump: InputPump?) {
        self.descriptor = descriptor
        self.pump = pump
    }

    /// A file without a name, which the program can only read.
    private static func file(_ bytes: [UInt8]) throws(SandboxError) -> Int32 {
        let name = "\(temporaryDirectory)/own-backend-stdin-\(UUID())"
        let file = Glibc.open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .cannotMake("stdin", errno) }
        defer { close(file) }
        let readOnly = Glibc.open(name, O_RDONLY | O_CLOEXEC)
        unlink(name)
        guard readOnly >= 0 else { throw .cannotMake("stdin", errno) }
        if writeAll(bytes, to: file) { return readOnly }
        let number = errno
        close(readOnly)
        throw .cannotMake("stdin", number)
    }
}

/// Copies chunks into a pipe, as fast as the program reads. The run's thread polls the pipe and writes.
final class InputPump: Sendable {
    private struct State {
        /// The writing end; -1 when there is no more input.
        var pipe: Int32
        var chunk: ArraySlice<UInt8> = []
        /// The sender of the chunk, resumed when the pipe took all of it, or nothing reads it any more.
        var sender: CheckedContinuation<Void, Never>?
        var failure: SandboxError?
        var task: Task<Void, Never>?
    }

    private let chunks: InputChunks
    private let wakeup: Wakeup
    private let state: Mutex<State>

    init(_ chunks: InputChunks, into pipe: Int32, waking wakeup: Wakeup) {
        self.chunks = chunks
        self.wakeup = wakeup
        state = Mutex(State(pipe: pipe))
    }

    /// Why the program did not get all of the input.
    var failure: SandboxError? { state.withLock { $0.failure } }

    /// The descriptor to poll for room; -1 while there is nothing to write.
    var waitsFor: Int32 { state.withLock { $0.chunk.isEmpty ? -1 : $0.pipe } }

    func begin() {
        let task = Task {
            do {
                try await chunks.send { await self.send($0) }
                end()
            } catch {
                end(error as? SandboxError ?? .inputFailed(error))
            }
        }
        state.withLock { $0.task = task }
    }

    func cancel() { state.withLock { $0.task }?.cancel() }

    /// Returns when the pipe took the chunk; false when nothing reads it any more.
    private func send(_ chunk: [UInt8]) async -> Bool {
        await withCheckedContinuation { sender in
            let isOpen = state.withLock { state in
                guard state.pipe >= 0 else { return false }
                state.chunk = chunk[...]
                state.sender = sender
                return true
            }
            if isOpen { wakeup.poke() } else { sender.resume() }
        }
        return state.withLock { $0.pipe >= 0 }
    }

    /// Writes what the pipe takes now.
    func move() {
        let (sender, hasReader) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            while !state.chunk.isEmpty {
                let count = state.chunk.withUnsafeBytes { write(state.pipe, $0.baseAddress, $0.count) }
                if count < 0 { return (nil, errno == EAGAIN || errno == EINTR) }
                state.chunk = state.chunk.dropFirst(count)
            }
            defer { state.sender = nil }
            return (state.sender, true)
        }
        sender?.resume()
        if !hasReader { end() }
    }

    /// Closes the pipe: after the last chunk, or when the program ended or reads no more. The first call counts.
    func end(_ failure: SandboxError? = nil) {
        let sender = state.withLock { state in
            if state.pipe >= 0 {
                close(state.pipe)
                state.failure = failure
            }
            state.pipe = -1
            state.chunk = []
            defer { state.sender = nil }
            return state.sender
        }
        sender?.resume()
    }
}

/// Ends a thread's `poll`, from any other thread.
final class Wakeup: Sendable {
    let descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))

    deinit { close(descriptor) }

    func poke() { eventfd_write(descriptor, 1) }

    func drain() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
    }
}
