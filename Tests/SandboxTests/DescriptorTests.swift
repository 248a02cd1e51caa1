/// An embedder without free descriptors: each call ends, and everything works once there are some again.

import Foundation
import Glibc
import SandboxRuntime
import Testing

@testable import Sandbox

@Suite(
    .serialized,
    .enabled(
        if: ProcessInfo.processInfo.environment["ALONE"] == "1",
        "changes the limits of the process: `make test` runs it alone with ALONE=1"))
struct DescriptorTests {
    /// Lowers the soft limit of open files for the body.
    private static func limited(to count: Int, _ body: () async throws -> Void) async throws {
        var before = rlimit()
        getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &before)
        var lower = before
        lower.rlim_cur = rlim_t(count)
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &lower)
        defer { setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &before) }
        try await body()
    }

    /// Too few descriptors for a run or a slot.
    private static let dispatchNeeds = 3

    private static func takeAll() -> [Int32] {
        var taken: [Int32] = []
        while case let fd = open("/dev/null", O_RDONLY | O_CLOEXEC), fd >= 0 { taken.append(fd) }
        return taken
    }

    /// Starts many runs at once, and returns how many had a result. The errors of the others name the
    /// shortage.
    private static func runs(_ count: Int, _ backend: LocalBackend) async -> Int {
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<count {
                group.addTask {
                    do {
                        let result = try await backend.run(Command("/bin/true"))
                        #expect(result.outcome == .exited(code: 0))
                        return true
                    } catch {
                        let error = error as? SandboxError
                        #expect(error?.code == .setupFailed, "\(error as Any)")
                        #expect(error?.errno == EMFILE, "\(error as Any)")
                        #expect(error?.hint?.contains("ulimit -n") == true, "\(error as Any)")
                        return false
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }

    @Test func whoAsksWhenThereAreNoneIsAnswered() async throws {
        try await Self.limited(to: 256) {
            let backend = LocalBackend(.init(minimum: 2, maximum: 16))
            _ = try await backend.run(Command("/bin/true"))
            for _ in 0..<3 {
                var taken = Self.takeAll()
                #expect(taken.count > 10)
                // libdispatch examines its threads every second, and aborts when it cannot open a file for
                // that.
                for fd in taken.suffix(Self.dispatchNeeds) { close(fd) }
                taken.removeLast(Self.dispatchNeeds)
                async let answered = Self.runs(16, backend)
                try await Task.sleep(for: .seconds(1))
                for fd in taken { close(fd) }
                _ = await answered
                #expect(await Self.runs(16, backend) == 16)
            }
            await backend.shutdown()
        }
    }

    @Test(arguments: [(24, 32), (60, 64), (90, 64)])
    func moreRunsThanDescriptors(room: Int, count: Int) async throws {
        try await Self.limited(to: Holdings.descriptors() + room) {
            let backend = LocalBackend(.init(minimum: 1, maximum: 64))
            _ = await Self.runs(count, backend)
            for _ in 0..<200 where backend.statistics.inUse > 0 {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(await Self.runs(1, backend) == 1)
            await backend.shutdown()
        }
    }

    /// Whichever of a run's descriptors is the first that there is none for, those made before it are closed.
    @Test func aRunThatLacksDescriptorsKeepsNone() async throws {
        let backend = LocalBackend(.init(minimum: 0, maximum: 1))
        let sandbox = try await backend.acquire(SandboxOptions())
        let file = try #require(Bundle.main.executablePath)
        let inputs: [@Sendable () -> StandardInput] = [
            { .none }, { .bytes([1]) }, { .file(path: ByteString(file)) },
            { .stream(AsyncStream<[UInt8]> { $0.finish() }) },
        ]
        for input in inputs { _ = try await sandbox.run(Command("/bin/true"), stdin: input()) }
        try await Self.limited(to: 256) {
            let before = Holdings.descriptors()
            for input in inputs {
                var failures = 0
                for spare in 0..<8 {
                    var taken = Self.takeAll()
                    for fd in taken.suffix(spare) { close(fd) }
                    taken.removeLast(spare)
                    do {
                        _ = try await sandbox.run(Command("/bin/true"), stdin: input())
                    } catch {
                        failures += 1
                        let error = error as? SandboxError
                        #expect(error?.errno == EMFILE, "with \(spare) descriptors: \(error as Any)")
                    }
                    for fd in taken { close(fd) }
                }
                #expect(failures > 3)
                for _ in 0..<500 where Holdings.descriptors() > before {
                    try await Task.sleep(for: .milliseconds(10))
                }
                #expect(Holdings.descriptors() == before, "\(Holdings.descriptorList())")
            }
        }
        await sandbox.close()
        await backend.shutdown()
    }

    /// Conversations, straight and relayed, whole and cut short, with and without enough descriptors.
    @Test(arguments: [TranscriptPolicy.none, .upTo(1000)])
    func aConversationKeepsNoDescriptor(transcript: TranscriptPolicy) async throws {
        let backend = LocalBackend(.init(minimum: 0, maximum: 4))
        let (one, two) = (
            try await backend.acquire(SandboxOptions()), try await backend.acquire(SandboxOptions())
        )
        func hold(_ first: String, _ second: String) async throws -> ConversationResult {
            try await converse(
                [
                    Participant("one", Command("/bin/sh", ["-c", first]), in: one),
                    Participant("two", Command("/bin/sh", ["-c", second]), in: two),
                ], connections: Connection.between("one", "two"), transcript: transcript)
        }
        func settled(at count: Int) async throws {
            for _ in 0..<500 where Holdings.descriptors() > count {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(Holdings.descriptors() == count, "\(Holdings.descriptorList())")
        }
        _ = try await hold("echo 1", "read x")
        try await Self.limited(to: 256) {
            let before = Holdings.descriptors()
            #expect(try await hold("exit 1", "cat").firstToFail?.name == "one")
            try await settled(at: before)
            let cancelled = Task { try await hold("sleep 20", "sleep 20") }
            try await Task.sleep(for: .milliseconds(200))
            cancelled.cancel()
            await #expect(throws: SandboxError.self) { try await cancelled.value }
            try await settled(at: before)
            var failures = 0
            for spare in 0..<16 {
                var taken = Self.takeAll()
                for fd in taken.suffix(spare) { close(fd) }
                taken.removeLast(spare)
                do { _ = try await hold("echo 1", "read x") } catch { failures += 1 }
                for fd in taken { close(fd) }
                try await settled(at: before)
            }
            #expect(failures > 3)
        }
        #expect(try await hold("echo 1", "read x").firstToFail == nil)
        await one.close()
        await two.close()
        await backend.shutdown()
    }

    /// A shortage of the embedder does not change what the host offers: the level stays the same.
    @Test func aStartWithoutDescriptorsLowersNoLevel() async throws {
        let usual = try await LocalBackend(.init(minimum: 0)).run(Command("/bin/true")).isolation.level
        try await Self.limited(to: 256) {
            for spare in 0..<24 {
                let backend = LocalBackend(.init(minimum: 0))
                var taken = Self.takeAll()
                for fd in taken.suffix(spare) { close(fd) }
                taken.removeLast(spare)
                do {
                    let result = try await backend.run(Command("/bin/true"))
                    #expect(result.isolation.level == usual, "with \(spare) descriptors")
                } catch let error as SandboxError {
                    #expect(error.errno == EMFILE, "with \(spare) descriptors: \(error)")
                }
                for fd in taken { close(fd) }
                #expect(try await backend.run(Command("/bin/true")).isolation.level == usual)
                await backend.shutdown()
            }
        }
    }
}
