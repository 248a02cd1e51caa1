/// A descriptor is closed once, by its owner, on every path.

import Glibc
import Testing

@testable import SandboxRuntime

@Suite struct OwnedDescriptorTests {
    private struct Failure: Error {}

    /// A pipe tells by its reading end whether its writing end is open, whatever number that has by then.
    private final class Watched: Sendable {
        private let reading: OwnedDescriptor

        init(_ body: (consuming OwnedDescriptor) throws -> Void) throws {
            var ends: [Int32] = [-1, -1]
            pipe(&ends)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            reading = OwnedDescriptor(owning: ends[0])!
            let writing = OwnedDescriptor(owning: ends[1])!
            try? body(writing)
        }

        /// Other tests start processes, which have a copy of it for a moment.
        var isClosed: Bool { hasHungUp(within: 5000) }

        var isOpen: Bool { !hasHungUp(within: 0) }

        private func hasHungUp(within milliseconds: Int32) -> Bool {
            var event = pollfd(fd: reading.number, events: Int16(POLLIN), revents: 0)
            return poll(&event, 1, milliseconds) == 1 && event.revents & Int16(POLLHUP) != 0
        }
    }

    @Test("It is closed at the end of its scope") func scope() throws {
        #expect(try Watched { _ = $0.number }.isClosed)
    }

    @Test("It is closed by an error that passes") func error() throws {
        let watched = try Watched { descriptor in
            if descriptor.number >= 0 { throw Failure() }
        }
        #expect(watched.isClosed)
    }

    @Test("It is open as long as its scope, however early it is used last") func lexical() throws {
        let watched = try Watched { descriptor in
            let number = descriptor.number
            #expect(fcntl(number, F_GETFD) >= 0)
        }
        #expect(watched.isClosed)
    }

    @Test("What was made before the step that fails is closed, too") func halfMade() throws {
        struct Pair: ~Copyable {
            let first: OwnedDescriptor
            let second: OwnedDescriptor

            init(_ first: consuming OwnedDescriptor, _ second: Int32) throws {
                guard let second = OwnedDescriptor(owning: second) else { throw Failure() }
                self.first = first
                self.second = second
            }
        }
        #expect(try Watched { _ = try Pair($0, -1) }.isClosed)
    }

    @Test("Another one in its variable closes it") func replaced() throws {
        let watched = try Watched { descriptor in
            var current = descriptor
            current = OwnedDescriptor(owning: open("/dev/null", O_RDONLY | O_CLOEXEC))!
            #expect(fcntl(current.number, F_GETFD) >= 0)
        }
        #expect(watched.isClosed)
    }

    @Test("What an object holds is closed with the object, or when it is taken out") func held() throws {
        final class Holder: Sendable {
            let held: Locked<OwnedDescriptor?>
            init(_ descriptor: consuming OwnedDescriptor) { held = Locked(descriptor) }
        }
        #expect(try Watched { _ = Holder($0) }.isClosed)
        var holder: Holder?
        let watched = try Watched { holder = Holder($0) }
        #expect(watched.isOpen)
        #expect(holder?.held.withLock { $0.number } ?? -1 >= 0)
        holder?.held.withLock { $0 = nil }
        #expect(watched.isClosed)
        #expect(holder?.held.withLock { $0.number } == -1)
    }

    @Test("What was taken is not closed") func taken() throws {
        var number: Int32 = -1
        let watched = try Watched { number = $0.take() }
        #expect(watched.isOpen)
        #expect(OwnedDescriptor(owning: number)!.close() == 0)
        #expect(watched.isClosed)
    }

    @Test("A call that failed made none, and its error number is still there") func failed() {
        guard OwnedDescriptor(owning: open("/nowhere", O_RDONLY)) == nil else {
            Issue.record("there is no such file")
            return
        }
        #expect(errno == ENOENT)
    }

    @Test("Closing leaves the error number of the call that failed before") func errorNumber() {
        do {
            let descriptor = OwnedDescriptor(owning: open("/dev/null", O_RDONLY | O_CLOEXEC))!
            #expect(descriptor.number >= 0)
            errno = ENOTEMPTY
        }
        #expect(errno == ENOTEMPTY)
    }
}
