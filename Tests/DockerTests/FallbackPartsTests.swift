/// The parts of the fallback that have no effects: the journal of files, the relay of output; and pool metrics.

#if Docker
import Metrics
import MetricsTestKit
import Sandbox
import SandboxTesting
import Synchronization
import TestSupport
import Testing

@testable import SandboxDocker
@testable import SandboxFallback

@Suite struct FileJournalTests {
    /// Begins the entry of a file that must be kept.
    private func begin(
        _ journal: inout FileJournal, _ path: ByteString, _ bytes: [UInt8] = [], executable: Bool = false
    ) throws -> Int {
        let id = journal.begin(.write(bytes, executable: executable), of: path)
        return try #require(id)
    }

    private func write(_ byte: UInt8) -> FileJournal.Change { .write([byte], executable: false) }

    /// Whatever is done to files, in any order: the journal leads to the same tree as the changes themselves.
    @Test func leadsToTheSameTree() async throws {
        for seed in 1...200 {
            var random = SeededGenerator(seed: UInt64(seed))
            let backend = FakeBackend()
            let (first, second) = (try await backend.acquire(.init()), try await backend.acquire(.init()))
            var journal = FileJournal(capacity: 1 << 20)
            for step in 0..<40 {
                let path = ByteString(["a", "a/b", "a/b/c", "d", "d/e"].randomElement(using: &random)!)
                let changes: [FileJournal.Change] = [
                    .write([UInt8(step), 0], executable: step % 2 == 0), .part([UInt8(step)], offset: 1),
                    .directory, .link(target: "\(step)"), .removal,
                ]
                let change = changes.randomElement(using: &random)!
                guard let id = journal.begin(change, of: path) else { continue }
                do {
                    if change == .removal {
                        try await first.remove(path)
                    } else {
                        try await FileJournal.Entry(id: 0, path: path, change: change).replay(in: first)
                    }
                    journal.confirm(id)
                } catch {
                    journal.cancel(id)
                }
            }
            for entry in journal.entries { try await entry.replay(in: second) }
            #expect(
                try await archive(of: first) == archive(of: second), "seed \(seed): \(journal.entries)")
        }
    }

    private func archive(of sandbox: any SandboxLease) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in sandbox.readTree() { bytes += piece }
        return bytes
    }

    @Test func keepsWhatWasWrittenInOrder() throws {
        var journal = FileJournal(capacity: 10_000)
        for path in ["a", "b", "a"] {
            let id = try begin(&journal, ByteString(path), Array(path.utf8), executable: path == "b")
            journal.confirm(id)
        }
        // The second `a` replaced the first.
        #expect(journal.entries.map(\.path) == ["b", "a"] && journal.entries.allSatisfy(\.isConfirmed))
        #expect(journal.entries[0].change == .write([98], executable: true) && !journal.isIncomplete)
    }

    @Test func forgetsWhatWasNotWritten() throws {
        var journal = FileJournal(capacity: 10_000)
        let good = try begin(&journal, "a", [1])
        journal.confirm(good)
        let bad = try begin(&journal, "a", [2])
        #expect(journal.entries.map(\.change) == [write(1), write(2)])
        journal.cancel(bad)
        #expect(journal.entries.map(\.change) == [write(1)])
    }

    @Test func isIncompleteBeyondItsCapacity() throws {
        var journal = FileJournal(capacity: FileJournal.overhead + 1 + 100)
        journal.confirm(try begin(&journal, "a", [UInt8](repeating: 0, count: 100)))
        #expect(!journal.isIncomplete)
        #expect(journal.begin(.write([], executable: false), of: "b") == nil)
        #expect(journal.isIncomplete && journal.entries.isEmpty)
        #expect(journal.begin(.write([], executable: false), of: "c") == nil)
        // Empty files count, too.
        journal = FileJournal(capacity: 1_000)
        let kept = (0..<100).prefix { journal.begin(.write([], executable: false), of: "\($0)") != nil }
        #expect(kept.count == 3)
    }

    @Test func replacementFreesRoom() throws {
        var journal = FileJournal(capacity: 3 * FileJournal.overhead)
        for _ in 0..<100 {
            journal.confirm(try begin(&journal, "a"))
        }
        #expect(journal.entries.count == 1 && !journal.isIncomplete)
    }
}

@Suite(.timeLimit(.minutes(1))) struct StreamRelayTests {
    private func output(_ texts: [String]) -> Execution.Output {
        let rest = Mutex(texts[...])
        return Execution.Output {
            rest.withLock { $0.popFirst() }.map { .init(stream: .stdout, bytes: Array($0.utf8)) }
        }
    }

    private func text(_ relay: StreamRelay) async -> String {
        var bytes: [UInt8] = []
        while let chunk = await relay.next() { bytes += chunk.bytes }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func oneTryIsSeenWhole() async throws {
        let relay = StreamRelay()
        async let seen = text(relay)
        try await relay.serve(output(["a", "b"]))
        #expect(!relay.claimRetry())
        relay.end()
        let text = await seen
        #expect(text == "ab")
    }

    @Test func aSecondTryFollowsAnEmptyOne() async throws {
        let relay = StreamRelay()
        async let seen = text(relay)
        try await relay.serve(output([]))
        #expect(relay.claimRetry())
        try await relay.serve(output(["c", "d"]))
        relay.end()
        let text = await seen
        #expect(text == "cd")
    }

    /// The first try has failed, and its stream never ends.
    @Test func aTryGivenUpIsNotReadAnyMore() async throws {
        let relay = StreamRelay()
        let (stream, feed) = AsyncStream.makeStream(of: String.self)
        async let seen = text(relay)
        async let first: Void = relay.serve(
            Execution.Output {
                for await text in stream { return .init(stream: .stdout, bytes: Array(text.utf8)) }
                return nil
            })
        try await Task.sleep(for: .milliseconds(20))
        #expect(relay.claimRetry())
        try await first
        feed.yield("late")
        async let second: Void = relay.serve(output(["new"]))
        try await second
        relay.end()
        feed.finish()
        let text = await seen
        #expect(text == "new")
    }

    @Test func aConsumerThatEndsEndsTheTry() async throws {
        struct Enough: Error {}
        let relay = StreamRelay()
        relay.consumerEnded(.success(()))
        try await relay.serve(output(["a"]))
        let other = StreamRelay()
        async let serving: Void = other.serve(output(["a"]))
        #expect(await other.next() != nil)
        other.consumerEnded(.failure(Enough()))
        do {
            try await serving
            Issue.record("the consumer's error was lost")
        } catch {
            #expect(error is Enough)
        }
    }
}

@Suite struct PoolMetricsTests {
    @Test func statisticsBecomeGaugesAndCounters() throws {
        let metrics = TestMetrics()
        let pool = PoolMetrics(dimensions: [("backend", "docker")], factory: metrics)
        var details = PoolDetails()
        details.statistics.available = 3
        details.statistics.resetting = 1
        details.statistics.waiting = 7
        details.statistics.created = 10
        for _ in 0..<99 { details.acquireTimes.record(.milliseconds(1)) }
        details.acquireTimes.record(.seconds(4))
        pool.publish(details)
        details.statistics.created = 12
        details.statistics.available = 2
        pool.publish(details)
        pool.publish(details)

        let backend = [("backend", "docker")]
        func gauge(_ name: String, _ more: [(String, String)] = []) throws -> Double? {
            try metrics.expectRecorder("sandbox_pool_" + name, backend + more).values.last
        }
        #expect(try gauge("available") == 2 && gauge("waiting") == 7)
        #expect(try gauge("total") == 3 && gauge("resetting") == 1)
        // A counter grows by the difference only, however often it is published.
        #expect(metrics.counterTotal(label: "sandbox_pool_created_total", dimensions: backend) == 12)
        let median = try #require(try gauge("acquire_seconds", [("quantile", "0.5")]))
        #expect(abs(median - 0.001) < 0.00013)
        #expect(try gauge("acquire_seconds", [("quantile", "0.99")]) ?? 1 < 0.0012)
    }
}
#endif
