/// Where a program's stdin comes from, as a descriptor that tells it nothing but bytes.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// A program's stdin. The program never gets a descriptor of the host's own files: through `/proc/self/fd` it could
/// open them anew with other rights. Bytes become a sealed memory file, files and streams a pipe that we feed.
struct InputSource {
    /// To be handed to the program, then closed by ``closeProgramEnd()``; -1: the program opens its `/dev/null`.
    let fd: Int32
    private let pump: InputPump?

    static func make(
        _ input: StandardInput, user: UInt32, loop: EventLoop
    ) throws(SandboxError) -> InputSource {
        switch input {
        case .none:
            return InputSource(fd: -1, pump: nil)
        case .bytes(let bytes):
            if bytes.isEmpty { return InputSource(fd: -1, pump: nil) }
            let fd = bytes.withUnsafeBytes { isolate_memory_file($0.baseAddress, $0.count) }
            guard fd >= 0 else { throw failed(-fd) }
            // Its own description may be opened anew through /proc/self/fd by the program's user.
            fchmod(fd, 0o444)
            return InputSource(fd: fd, pump: nil)
        case .file(let path):
            return try pipe(.file(try HostFile(path: path)), user: user, loop: loop)
        case .stream(let stream):
            return try pipe(.stream(stream), user: user, loop: loop)
        }
    }

    private static func pipe(_ source: InputPump.Source, user: UInt32, loop: EventLoop) throws(SandboxError)
        -> InputSource
    {
        let pipe = try ProgramPipe(writing: user)
        return InputSource(fd: pipe.theirs, pump: InputPump(pipe.ours, source, loop: loop))
    }

    private static func failed(_ number: Int32) -> SandboxError {
        SandboxError(
            .setupFailed, stage: "stdin", errno: number,
            message: "cannot make a stdin: \(describe(errno: number))",
            hint: "raise the limit of open files (ulimit -n)")
    }

    /// Our copy of the program's end; the program has its own by now, or never will.
    func closeProgramEnd() {
        if fd >= 0 { close(fd) }
    }

    /// The run is over: what was not read is of no use.
    func stop() { pump?.stop() }

    /// Why the program got less than there is.
    var failure: SandboxError? { pump?.failure }
}

/// Feeds a pipe while the program reads.
private final class InputPump: EventHandler {
    enum Source {
        case file(HostFile)
        case stream(InputChunks)
    }

    private struct State: Sendable {
        var fd: Int32
        var pending: ArraySlice<UInt8> = []
        var isLast = false
        var wanted: Waiter<Bool>?
        var task: Task<Void, Never>?
        var failure: SandboxError?
    }

    private static let chunkSize = 64 << 10
    let file: HostFile?
    private let loop: EventLoop
    private let state: Locked<State>

    init(_ fd: Int32, _ source: Source, loop: EventLoop) {
        self.loop = loop
        switch source {
        case .file(let file):
            self.file = file
            state = Locked(State(fd: fd))
            loop.add(fd, events: EventLoop.writable, handler: self)
        case .stream(let stream):
            file = nil
            state = Locked(State(fd: fd))
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

    /// Why the program got less than there is.
    var failure: SandboxError? { file?.failure ?? state.withLock { $0.failure } }

    private func fail(_ error: any Error) {
        // Once the run is over nobody wants the rest, and the task is cancelled.
        state.withLock { state in
            if state.fd >= 0 { state.failure = .inputFailed(error) }
        }
    }

    /// Hands over a chunk and waits until it is in the pipe; false when nobody reads any more.
    private func feed(_ chunk: [UInt8]) async -> Bool {
        await state.answer { state, waiter in
            guard state.fd >= 0 else { return false }
            state.pending = chunk[...]
            state.wanted = waiter
            loop.change(state.fd, events: EventLoop.writable)
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
                guard state.fd == fd else { return .wait }
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

    func stop() {
        let (fd, wanted, task) = state.withLock { state in
            defer {
                state.fd = -1
                state.wanted = nil
                state.task = nil
            }
            return (state.fd, state.wanted, state.task)
        }
        if fd >= 0 {
            loop.remove(fd)
            close(fd)
        }
        wanted?.resume(returning: false)
        task?.cancel()
    }
}
