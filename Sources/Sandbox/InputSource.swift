/// Where a program's stdin comes from: a descriptor that gives the program only bytes.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// A program's stdin. The program never gets a descriptor of the host's own files, because through
/// `/proc/self/fd` it could open them anew with other rights. Bytes go into a sealed memory file; files and
/// streams go through a pipe that the embedder feeds.
struct InputSource: ~Copyable {
    /// The descriptor for the program, which gets its own copy. `nil`: the program opens its `/dev/null`.
    let programEnd: OwnedDescriptor?
    /// Feeds the pipe. `nil`: all of the stdin is in `programEnd`.
    let pump: InputPump?

    init(_ input: StandardInput, user: UInt32, loop: EventLoop) throws(SandboxError) {
        switch input {
        case .none: self.init(nil, nil)
        case .bytes(let bytes): self.init(bytes.isEmpty ? nil : try Self.memoryFile(bytes), nil)
        case .file(let path):
            try self.init(feeding: .file(try HostFile(path: path)), user: user, loop: loop)
        case .stream(let stream):
            try self.init(feeding: .stream(stream), user: user, loop: loop)
        }
    }

    private init(feeding source: InputPump.Source, user: UInt32, loop: EventLoop) throws(SandboxError) {
        let pipe = try ProgramPipe(writing: user)
        self.init(pipe.theirs, InputPump(pipe.ours, source, loop: loop))
    }

    private init(_ programEnd: consuming OwnedDescriptor?, _ pump: InputPump?) {
        self.programEnd = programEnd
        self.pump = pump
    }

    private static func memoryFile(_ bytes: [UInt8]) throws(SandboxError) -> OwnedDescriptor {
        let result = bytes.withUnsafeBytes { isolate_memory_file($0.baseAddress, $0.count) }
        guard let file = OwnedDescriptor(owning: result) else {
            throw SandboxError(
                .setupFailed, stage: "stdin", errno: -result,
                message: "cannot make a stdin: \(describe(errno: -result))",
                hint: "raise the limit of open files (ulimit -n)")
        }
        // The program's user may open the file anew through /proc/self/fd, so its mode allows only reading.
        fchmod(file.number, 0o444)
        return file
    }
}

/// Feeds a pipe for as long as the program reads from it.
final class InputPump: EventHandler {
    enum Source {
        case file(HostFile)
        case stream(InputChunks)
    }

    private struct State: ~Copyable, Sendable {
        /// The embedder's end of the pipe. `nil`: closed, because all is written or the program does not read
        /// any more.
        var pipe: OwnedDescriptor?
        var pending: ArraySlice<UInt8> = []
        var isLast = false
        var wanted: Waiter<Bool>?
        var task: Task<Void, Never>?
        var failure: SandboxError?

        init(_ pipe: consuming OwnedDescriptor) { self.pipe = consume pipe }
    }

    private static let chunkSize = 64 << 10
    private let file: HostFile?
    private let loop: EventLoop
    private let state: Locked<State>

    /// - Parameter pipe: its writing end, which does not block.
    init(_ pipe: consuming OwnedDescriptor, _ source: Source, loop: EventLoop) {
        let fd = pipe.number
        self.loop = loop
        state = Locked(State(pipe))
        switch source {
        case .file(let file):
            self.file = file
            loop.add(fd, events: EventLoop.writable, handler: self)
        case .stream(let stream):
            file = nil
            loop.add(fd, events: 0, handler: self)
            let task = Task { [self] in
                do {
                    try await stream.send { chunk in await feed(chunk) }
                } catch {
                    fail(error)
                }
                stop()
            }
            state.withLock { $0.task = task }
        }
    }

    /// Why the program got less than its whole stdin.
    var failure: SandboxError? { file?.failure ?? state.withLock { $0.failure } }

    private func fail(_ error: any Error) {
        // After the run the task is cancelled, and its error is not a failure of the input.
        state.withLock { state in
            if state.pipe != nil { state.failure = .inputFailed(error) }
        }
    }

    /// Waits until the chunk is in the pipe. Returns false when the program does not read any more.
    private func feed(_ chunk: [UInt8]) async -> Bool {
        await state.answer { state, waiter in
            guard state.pipe != nil else { return false }
            state.pending = chunk[...]
            state.wanted = waiter
            loop.change(state.pipe.number, events: EventLoop.writable)
            return nil
        }
    }

    func ready(_ fd: Int32, events: UInt32) {
        enum Step {
            case wait, more
            case idle(Waiter<Bool>?)
            case end
        }
        while true {
            let step = state.withLock { state -> Step in
                guard state.pipe.number == fd else { return .wait }
                if state.pending.isEmpty, let file {
                    let bytes = file.read(Self.chunkSize)
                    if bytes.isEmpty { return .end }
                    state.pending = bytes[...]
                }
                if state.pending.isEmpty {
                    if events & UInt32(EPOLLERR.rawValue) != 0 { return .end }
                    defer { state.wanted = nil }
                    loop.change(fd, events: 0)
                    return .idle(state.wanted)
                }
                let written = state.pending.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
                if written < 0 { return errno == EAGAIN || errno == EINTR ? .wait : .end }
                state.pending = state.pending.dropFirst(written)
                return .more
            }
            switch step {
            case .more: continue
            case .wait: return
            case .idle(let wanted):
                wanted?.resume(returning: true)
                return
            case .end:
                stop()
                return
            }
        }
    }

    /// Closes the pipe at the end of the run, after which the rest of the input is not needed.
    func stop() {
        let (wanted, task) = state.withLock { state in
            if let pipe = state.pipe.take() { loop.remove(pipe.number) }
            defer {
                state.wanted = nil
                state.task = nil
            }
            return (state.wanted, state.task)
        }
        wanted?.resume(returning: false)
        task?.cancel()
    }
}
