/// One run in a slot, and the pipes of its output.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// Reads a program's output until the slot reports that every process of the run is dead.
///
/// The event loop's thread reads all descriptors. The run ends with the slot's record, never with an end of
/// file: when the record comes, everything that was written is in the pipes.
final class LocalRun: EventHandler, ConnectedRun {
    private struct Stream: ~Copyable, Sendable {
        /// The reading end of its pipe. `nil`: it came to its end.
        var pipe: OwnedDescriptor?
        let name: Execution.Chunk.Stream
        var isPaused = false

        init(_ pipe: consuming OwnedDescriptor?, _ name: Execution.Chunk.Stream) {
            self.pipe = consume pipe
            self.name = name
        }
    }

    private typealias Pair = InlineArray<2, Stream>

    private static let readSize = 64 << 10
    private static let tinyRead = 512
    private static let largestPacket = sysconf(Int32(_SC_PAGESIZE))

    /// The amount read at a time.
    private struct Turn {
        /// Bounded, so that one program's flood does not delay the loop's other runs; the loop reports the
        /// rest again.
        var reads = 256
        var bytes = 2 * readSize
        /// F_GETPIPE_SZ, which the C library does not declare here.
        private static let getPipeSize: Int32 = 1032

        init() {}

        /// Everything that the pipe can hold. Every writer is dead then, or the slot was given up, and the
        /// rest does not matter. A read empties at least one of the pipe's pages.
        init(rest fd: Int32) {
            bytes = max(Int(fcntl(fd, Self.getPipeSize)), readSize)
            reads = bytes / largestPacket + 1
        }
    }

    let output: RunOutput
    /// The deadlines that act when the run's end does not come.
    let bounds: DeadlineSet
    private let slot: Slot
    private let serial: UInt64
    private let command: Command
    private let input: InputPump?
    private let onEnd, onResult: @Sendable () -> Void
    private let streams: Streams

    /// Shared with the output, whose consumer resumes reading.
    private final class Streams: Sendable {
        let value: Locked<Pair>
        let loop: EventLoop

        init(_ stdout: consuming OwnedDescriptor?, _ stderr: consuming OwnedDescriptor?, _ loop: EventLoop) {
            value = Locked([Stream(stdout, .stdout), Stream(stderr, .stderr)])
            self.loop = loop
        }

        func unpause() {
            value.withLock { streams in
                for index in 0..<2 where streams[index].isPaused && streams[index].pipe != nil {
                    streams[index].isPaused = false
                    loop.change(streams[index].pipe.number, events: EventLoop.readable)
                }
            }
        }
    }

    /// - Parameters:
    ///   - slot: the slot of the run; `serial` is the run's number there.
    ///   - input: feeds its stdin, if that comes through a pipe.
    ///   - stdout: the reading end of a non-blocking pipe; so is `stderr`. `nil`: the program writes to a descriptor
    ///     of its caller's.
    ///   - onEnd: called when the run no longer needs the slot.
    ///   - onResult: called when its caller has been given the result.
    init(
        _ request: PlacedRequest, in slot: Slot, serial: UInt64, input: InputPump?,
        stdout: consuming OwnedDescriptor?, stderr: consuming OwnedDescriptor?,
        onEnd: @escaping @Sendable () -> Void, onResult: @escaping @Sendable () -> Void
    ) {
        self.slot = slot
        self.serial = serial
        self.input = input
        self.onEnd = onEnd
        self.onResult = onResult
        command = request.command
        bounds = DeadlineSet(slot.loop)
        let (out, err) = (stdout.number, stderr.number)
        let streams = Streams(stdout, stderr, slot.loop)
        self.streams = streams
        output = RunOutput(
            bound: request.limits.output, isStreaming: request.isStreaming, tellsEnds: request.tellsEnds
        ) { _ in
            streams.unpause()
        }
        for fd in [out, err] where fd >= 0 {
            slot.loop.add(fd, events: EventLoop.readable, handler: self)
        }
    }

    func kill() {
        slot.endRun(serial, ISOLATE_END_CANCEL)
        // A cancelled run does not wait for a slot that hangs.
        bounds.add(after: Patience.unwanted) { [slot] in slot.giveUp(SandboxError.runCancelled) }
    }

    func stopInput() { input?.stop() }

    func closeOutput(_ name: Execution.Chunk.Stream) {
        streams.value.withLock { streams in
            for index in 0..<2 where streams[index].name == name { endStream(&streams[index]) }
        }
    }

    func look() async -> RunLook? { await slot.look() }

    var inputFailure: SandboxError? { input?.failure }

    func ready(_ fd: Int32, events: UInt32) {
        let effects = streams.value.withLock { streams -> Effects in
            for index in 0..<2 where streams[index].pipe.number == fd {
                return drain(index, in: &streams, toTheEnd: false)
            }
            return Effects()
        }
        effects.perform(self)
    }

    /// The slot's record of the end, or the loss of the slot.
    func ended(_ end: Result<isolate_run_record, SandboxError>) {
        bounds.end()
        let effects = streams.value.withLock { streams in
            var effects = Effects()
            for index in 0..<2 { effects.merge(drain(index, in: &streams, toTheEnd: true)) }
            for index in 0..<2 { endStream(&streams[index]) }
            return effects
        }
        effects.perform(self)
        onEnd()
        output.finish(end, of: command, disk: "the directory of TMPDIR")
        onResult()
    }

    private func endStream(_ stream: inout Stream) {
        if let pipe = stream.pipe.take() { slot.loop.remove(pipe.number) }
    }

    private struct Effects {
        var taken: [(stream: Execution.Chunk.Stream, bytes: [UInt8])] = []
        /// The stream that came to its end.
        var ended: Execution.Chunk.Stream?

        mutating func merge(_ other: Effects) { taken += other.taken }

        /// Copies the gathered bytes, so that the piece takes no more memory than its length.
        mutating func take(
            _ stream: Execution.Chunk.Stream, _ buffer: UnsafeMutableRawBufferPointer, _ used: inout Int
        ) {
            if used > 0 { taken.append((stream, [UInt8](buffer[..<used]))) }
            used = 0
        }

        /// Called outside the lock: a consumer that takes a piece resumes the streams.
        func perform(_ run: LocalRun) {
            for (stream, bytes) in taken where run.output.take(bytes, from: stream) {
                run.slot.endRun(run.serial, ISOLATE_END_OUTPUT)
            }
            if let ended { run.output.end(ended) }
            run.pauseIfFull()
        }
    }

    /// Reads until the pipe is empty, or has given enough for one turn.
    ///
    /// A program may set its pipe to packet mode (O_DIRECT), where each read returns one of its writes, and a
    /// partial read would lose the rest. So pieces are gathered in one buffer that always has room for the
    /// largest packet.
    private func drain(_ index: Int, in streams: inout Pair, toTheEnd: Bool) -> Effects {
        var effects = Effects()
        guard streams[index].pipe != nil, toTheEnd || !streams[index].isPaused else { return effects }
        let fd = streams[index].pipe.number
        let name = streams[index].name
        let bounds = toTheEnd ? Turn(rest: fd) : Turn()
        withUnsafeTemporaryAllocation(byteCount: Self.readSize, alignment: 16) { buffer in
            var used = 0
            var reads = 0
            var total = 0
            while reads < bounds.reads, total < bounds.bytes {
                let count = read(fd, buffer.baseAddress! + used, Self.readSize - used)
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN { break }
                guard count > 0 else {
                    endStream(&streams[index])
                    effects.ended = name
                    break
                }
                used += count
                reads += 1
                total += count
                if used > Self.readSize - Self.largestPacket {
                    effects.take(name, buffer, &used)
                }
                // A short read has usually emptied the pipe; a very short one may be a packet.
                if !toTheEnd, count < Self.readSize, count >= Self.tinyRead { break }
            }
            effects.take(name, buffer, &used)
        }
        return effects
    }

    /// A consumer that resumes at the same moment does so after this, since it takes the same lock.
    private func pauseIfFull() {
        guard output.isFull else { return }
        streams.value.withLock { streams in
            guard output.isFull else { return }
            for index in 0..<2 where streams[index].pipe != nil && !streams[index].isPaused {
                streams[index].isPaused = true
                slot.loop.change(streams[index].pipe.number, events: 0)
            }
        }
    }

    /// The request was never sent: closes the pipes.
    func abandon() {
        ended(.failure(Slot.gone))
    }
}
