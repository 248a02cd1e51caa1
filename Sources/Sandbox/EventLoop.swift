/// The one thread on which a local backend waits for its descriptors.

import CIsolate
import Glibc
import SandboxAPI
import SandboxRuntime

/// Handles the events of a descriptor, on the loop's thread.
protocol EventHandler: AnyObject, Sendable {
    /// - Parameter events: epoll's bits; never zero.
    func ready(_ fd: Int32, events: UInt32)
}

/// A thread that waits with epoll for all descriptors of a backend.
///
/// All signals are blocked on it, so that no signal handler of the embedder runs there and a write to a
/// closed pipe only returns EPIPE.
final class EventLoop: Sendable {
    private struct State {
        /// Handlers by descriptor. The number distinguishes a handler from an earlier one of the same
        /// descriptor, whose events may still arrive.
        var handlers: [Int32: (number: UInt32, handler: any EventHandler)] = [:]
        var lastNumber: UInt32 = 0
        var jobs: [@Sendable () -> Void] = []
        var isStopped = false
        var deadlines = Deadlines<@Sendable () -> Void>()
        /// When the thread wakes up if nothing happens. Cancelling a deadline does not move this back, so the
        /// thread need not be woken for the next deadline, which is later. A run's deadline thus costs an
        /// entry in a heap, and at most one needless wake-up per length of a deadline.
        var sleepsUntil: UInt64 = .max
    }

    typealias DeadlineID = Deadlines<@Sendable () -> Void>.ID

    private let epoll: OwnedDescriptor
    private let wakeup: OwnedDescriptor
    private let state = Locked(State())

    static let readable = EPOLLIN.rawValue
    static let writable = EPOLLOUT.rawValue

    /// - Throws: `.setupFailed` when the process is out of descriptors or threads.
    init() throws(SandboxError) {
        guard let epoll = OwnedDescriptor(owning: epoll_create1(Int32(EPOLL_CLOEXEC))),
            let wakeup = OwnedDescriptor(owning: eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)))
        else {
            let error = errno
            throw SandboxError(
                .setupFailed, stage: "eventLoop", errno: error,
                message: "cannot make an event loop: \(describe(errno: error))",
                hint: "raise the limit of open files (ulimit -n)")
        }
        var event = epoll_event(events: Self.readable, data: Self.data(wakeup.number, 0))
        epoll_ctl(epoll.number, EPOLL_CTL_ADD, wakeup.number, &event)
        self.epoll = epoll
        self.wakeup = wakeup
        try startThread()
    }

    private func startThread() throws(SandboxError) {
        let result = BlockingThread.start { self.run() }
        guard result == 0 else {
            throw SandboxError(
                .setupFailed, stage: "eventLoop", errno: result,
                message: "cannot start a thread: \(describe(errno: result))", hint: "raise ulimit -u")
        }
    }

    /// Waits for `events` on a descriptor until ``remove(_:)``. The loop holds the handler until then.
    func add(_ fd: Int32, events: UInt32, handler: any EventHandler) {
        state.withLock { state in
            state.lastNumber &+= 1
            state.handlers[fd] = (state.lastNumber, handler)
        }
        change(fd, events: events)
    }

    /// Changes the events that the loop waits for; 0 pauses.
    ///
    /// The loop takes a paused descriptor out of the epoll set, because epoll would report a hang-up of the
    /// other end again and again.
    func change(_ fd: Int32, events: UInt32) {
        if events == 0 {
            epoll_ctl(epoll.number, EPOLL_CTL_DEL, fd, nil)
            return
        }
        guard let number = state.withLock({ $0.handlers[fd]?.number }) else { return }
        var event = epoll_event(events: events, data: Self.data(fd, number))
        if epoll_ctl(epoll.number, EPOLL_CTL_MOD, fd, &event) != 0 {
            epoll_ctl(epoll.number, EPOLL_CTL_ADD, fd, &event)
        }
    }

    private static func data(_ fd: Int32, _ number: UInt32) -> epoll_data_t {
        epoll_data_t(u64: UInt64(number) << 32 | UInt64(UInt32(bitPattern: fd)))
    }

    /// Stops waiting for a descriptor. The caller calls this before it closes the descriptor.
    func remove(_ fd: Int32) {
        epoll_ctl(epoll.number, EPOLL_CTL_DEL, fd, nil)
        state.withLock { _ = $0.handlers.removeValue(forKey: fd) }
    }

    /// Runs a job that may block, such as starting the supervisor, on a thread that is not the caller's
    /// executor's.
    func perform(_ job: @escaping @Sendable () -> Void) {
        let isStopped = state.withLock { state in
            if !state.isStopped { state.jobs.append(job) }
            return state.isStopped
        }
        if isStopped { job() } else { wake() }
    }

    /// Runs `action` on the loop's thread after `delay`, unless the deadline is cancelled. `action` must not
    /// block.
    func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) -> DeadlineID {
        let time = Self.now &+ delay.clampedNanoseconds
        let (id, isSooner) = state.withLock { state in
            let id = state.deadlines.add(at: time, action)
            guard time < state.sleepsUntil else { return (id, false) }
            state.sleepsUntil = time
            return (id, true)
        }
        if isSooner { wake() }
        return id
    }

    /// Cancels a deadline. Does nothing when its action has begun.
    func callOff(_ id: DeadlineID) { state.withLock { $0.deadlines.remove(id) } }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// See ``Locked/follow()``: for what a job handed over once it had used the loop.
    func follow() { state.follow() }

    /// Ends the thread after the jobs that are queued.
    func stop() {
        state.withLock { $0.isStopped = true }
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeup.number, &one, MemoryLayout<UInt64>.size)
    }

    private func run() {
        let capacity = 64
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: capacity)
        defer { events.deallocate() }
        while true {
            performDue()
            let count = epoll_wait(epoll.number, events, Int32(capacity), millisecondsToSleep())
            for index in 0..<max(0, Int(count)) {
                let fd = Int32(truncatingIfNeeded: events[index].data.u64)
                let number = UInt32(events[index].data.u64 >> 32)
                if fd == wakeup.number {
                    var ignored: UInt64 = 0
                    _ = read(wakeup.number, &ignored, MemoryLayout<UInt64>.size)
                    if runJobs() { return }
                } else if let entry = state.withLock({ $0.handlers[fd] }), entry.number == number {
                    entry.handler.ready(fd, events: events[index].events)
                }
            }
        }
    }

    private func performDue() {
        while let action = state.withLock({ state -> (@Sendable () -> Void)? in
            guard state.deadlines.count > 0 else { return nil }
            return state.deadlines.takeDue(now: Self.now)
        }) {
            action()
        }
    }

    private func millisecondsToSleep() -> Int32 {
        state.withLock { state in
            guard state.sleepsUntil != .max else { return -1 }
            let now = Self.now
            if state.sleepsUntil <= now { state.sleepsUntil = state.deadlines.nextTime() ?? .max }
            guard state.sleepsUntil != .max else { return -1 }
            // Rounds up: rounded down, the thread would wake up early again and again.
            let wait = state.sleepsUntil > now ? (state.sleepsUntil - now + 999_999) / 1_000_000 : 0
            return Int32(clamping: wait)
        }
    }

    private func runJobs() -> Bool {
        while true {
            let (job, isStopped) = state.withLock { state in
                (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isStopped)
            }
            guard let job else { return isStopped }
            job()
        }
    }
}

/// The deadlines of one awaited event; all are cancelled when it happens.
final class DeadlineSet: Sendable {
    private let loop: EventLoop
    /// `nil` once the event has happened.
    private let ids = Locked<[EventLoop.DeadlineID]?>([])

    init(_ loop: EventLoop) { self.loop = loop }

    /// Adds a deadline. Does nothing when the event has happened.
    func add(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        ids.withLock { ids in
            guard ids != nil else { return }
            ids?.append(loop.schedule(after: delay, action))
        }
    }

    func end() {
        let ended = ids.withLock { ids in
            defer { ids = nil }
            return ids
        }
        for id in ended ?? [] { loop.callOff(id) }
    }
}

extension Duration {
    /// The duration in nanoseconds, at least 0 and at most a hundred years.
    var clampedNanoseconds: UInt64 {
        if self <= .zero { return 0 }
        let (seconds, attoseconds) = components
        return UInt64(min(seconds, 3_153_600_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
