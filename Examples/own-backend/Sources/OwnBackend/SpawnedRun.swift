/// A program from its start to its end: a thread moves its bytes, enforces its two limits, and reaps it.
import CSpawn
import Foundation
import SandboxAPI
import SandboxRuntime
import Synchronization

extension UsageSource {
    /// The figure was not measured, and is the least possible value.
    static let notMeasured = UsageSource(rawValue: "notMeasured")
}

/// A running program. A thread of its own makes the blocking calls.
final class SpawnedRun: RunUnderWay {
    /// What ended the run before the program did so itself; the first cause wins.
    private enum Cause: Sendable {
        case killed
        case limit(LimitKind)
    }

    private struct State {
        var cause: Cause?
        var hasExited = false
    }

    private static let readSize = 64 << 10
    /// A pipe holds up to 1 MiB, and a read takes at least one page of it.
    private static let mostReads = 256

    let output: RunOutput
    private let program: cspawn_program
    private let limits: Limits
    private let input: InputPump?
    private let wakeup: Wakeup
    private let onEnd: @Sendable () -> Void
    private let state = Mutex(State())

    init(
        _ program: cspawn_program, _ request: PlacedRequest, input: InputPump?, wakeup: Wakeup,
        onEnd: @escaping @Sendable () -> Void
    ) {
        self.program = program
        self.input = input
        self.wakeup = wakeup
        self.onEnd = onEnd
        limits = request.limits
        output = RunOutput(for: request) { _ in wakeup.poke() }
    }

    func begin() {
        input?.begin()
        Thread.detachNewThread { self.work() }
    }

    func kill() { end(because: .killed) }

    func stopInput() { input?.cancel() }

    var inputFailure: SandboxError? { input?.failure }

    private func end(because cause: Cause) {
        state.withLock { state in
            // Once the program is reaped, its number may be another process's.
            guard state.cause == nil, !state.hasExited else { return }
            state.cause = cause
            Glibc.kill(-program.pid, SIGKILL)
            // In case that it changed its group.
            Glibc.kill(program.pid, SIGKILL)
        }
    }

    // MARK: The thread

    private func work() {
        // Writing to a program that closed its stdin must not raise SIGPIPE.
        var pipeSignal = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipeSignal, nil)
        let start = ContinuousClock.now
        var streams = [(Execution.Chunk.Stream.stdout, program.output), (.stderr, program.errors)]
        while true {
            let left = limits.wallTime - (ContinuousClock.now - start)
            if left <= .zero { end(because: .limit(.wallTime)) }
            var polls = [
                pollfd(fd: program.handle, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: input?.waitsFor ?? -1, events: Int16(POLLOUT), revents: 0),
            ]
            if !output.isFull {
                polls += streams.map { pollfd(fd: $0.1, events: Int16(POLLIN), revents: 0) }
            }
            poll(&polls, nfds_t(polls.count), left > .zero ? Self.milliseconds(left) : -1)
            if polls[0].revents != 0 { break }
            if polls[1].revents != 0 { wakeup.drain() }
            if polls[2].revents != 0 { input?.move() }
            // What is readable and gives nothing is at its end.
            let readable = polls.dropFirst(3).filter { $0.revents != 0 }.map { $0.fd }
            streams.removeAll { readable.contains($0.1) && !take(from: $0.1, $0.0) }
        }
        finish(wallTime: ContinuousClock.now - start, streams)
    }

    private static func milliseconds(_ duration: Duration) -> Int32 {
        Int32(min(duration / .milliseconds(1) + 1, 3_600_000))
    }

    /// Reads once; returns false when there is nothing to read.
    private func take(from descriptor: Int32, _ stream: Execution.Chunk.Stream) -> Bool {
        var bytes = [UInt8](repeating: 0, count: Self.readSize)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return false }
        if output.take(Array(bytes.prefix(count)), from: stream) { end(because: .limit(.output)) }
        return true
    }

    /// The program has ended: kills the rest of its group, takes what is left in the pipes, reaps it.
    private func finish(wallTime: Duration, _ streams: [(Execution.Chunk.Stream, Int32)]) {
        var cause = state.withLock { state in
            state.hasExited = true
            return state.cause
        }
        Glibc.kill(-program.pid, SIGKILL)
        var status: Int32 = 0
        var resources = rusage()
        while wait4(program.pid, &status, 0, &resources) < 0, errno == EINTR {}
        // The rest of the group is ending; the process that inherited them reaps them.
        for _ in 0..<100 where Glibc.kill(-program.pid, 0) == 0 { usleep(1000) }
        for (stream, descriptor) in streams {
            for _ in 0..<Self.mostReads where !take(from: descriptor, stream) { break }
        }
        for descriptor in [program.handle, program.output, program.errors] { close(descriptor) }
        input?.end()
        if cause == nil, output.hasExceeded { cause = .limit(.output) }
        output.finish(Self.end(cause, status, Self.usage(resources, wallTime)))
        onEnd()
    }

    private static func end(
        _ cause: Cause?, _ status: Int32, _ usage: Usage
    ) -> Result<RunEnd, SandboxError> {
        switch cause {
        case .killed: return .failure(.runCancelled)
        case .limit(let kind): return .success(RunEnd(outcome: .limitExceeded(kind), usage: usage))
        case nil:
            // The same as WIFSIGNALED and its like, which are macros.
            let signal = status & 0x7f
            let outcome = signal == 0 ? Outcome.exited(code: status >> 8 & 0xff) : .signaled(signal: signal)
            return .success(RunEnd(outcome: outcome, usage: usage))
        }
    }

    private static func usage(_ resources: rusage, _ wallTime: Duration) -> Usage {
        func duration(_ time: timeval) -> Duration { .seconds(time.tv_sec) + .microseconds(time.tv_usec) }
        let (user, system) = (duration(resources.ru_utime), duration(resources.ru_stime))
        let peak = resources.ru_maxrss * 1024
        return Usage(
            wallTime: wallTime, cpuTime: user + system, userTime: user, systemTime: system,
            cpuSource: .rusage, peakMemory: peak, memorySource: .rusage, residentPeak: peak,
            residentSource: .rusage, peakProcesses: 1, processesSource: .notMeasured)
    }
}
