/// Passes bytes on from pipe to pipe, as one pipe would.

import Glibc
import SandboxAPI

/// The relay of a conversation's connections whose both ends are pipes of this process, on a thread of its own.
///
/// It holds at most one piece of 64 KiB for each connection, so a writer waits for its reader. When a writer's pipe comes to
/// its end the reader's does, and when a reader's end is closed so is the writer's. Only the thread moves bytes and closes
/// descriptors; it ends when all are closed.
final class PipeRelay: Sendable {
    /// What happened to a connection, by its index in the plan.
    enum Event: Sendable {
        case moved(Int, [UInt8])
        case closed(Int, ConversationStateMachine.Closing)
        /// The writer wrote more than its bound.
        case exceeded(Int)
    }

    /// A writer's end.
    private final class Link: Sendable {
        struct Progress: Sendable {
            var piece: ArraySlice<UInt8> = []
            /// How many more bytes the writer may write; negative: it has written more than its bound.
            var left: Int
        }

        let number: Int
        let target: Target
        /// Goes on when the reader has gone: what comes then is thrown away.
        let outlivesReader: Bool
        /// `nil`: it came to its end, or nobody reads it.
        let source: Locked<OwnedDescriptor?>
        let progress: Locked<Progress>

        init(
            _ number: Int, _ source: consuming OwnedDescriptor, to target: Target, bound: Int,
            outlivesReader: Bool
        ) {
            self.number = number
            self.target = target
            self.outlivesReader = outlivesReader
            self.source = Locked(consume source)
            progress = Locked(Progress(left: bound))
        }

        var fd: Int32 { source.withLock { $0.number } }
        var isEmpty: Bool { progress.withLock { $0.piece.isEmpty } }
        var hasExceeded: Bool { progress.withLock { $0.left < 0 } }
        func close() { source.withLock { $0 = nil } }
    }

    /// A reader's end.
    private final class Target: Sendable {
        /// `nil`: all is written, or it does not read any more.
        let end: Locked<OwnedDescriptor?>

        init(_ end: consuming OwnedDescriptor) { self.end = Locked(consume end) }

        var fd: Int32 { end.withLock { $0.number } }
        func close() { end.withLock { $0 = nil } }
    }

    private struct State: Sendable {
        var links: [Link] = []
        var targets: [Int: Target] = [:]
        var isOver = false
        var waiter: Waiter<Void>?
    }

    private static let pieceSize = 64 << 10
    private let state = Locked(State())
    /// Held while bytes move and ends close: at any other time a byte is in a pipe or in a piece.
    private let moving = Locked(())
    private let onEvent: @Sendable (Event) -> Void

    /// - Parameter onEvent: called on the relay's thread; must not block.
    init(onEvent: @escaping @Sendable (Event) -> Void) { self.onEvent = onEvent }

    /// Adds a reader; before ``start()``.
    func add(target: Int, _ end: consuming OwnedDescriptor) {
        Self.unblock(end.number)
        let target = (target, Target(end))
        state.withLock { $0.targets[target.0] = target.1 }
    }

    /// Adds a writer to a reader that was added; before ``start()``.
    func add(
        link number: Int, _ source: consuming OwnedDescriptor, to target: Int, bound: Int,
        outlivesReader: Bool = false
    ) {
        Self.unblock(source.number)
        guard let target = state.withLock({ $0.targets[target] }) else { return }
        let link = Link(number, source, to: target, bound: bound, outlivesReader: outlivesReader)
        state.withLock { $0.links.append(link) }
    }

    private static func unblock(_ fd: Int32) {
        let flags = fcntl(fd, F_GETFL)
        _ = fcntl(fd, F_SETFL, flags | O_NONBLOCK)
    }

    /// Starts the thread.
    ///
    /// - Throws: `.setupFailed` when the process is out of threads.
    func start() throws(SandboxError) {
        let result = BlockingThread.start { self.run() }
        guard result == 0 else {
            throw SandboxError(
                .setupFailed, stage: "stdio", errno: result,
                message: "cannot start a thread for a conversation: \(describe(errno: result))",
                hint: "raise ulimit -u")
        }
    }

    /// Waits until all ends are closed, which they are soon after the last program has ended.
    func finish() async {
        await state.answer { state, waiter in
            if state.isOver { return () }
            state.waiter = waiter
            return nil
        }
    }

    /// Whether nothing is under way: no byte is held here, none waits in a writer's pipe, and no end has been closed
    /// without the other one's having been, too.
    var isQuiet: Bool {
        let (links, targets) = state.withLock { ($0.links, Array($0.targets.values)) }
        return moving.withLock { _ in
            guard links.allSatisfy(\.isEmpty) else { return false }
            var polled = Self.polled(links, targets)
            return polled.isEmpty || poll(&polled, nfds_t(polled.count), 0) == 0
        }
    }

    // MARK: On the thread

    private func run() {
        let (links, targets) = state.withLock { ($0.links, Array($0.targets.values)) }
        while case var polled = Self.polled(links, targets), !polled.isEmpty {
            _ = poll(&polled, nfds_t(polled.count), -1)
            // A reader that has gone: the kernel reports it whatever was waited for.
            let gone = Set(polled.filter { $0.revents & Int16(POLLERR) != 0 }.map(\.fd))
            let events = moving.withLock { _ in
                var events: [Event] = []
                for target in targets where gone.contains(target.fd) { leave(target, links, &events) }
                for link in links { move(link, links, &events) }
                closeFinished(links, targets)
                return events
            }
            for event in events { onEvent(event) }
            // Only now: its writer is not to meet a broken pipe before whoever judges it knows of the bound.
            let spent = links.filter { $0.fd >= 0 && $0.hasExceeded }
            if !spent.isEmpty {
                moving.withLock { _ in
                    for link in spent { link.close() }
                    closeFinished(links, targets)
                }
            }
        }
        state.withLock { state in
            state.isOver = true
            defer { state.waiter = nil }
            return state.waiter
        }?.resume()
    }

    private static func polled(_ links: [Link], _ targets: [Target]) -> [pollfd] {
        var polled: [pollfd] = []
        for link in links where link.fd >= 0 && link.isEmpty {
            polled.append(pollfd(fd: link.fd, events: Int16(POLLIN), revents: 0))
        }
        for target in targets where target.fd >= 0 {
            let isWanted = links.contains { $0.target === target && !$0.isEmpty }
            polled.append(pollfd(fd: target.fd, events: isWanted ? Int16(POLLOUT) : 0, revents: 0))
        }
        return polled
    }

    /// Closes each reader's end whose writers have all ended and were all read.
    private func closeFinished(_ links: [Link], _ targets: [Target]) {
        for target in targets where target.fd >= 0 {
            if links.allSatisfy({ $0.target !== target || ($0.fd < 0 && $0.isEmpty) }) { target.close() }
        }
    }

    /// The reader has gone: its writers meet a broken pipe.
    private func leave(_ target: Target, _ links: [Link], _ events: inout [Event]) {
        let isNews = target.fd >= 0
        target.close()
        for link in links where link.target === target {
            let wasOpen = link.fd >= 0 && isNews
            if !link.outlivesReader { link.close() }
            link.progress.withLock { $0.piece = [] }
            if wasOpen { events.append(.closed(link.number, .reader)) }
        }
    }

    /// Reads a piece if none is held, and writes what is held, as far as both go without waiting.
    private func move(_ link: Link, _ links: [Link], _ events: inout [Event]) {
        if link.isEmpty { take(link, &events) }
        let piece = link.progress.withLock { $0.piece }
        guard !piece.isEmpty else { return }
        let written = piece.withUnsafeBytes { write(link.target.fd, $0.baseAddress, $0.count) }
        if written > 0 {
            link.progress.withLock { $0.piece = piece.dropFirst(written) }
            events.append(.moved(link.number, Array(piece.prefix(written))))
        } else if written < 0, errno != EAGAIN, errno != EINTR {
            leave(link.target, links, &events)
        }
    }

    private func take(_ link: Link, _ events: inout [Event]) {
        let fd = link.fd
        guard fd >= 0 else { return }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.pieceSize) { buffer, used in
            count = read(fd, buffer.baseAddress, Self.pieceSize)
            used = max(0, count)
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0 else {
            link.close()
            return events.append(.closed(link.number, .writer))
        }
        let hasExceeded = link.progress.withLock { progress in
            progress.piece = bytes.prefix(progress.left)
            progress.left -= count
            return progress.left < 0
        }
        if hasExceeded {
            events.append(.exceeded(link.number))
        }
    }
}
