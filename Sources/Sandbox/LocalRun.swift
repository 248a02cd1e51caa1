/// One run in a slot: the pipes that its output comes through.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// Reads what a program writes until the slot says that every process of the run is dead.
///
/// All descriptors are read on the event loop's thread. The end is the slot's record, never an end of file: when it
/// comes, whatever was written is in the pipes.
final class LocalRun: EventHandler, RunUnderWay {
    private struct Stream: ~Copyable, Sendable {
        /// The reading end of its pipe. `nil`: it came to its end.
        var pipe: OwnedDescriptor?
        let name: Execution.Chunk.Stream
        var isPaused = false

        init(_ pipe: consuming OwnedDescriptor, _ name: Execution.Chunk.Stream) {
            self.pipe = consume pipe
            self.name = name
        }
    }

    private typealias Pair = InlineArray<2, Stream>

    private static let readSize = 64 << 10
    private static let tinyRead = 512
    private static let largestPacket = sysconf(Int32(_SC_PAGESIZE))

    /// How much is read at a time.
    private struct Turn {
        /// One flood must not hold up the other runs of the loop; what is left is reported again.
        var reads = 256
        var bytes = 2 * readSize
        /// F_GETPIPE_SZ, which the C library shows to nobody here.
        private static let getPipeSize: Int32 = 1032

        init() {}

        /// All that the pipe can hold: every writer is dead, unless the slot was given up, and then it is no matter. A
        /// read empties at least one of its pages.
        init(rest fd: Int32) {
            bytes = max(Int(fcntl(fd, Self.getPipeSize)), readSize)
            reads = bytes / largestPacket + 1
        }
    }

    let output: RunOutput
    /// What is done when its end does not come.
    let bounds: DeadlineSet
    private let slot: Slot
    private let serial: UInt64
    private let command: Command
    private let input: InputPump?
    private let onEnd: @Sendable () -> Void
    private let streams: Streams

    /// Shared with the output, which unpauses them.
    private final class Streams: Sendable {
        let value: Locked<Pair>
        let loop: EventLoop

        init(_ stdout: consuming OwnedDescriptor, _ stderr: consuming OwnedDescriptor, _ loop: EventLoop) {
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
    ///   - slot: where it runs, and `serial` its number there.
    ///   - input: what feeds its stdin, if that comes through a pipe.
    ///   - stdout: the reading end of a non-blocking pipe; so is `stderr`.
    ///   - onEnd: called when the run no longer needs the slot.
    init(
        _ request: PlacedRequest, in slot: Slot, serial: UInt64, input: InputPump?,
        stdout: consuming OwnedDescriptor, stderr: consuming OwnedDescriptor,
        onEnd: @escaping @Sendable () -> Void
    ) {
        self.slot = slot
        self.serial = serial
        self.input = input
        self.onEnd = onEnd
        command = request.command
        bounds = DeadlineSet(slot.loop)
        let (out, err) = (stdout.number, stderr.number)
        let streams = Streams(stdout, stderr, slot.loop)
        self.streams = streams
        output = RunOutput(bound: request.limits.output, isStreaming: request.isStreaming) { _ in
            streams.unpause()
        }
        slot.loop.add(out, events: EventLoop.readable, handler: self)
        slot.loop.add(err, events: EventLoop.readable, handler: self)
    }

    func kill() {
        slot.endRun(serial, ISOLATE_END_CANCEL)
        // Whoever does not want a run any more does not wait for a slot that hangs.
        bounds.add(after: Patience.unwanted) { [slot] in slot.giveUp(SandboxError.runCancelled) }
    }

    func stopInput() { input?.stop() }

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

    /// The slot's last word, or the loss of the slot.
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
    }

    private func endStream(_ stream: inout Stream) {
        if let pipe = stream.pipe.take() { slot.loop.remove(pipe.number) }
    }

    private struct Effects {
        var taken: [(stream: Execution.Chunk.Stream, bytes: [UInt8])] = []

        mutating func merge(_ other: Effects) { taken += other.taken }

        /// Copies what was gathered, so that it takes no more memory than it is long.
        mutating func take(
            _ stream: Execution.Chunk.Stream, _ buffer: UnsafeMutableRawBufferPointer, _ used: inout Int
        ) {
            if used > 0 { taken.append((stream, [UInt8](buffer[..<used]))) }
            used = 0
        }

        /// Outside the lock: a consumer that takes something unpauses the streams.
        func perform(_ run: LocalRun) {
            for (stream, bytes) in taken where run.output.take(bytes, from: stream) {
                run.slot.endRun(run.serial, ISOLATE_END_OUTPUT)
            }
            run.pauseIfFull()
        }
    }

    /// Reads until the pipe is empty, or has given enough for one turn.
    ///
    /// A program may have its pipe in packet mode (O_DIRECT), where each read gives one of its writes, and none may be
    /// read in part: so pieces are gathered in one buffer that always has room for the largest packet.
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
                    break
                }
                used += count
                reads += 1
                total += count
                if used > Self.readSize - Self.largestPacket {
                    effects.take(name, buffer, &used)
                }
                // A short read has most often emptied the pipe; a tiny one may be a packet.
                if !toTheEnd, count < Self.readSize, count >= Self.tinyRead { break }
            }
            effects.take(name, buffer, &used)
        }
        return effects
    }

    /// A consumer that goes on in this moment unpauses after us, as it takes the same lock.
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

    /// The request never left: closes the pipes.
    func abandon() {
        ended(.failure(Slot.gone))
    }
}
